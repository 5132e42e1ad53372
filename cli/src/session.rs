//! What a command sees of the world besides files: streams, environment, clock, randomness, and which program it runs as.

use std::io::{IsTerminal as _, Read, Write};
use std::process::ExitCode;

use jiff::Timestamp;
use rand::CryptoRng;

use crate::error::{Failure, FailureKind};

/// Which of the two command lines is running. They speak differently and have different exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Ours.
    Signet,
    /// What upstream's users type.
    Kubeseal,
}

/// Whether `kubeseal` warns: `on`, `off`; without it, only where a person reads stderr.
pub const WARNINGS: &str = "SIGNET_WARNINGS";

/// Everything a run needs that is not an argument. Tests build their own.
pub struct Session<'a> {
    /// Which program this is.
    pub program: Program,
    /// Where input comes from.
    pub stdin: &'a mut dyn Read,
    /// Whether a person types the input.
    pub stdin_is_terminal: bool,
    /// Whether a person reads notices and warnings.
    pub stderr_is_terminal: bool,
    /// Data only.
    pub stdout: &'a mut dyn Write,
    /// Notices, warnings, errors.
    pub stderr: &'a mut dyn Write,
    /// The environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Randomness for session keys and serial numbers.
    pub rng: &'a mut dyn CryptoRng,
    /// The current time.
    pub now: Timestamp,
}

impl Session<'_> {
    /// Tells the user something on stderr.
    pub fn notice(&mut self, text: &str) {
        let line = match self.program {
            Program::Signet => format!("signet: {text}\n"),
            Program::Kubeseal => format!("{text}\n"),
        };
        self.complain(&line);
    }

    /// Whether a warning is shown. Upstream's `kubeseal` is silent when it succeeds, and programs around it take any line on
    /// stderr for a failure.
    pub fn shows_warnings(&self) -> bool {
        if self.program == Program::Signet {
            return true;
        }
        match (self.variable)(WARNINGS).as_deref() {
            Some("on") => true,
            Some("off") => false,
            _ => self.stderr_is_terminal,
        }
    }

    /// Warns the user on stderr, if there is one who wants to know.
    pub fn warn(&mut self, text: &str) {
        if !self.shows_warnings() {
            return;
        }
        let line = match self.program {
            Program::Signet => format!("signet: warning: {text}\n"),
            Program::Kubeseal => format!("warning: {text}\n"),
        };
        self.complain(&line);
    }

    /// Prints a failure and gives its exit code: `signet` 1 for "no" and 2 for trouble, `kubeseal` as upstream 1 for
    /// everything but a command line that makes no sense, which is 2.
    pub fn report(&mut self, failure: &Failure) -> u8 {
        let (error, hint) = match self.program {
            Program::Signet => ("signet: error: ", "signet: hint: "),
            Program::Kubeseal => ("error: ", "hint: "),
        };
        let mut text = format!("{error}{}\n", failure.message);
        if let Some(advice) = &failure.hint {
            text.push_str(&format!("{hint}{advice}\n"));
        }
        self.complain(&text);
        match (self.program, failure.kind) {
            (_, FailureKind::Usage) | (Program::Signet, FailureKind::Trouble) => 2,
            (_, FailureKind::No) | (Program::Kubeseal, FailureKind::Trouble) => 1,
        }
    }

    fn complain(&mut self, text: &str) {
        // Nowhere is left to complain to if this fails.
        let _ = self.stderr.write_all(text.as_bytes());
    }
}

/// Runs `run` with the real streams, environment, clock and randomness.
pub fn with_real_world(program: Program, run: fn(&mut Session<'_>) -> u8) -> ExitCode {
    crate::memory::hide();
    let stdin = std::io::stdin();
    let mut session = Session {
        program,
        stdin_is_terminal: stdin.is_terminal(),
        stderr_is_terminal: std::io::stderr().is_terminal(),
        stdin: &mut stdin.lock(),
        stdout: &mut std::io::stdout().lock(),
        stderr: &mut std::io::stderr().lock(),
        variable: &|name| std::env::var(name).ok(),
        rng: &mut rand::rng(),
        now: Timestamp::now(),
    };
    ExitCode::from(run(&mut session))
}
