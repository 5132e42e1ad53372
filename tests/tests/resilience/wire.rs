//! Requests as bytes, for what no HTTP library sends, and what the process takes for them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context, bail, ensure};
use signet_tests::signet::CAP;

/// A connection to one of the controller's ports.
pub(crate) struct Wire(TcpStream);

/// The head of an answer, and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header; the name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
    }
}

/// How far a client came that sends more than anybody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everything was taken.
    Sent,
    /// The connection was ended before, with or without an answer.
    Refused,
}

impl Wire {
    pub(crate) fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(CAP))?;
        stream.set_write_timeout(Some(CAP))?;
        Ok(Self(stream))
    }

    /// Sends bytes; who refuses a request need not read all of it.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Everything that comes until the other side ends the connection.
    pub(crate) fn read_to_end(mut self) -> anyhow::Result<Vec<u8>> {
        let mut received = Vec::new();
        match self.0.read_to_end(&mut received) {
            Ok(_) => Ok(received),
            // It ended with something of ours unread.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(received),
            Err(error) => Err(error).context("the connection was not ended"),
        }
    }

    /// The answers until the other side ends the connection.
    pub(crate) fn answers(self) -> anyhow::Result<Vec<Answer>> {
        parse(&self.read_to_end()?, false)
    }

    /// The only answer.
    pub(crate) fn answer(self) -> anyhow::Result<Answer> {
        let mut answers = self.answers()?;
        ensure!(answers.len() == 1, "{} answers", answers.len());
        answers.pop().context("one answer")
    }

    /// Sends until everything is taken or the other side ends the connection.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> anyhow::Result<Reach> {
        while !bytes.is_empty() {
            match self.0.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if is_end(error.kind()) => return Ok(Reach::Refused),
                Err(error) => bail!("neither taken nor refused: {error}"),
            }
        }
        Ok(Reach::Sent)
    }
}

fn is_end(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// Answers as they came. Those to HEAD have no body.
pub(crate) fn parse(mut bytes: &[u8], to_head: bool) -> anyhow::Result<Vec<Answer>> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, rest) = text.split_once("\r\n\r\n").context("the end of a head")?;
        let mut answer = Answer {
            status: head.get(9..12).context("a status")?.parse()?,
            head: head.to_owned(),
            body: String::new(),
        };
        let length: usize = match (answer.status, to_head) {
            (100..200 | 204 | 304, _) | (_, true) => 0,
            _ => answer
                .header("content-length")
                .context("a length")?
                .parse()?,
        };
        answer.body = rest.get(..length).context("a whole body")?.to_owned();
        answers.push(answer);
        bytes = bytes
            .get(head.len() + 4 + length..)
            .context("a whole answer")?;
    }
    Ok(answers)
}

/// A line of `/proc/ID/status` in KiB: `VmRSS`, or `VmHWM`, which is the most that it ever was.
pub(crate) fn memory(process: u32, line: &str) -> anyhow::Result<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let value = status
        .lines()
        .find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))
        .with_context(|| format!("no {line}"))?;
    Ok(value.trim().trim_end_matches(" kB").parse()?)
}

/// How many files and sockets a process has open.
pub(crate) fn open_files(process: u32) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{process}/fd"))?.count())
}
