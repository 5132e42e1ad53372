//! The real programs, run as processes. None of these tests needs a cluster or the network beyond 127.0.0.1.

mod access;
mod bad_input;
mod certificates;
mod cluster;
mod completions;
mod crash;
mod files;
mod forms;
mod golden;
mod known_keys;
mod links;
mod memory;
mod merge;
mod planted;
mod plugins;
mod recovery;
mod seal;
mod server;
mod slips;
mod support;
mod typing;
mod warnings;
