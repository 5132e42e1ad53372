//! Prints the guide's list of differences with its tables filled in; `cargo xtask codegen` writes it to its file.

#![expect(clippy::print_stdout, reason = "printing is all it does")]

use std::fs;

use anyhow::Context;
use signet_tests::differences::{Differences, GUIDE, repository};

fn main() -> anyhow::Result<()> {
    let guide = fs::read_to_string(repository().join(GUIDE)).context(GUIDE)?;
    print!("{}", Differences::load()?.fill(&guide)?);
    Ok(())
}
