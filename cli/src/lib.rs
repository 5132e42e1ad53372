//! The command lines of Signet: `signet` (subcommands) and `kubeseal` (what upstream's users type, flag for flag).
//!
//! Each program parses its arguments into typed commands; both run the same ones. A command takes a [`session::Session`] with
//! streams, environment, clock and randomness, so that tests can run it in process. Files are read and written directly.
//! A runtime and TLS are set up only when the network is needed.

mod arguments;
pub mod atomic_file;
pub mod certificate;
pub mod cluster;
pub mod command;
pub mod error;
pub mod fetch;
mod http_client;
pub mod input;
pub mod kubeconfig;
pub mod kubeseal;
pub mod output;
pub mod raw;
pub mod seal;
pub mod session;
pub mod signet;
