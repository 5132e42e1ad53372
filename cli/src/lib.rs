//! The command lines of Signet: `signet` (subcommands) and `kubeseal` (what upstream's users type, flag for flag).
//!
//! Each program parses its arguments into a typed [`command::Command`]; both run the same ones. A command takes a
//! [`session::Session`] with streams, environment, clock and randomness, so that tests can run it in process. Files are read and
//! written directly. A runtime and TLS are set up only when the network is needed.

mod arguments;
pub mod atomic_file;
pub mod certificate;
pub mod cluster;
pub mod command;
mod destination;
pub mod error;
pub mod fetch;
pub mod fetch_cert;
#[cfg_attr(not(unix), path = "folder_portable.rs")]
mod folder;
mod forward_proxy;
pub mod generate;
mod git_folder;
mod http_client;
mod in_place;
pub mod input;
pub mod key_files;
pub mod known_keys;
pub mod kubeconfig;
pub mod kubeseal;
pub mod manifest_edit;
mod memory;
pub mod merge;
pub mod output;
pub mod raw;
pub mod reencrypt;
pub mod seal;
pub mod session;
pub mod signet;
mod typing;
pub mod unseal;
pub mod verify;
mod yaml_keys;
