//! What can be asked of this program.

use clap::Parser;

use crate::{ceiling, clear, flood, libraries, post, seal};

#[derive(Parser)]
enum Command {
    Clear(clear::Arguments),
    Seal(seal::Arguments),
    Post(post::Arguments),
    Ceiling(ceiling::Arguments),
    Flood(flood::Arguments),
    Libraries(libraries::Arguments),
}

/// Does what the command line asks for.
pub(crate) fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match Command::parse() {
        Command::Clear(arguments) => runtime.block_on(clear::run(&arguments)),
        Command::Seal(arguments) => seal::run(&arguments),
        Command::Post(arguments) => runtime.block_on(post::run(&arguments)),
        Command::Ceiling(arguments) => runtime.block_on(ceiling::run(arguments)),
        Command::Flood(arguments) => runtime.block_on(flood::run(arguments)),
        Command::Libraries(arguments) => libraries::run(&arguments),
    }
}
