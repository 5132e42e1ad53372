//! `signet-load`: makes the objects that `cargo xtask bench` measures with, and does the same work as a controller with nothing
//! around it, to know the most that this machine could do.
//!
//! Results go to stdout, as JSON.

#![expect(clippy::print_stdout, reason = "the result of a command")]

mod ceiling;
mod clear;
mod client;
mod flood;
mod libraries;
mod post;
mod seal;

use clap::Parser;

#[derive(Parser)]
enum Command {
    Clear(clear::Arguments),
    Seal(seal::Arguments),
    Post(post::Arguments),
    Ceiling(ceiling::Arguments),
    Flood(flood::Arguments),
    Libraries(libraries::Arguments),
}

fn main() -> anyhow::Result<()> {
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
