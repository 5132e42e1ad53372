//! Keeps the controller's memory from other processes: the sealing keys are in it (docs/trust.md "What is wiped from
//! memory").

use rustix::io;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// No core dump, and nobody reads the memory but who may read every process' memory. Call it before any key is read.
///
/// # Errors
/// What the system refuses, which only a filter of system calls does; the rest is then done.
pub fn hide() -> io::Result<()> {
    // Also keeps a core from a program that the kernel pipes cores to, which no limit does.
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).and(hidden)
}
