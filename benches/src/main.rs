//! `signet-load`: makes the objects that `cargo xtask bench` measures with, and does the same work as a controller with nothing
//! around it, to know the most that this machine could do.
//!
//! Results go to stdout, as JSON.

#![expect(clippy::print_stdout, reason = "the result of a command")]

mod ceiling;
mod clear;
mod client;
mod command;
mod flood;
mod libraries;
mod post;
mod scrape;
mod seal;

fn main() -> anyhow::Result<()> {
    command::run()
}
