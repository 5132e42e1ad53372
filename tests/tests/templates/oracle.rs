//! The witness: Go's text/template with sprig, in a process of its own (`tests/tools/sprig`).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use signet_harness::{Tool, Tools};

use crate::case::{Case, Outcome};

/// Templates that end Go's whole process (a stack without end) are few; more is a fault of the oracle.
const MAX_DEATHS: usize = 20;

/// A certificate with its key and the authority that vouches for it, as PEM texts.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The built program.
pub(crate) struct Oracle {
    program: PathBuf,
}

impl Oracle {
    /// Builds the program if it is not there yet.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let tools = match Tools::from_environment() {
            Ok(tools) => tools,
            Err(_) => Tools::ensure(&[Tool::SprigOracle])?,
        };
        let program = tools.path(Tool::SprigOracle)?.to_owned();
        Ok(Self { program })
    }

    /// Every function that upstream offers beside Go's own, with its Go type.
    pub(crate) fn functions(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let answers = converse(&self.program, &[json!({"functions": true}).to_string()])?;
        let answer = answers.first().context("no answer")?;
        let functions: BTreeMap<String, String> =
            serde_json::from_value(answer["functions"].clone())?;
        ensure!(functions.len() > 200, "only {}", functions.len());
        Ok(functions)
    }

    /// What Go reads in a certificate for this host, if its key fits and the authority vouches for it.
    pub(crate) fn verify(&self, host: &str, chain: &Chain) -> anyhow::Result<Outcome> {
        let Chain {
            authority,
            certificate,
            key,
        } = chain;
        let chain = json!({"authority": authority, "certificate": certificate, "key": key});
        let request = json!({"name": host, "verify": chain}).to_string();
        let answers = converse(&self.program, &[request])?;
        outcome(answers.first().context("no answer")?)
    }

    /// Whether a bcrypt hash is that of a password.
    pub(crate) fn is_hash(&self, hash: &str, password: &[u8]) -> anyhow::Result<bool> {
        let password = BASE64_STANDARD.encode(password);
        let request = json!({"hash": hash, "password": password}).to_string();
        let answers = converse(&self.program, &[request])?;
        let outcome = outcome(answers.first().context("no answer")?)?;
        Ok(matches!(outcome, Outcome::Output(_)))
    }

    /// What Go makes of each case, in order.
    pub(crate) fn render(&self, cases: &[Case]) -> anyhow::Result<Vec<Outcome>> {
        let lines: Vec<String> = cases.iter().map(request).collect();
        let mut outcomes = Vec::with_capacity(cases.len());
        let mut deaths = 0;
        while outcomes.len() < cases.len() {
            let answers = converse(&self.program, &lines[outcomes.len()..])?;
            for answer in &answers {
                outcomes.push(outcome(answer)?);
            }
            let stopped_by_itself = answers.last().is_some_and(|last| last["failed"] == "time");
            if outcomes.len() < cases.len() && !stopped_by_itself {
                deaths += 1;
                let template = &cases[outcomes.len()];
                if deaths > MAX_DEATHS {
                    bail!("Go's process died {deaths} times, now from {template}");
                }
                outcomes.push(Outcome::Failed("Go's process died".to_owned()));
            }
        }
        Ok(outcomes)
    }
}

fn request(case: &Case) -> String {
    let data: serde_json::Map<String, Value> = case
        .data
        .iter()
        .map(|(key, value)| (key.clone(), BASE64_STANDARD.encode(value).into()))
        .collect();
    let template = BASE64_STANDARD.encode(&case.template);
    json!({"name": case.name, "template": template, "data": data}).to_string()
}

fn outcome(answer: &Value) -> anyhow::Result<Outcome> {
    if let Some(phase) = answer["failed"].as_str() {
        let error = answer["error"].as_str().unwrap_or_default();
        return Ok(Outcome::Failed(format!("{phase}: {error}")));
    }
    let output = answer["output"].as_str().unwrap_or_default();
    Ok(Outcome::Output(BASE64_STANDARD.decode(output)?))
}

/// Sends lines until the process ends and collects its answers; fewer than lines if it died.
fn converse(program: &Path, lines: &[String]) -> anyhow::Result<Vec<Value>> {
    let mut child = Command::new(program)
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("run {}", program.display()))?;
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    let stdout = child.stdout.take().context("stdout is piped")?;
    let answers = thread::scope(|scope| {
        scope.spawn(move || {
            for line in lines {
                // The process may have died; the reader sees that.
                if writeln!(stdin, "{line}").is_err() {
                    break;
                }
            }
        });
        read(stdout)
    });
    end(&mut child);
    answers
}

fn read(stdout: ChildStdout) -> anyhow::Result<Vec<Value>> {
    let mut answers = Vec::new();
    for line in BufReader::new(stdout).lines() {
        answers.push(serde_json::from_str(&line?)?);
    }
    Ok(answers)
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
