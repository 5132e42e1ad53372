//! Keeps this program's memory from other processes: keys and values are in it (docs/trust.md "What is wiped from memory").

/// No core dump, and nobody reads the memory but who may read every process' memory. Call it before any secret is read.
///
/// What the system refuses stays as it is: a program that cannot hide is still the one that its user wants to run.
pub(crate) fn hide() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Also keeps a core from a program that the kernel pipes cores to, which no limit does.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        let _ = setrlimit(Resource::Core, none);
    }
}
