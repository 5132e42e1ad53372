//! Runs the real kubectl with one kubeconfig.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::process::Watch;

/// kubectl, its kubeconfig and, if set, the namespace.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
    namespace: Option<String>,
}

/// What a program answered.
#[derive(Debug)]
pub struct Output {
    /// The exit status.
    pub status: ExitStatus,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
}

impl Kubectl {
    /// `program` with `kubeconfig`; it caches API discovery beside the kubeconfig, never in the home folder.
    pub fn new(program: &Path, kubeconfig: &Path) -> Self {
        Self {
            program: program.to_owned(),
            kubeconfig: kubeconfig.to_owned(),
            cache: kubeconfig.with_extension("cache"),
            namespace: None,
        }
    }

    /// The same in `namespace`.
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            ..self.clone()
        }
    }

    /// The bare command, for what the other functions do not cover.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("KUBECACHEDIR", &self.cache)
            .env("KUBERC", "off")
            .arg("--kubeconfig")
            .arg(&self.kubeconfig);
        if let Some(namespace) = &self.namespace {
            command.args(["--namespace", namespace]);
        }
        command
    }

    /// Runs it and returns whatever it answered, failure too.
    pub fn run(&self, arguments: &[&str], stdin: &str) -> anyhow::Result<Output> {
        let mut command = self.command();
        command.args(arguments);
        run(command, stdin)
    }

    /// Runs it and returns stdout; a failure is an error with stderr.
    pub fn ok(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.run(arguments, "")?
            .success(&format!("kubectl {}", arguments.join(" ")))
    }

    /// `kubectl apply -f -` with these documents.
    pub fn apply(&self, yaml: &str) -> anyhow::Result<String> {
        self.run(&["apply", "-f", "-"], yaml)?
            .success("kubectl apply")
    }

    /// `kubectl get ARGUMENTS -o json`.
    pub fn get_json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = self.ok(&[&["get"], arguments, &["-o", "json"]].concat())?;
        serde_json::from_str(&output).context("parse kubectl's output")
    }
}

impl Output {
    /// Stdout, or an error that says what failed and why.
    pub fn success(self, what: &str) -> anyhow::Result<String> {
        if !self.status.success() {
            bail!("{what} failed with {}: {}", self.status, self.stderr.trim());
        }
        Ok(self.stdout)
    }
}

/// Runs any command with `stdin` and collects what it answers.
pub fn run(mut command: Command, stdin: &str) -> anyhow::Result<Output> {
    let name = command.get_program().to_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("run {}", OsStr::display(&name)))?;
    let mut pipe = child.stdin.take().context("stdin is piped")?;
    thread::scope(|scope| {
        scope.spawn(move || {
            // A program that reads no stdin closes it; its own answer says the rest.
            let _ = pipe.write_all(stdin.as_bytes());
        });
        let watch = Watch::over(&child);
        let output = child.wait_with_output();
        drop(watch);
        let output = output?;
        Ok(Output {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    })
}
