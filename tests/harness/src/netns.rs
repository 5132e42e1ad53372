//! The namespaces in which the control plane runs: a network of its own, nothing survives its end.
//!
//! The API server's service proxy refuses loopback addresses, so the namespace has [`ADDRESS`] on `lo`. Works as root
//! and, through user namespaces, as an ordinary user.

mod address;
mod init;
mod supervise;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

pub use init::init;
pub use supervise::{KEEP_VARIABLE, run_in_namespace};

/// The address, not a loopback one, at which everything in the namespace can be reached.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);

/// Set for every process inside the namespace.
pub const INSIDE_VARIABLE: &str = "SIGNET_NETNS";

/// The hidden first argument with which a program that calls [`run_in_namespace`] must call [`init()`].
pub const INIT_ARGUMENT: &str = "netns-init";

const LIFELINE_VARIABLE: &str = "SIGNET_NETNS_LIFELINE";

/// Whether this process runs inside the namespace.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE_VARIABLE).is_some()
}

/// Fails at once, with the command to run, when this process is not inside the namespace.
pub fn require() -> anyhow::Result<()> {
    if is_inside() {
        return Ok(());
    }
    bail!(
        "these tests need a network namespace of their own: run `cargo xtask test --cluster [-- FILTER]`"
    )
}

/// Fails, and says what to change, when this machine does not allow [`run_in_namespace`].
pub fn check() -> anyhow::Result<()> {
    unshare_arguments().map(drop)
}

/// The `unshare` arguments that work on this machine, most isolated first.
fn unshare_arguments() -> anyhow::Result<Vec<OsString>> {
    let as_root: &[&str] = &[];
    let as_user: &[&str] = &["--user", "--map-root-user"];
    let identities: &[_] = if rustix::process::geteuid().is_root() {
        &[as_root, as_user]
    } else {
        &[as_user]
    };
    let mut last_error = String::new();
    for identity in identities {
        // A container may forbid a new /proc; only programs that look at other processes would miss it.
        for proc in [&["--mount-proc"][..], &[]] {
            let namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child"];
            let arguments: Vec<OsString> = identity
                .iter()
                .chain(&namespaces)
                .chain(proc)
                .map(OsString::from)
                .collect();
            match probe(&arguments)? {
                Ok(()) => return Ok(arguments),
                Err(error) => last_error = error,
            }
        }
    }
    bail!(
        "this machine does not allow network namespaces: {last_error}\n\
         Run as root, or let ordinary users make them, whichever of these exists:\n  \
         sysctl -w kernel.unprivileged_userns_clone=1\n  \
         sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n  \
         sysctl -w user.max_user_namespaces=10000\n\
         In a container, it needs CAP_SYS_ADMIN or a seccomp profile that allows `unshare`."
    )
}

fn probe(arguments: &[OsString]) -> anyhow::Result<Result<(), String>> {
    let output = Command::new("unshare")
        .args(arguments)
        .arg("true")
        .stdin(Stdio::null())
        .output()
        .context("run `unshare`; install the package util-linux")?;
    if output.status.success() {
        return Ok(Ok(()));
    }
    Ok(Err(String::from_utf8_lossy(&output.stderr)
        .trim()
        .to_owned()))
}
