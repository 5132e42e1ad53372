//! The Signet controller: opens SealedSecrets and keeps their Secrets right.
//!
//! `plan`, `status`, `tags`, `keys`, `lease` and `verify` decide and do no I/O; `api` talks to the cluster; `watch`, `queue` and
//! `pass` connect the two; `runtime` wires everything.

pub mod api;
pub mod args;
pub mod brake;
mod cores;
pub mod digest;
pub mod event;
pub mod fence;
pub mod http;
pub mod index;
pub mod key_task;
pub mod keys;
pub mod label;
pub mod leader;
pub mod lease;
pub mod log;
pub mod memory;
pub mod metrics;
pub mod object;
pub mod pass;
pub mod plan;
pub mod preview;
pub mod queue;
pub mod runtime;
pub mod state;
pub mod status;
pub mod suspects;
pub mod tags;
pub mod verify;
pub mod watch;

use std::process::ExitCode;

use clap::Parser as _;

/// Parses the command line and runs the controller.
pub fn main() -> ExitCode {
    let hidden = memory::hide();
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == preview::NAME) {
        return preview::main(words);
    }
    let args = args::Args::parse_from(args::with_variables(std::env::args_os(), |name| {
        std::env::var_os(name)
    }));
    if args.version {
        #[expect(clippy::print_stdout, reason = "this is what --version is for")]
        {
            println!("controller version: {}", args::VERSION);
        }
        return ExitCode::SUCCESS;
    }
    log::init(&args.logging);
    log::hook_panics();
    if let Err(error) = hidden {
        tracing::warn!(%error, "the memory of this process cannot be hidden from others of its user");
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all();
    // A thread for the Lease alone: it is renewed in time, whatever the others do.
    let built = builder
        .build()
        .and_then(|runtime| Ok((runtime, builder.worker_threads(1).build()?)));
    let (runtime, apart) = match built {
        Ok(built) => built,
        Err(error) => {
            tracing::error!(%error, "the runtime could not be started");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(runtime::run(args, apart.handle().clone()));
    // Passes that did not end in time must not hold the process up.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    apart.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the controller cannot go on");
            ExitCode::FAILURE
        }
    }
}
