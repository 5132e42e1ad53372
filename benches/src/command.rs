//! What can be asked of this program.

use std::io::Read as _;

use clap::Parser;
use tokio::sync::oneshot;

use crate::{ceiling, clear, flood, libraries, post, scrape, seal};

#[derive(Parser)]
enum Command {
    Clear(clear::Arguments),
    Seal(seal::Arguments),
    Post(post::Arguments),
    Ceiling(ceiling::Arguments),
    Flood(flood::Arguments),
    Scrape(scrape::Arguments),
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
        Command::Scrape(arguments) => runtime.block_on(scrape::run(arguments)),
        Command::Libraries(arguments) => libraries::run(&arguments),
    }
}

/// Told when stdin ends, which is how a load that has no end of its own is stopped.
pub(crate) fn end_of_input() -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = ended.send(());
    });
    end
}
