//! The first process inside the namespace: sets the network up, runs the command, reaps orphans, ends everything.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::process::{Command, ExitCode};
use std::thread;

use anyhow::Context;
use rustix::process::{WaitOptions, wait};

use super::{INSIDE_VARIABLE, LIFELINE_VARIABLE, address};

/// Variables of the caller's shell that would lead a client somewhere else.
const FOREIGN_VARIABLES: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "KUBECONFIG",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "POD_NAMESPACE",
    "SEALED_SECRETS_CERT",
    "SEALED_SECRETS_CONTROLLER_NAME",
    "SEALED_SECRETS_CONTROLLER_NAMESPACE",
];

/// Runs `command` (program and arguments) as the first process of the namespaces, and returns its exit code.
/// It is not `exec`ed: process 1 ignores the signals that a test run must die of.
pub fn init(command: &[OsString]) -> anyhow::Result<ExitCode> {
    let (program, arguments) = command.split_first().context("no command given")?;
    address::set_up_loopback().context("set up the network namespace")?;
    end_with_parent();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env(INSIDE_VARIABLE, "1")
        .env_remove(LIFELINE_VARIABLE);
    for name in FOREIGN_VARIABLES {
        command.env_remove(name);
    }
    let child = command
        .spawn()
        .with_context(|| format!("run {}", program.display()))?;
    let child = rustix::process::Pid::from_child(&child);
    loop {
        let Some((pid, status)) = wait(WaitOptions::empty())? else {
            continue;
        };
        if pid == child {
            let code = status
                .exit_status()
                .unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or(0));
            return Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)));
        }
    }
}

/// The supervisor holds the other end of a pipe; when it is gone, so is everything here.
fn end_with_parent() {
    let Some(descriptor) = std::env::var_os(LIFELINE_VARIABLE) else {
        return;
    };
    let Ok(mut lifeline) = File::open(std::path::Path::new("/proc/self/fd").join(descriptor))
    else {
        return;
    };
    thread::spawn(move || {
        let _ = lifeline.read(&mut [0]);
        std::process::exit(1);
    });
}
