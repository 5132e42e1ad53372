//! Runs one program for one row: in a fresh folder that holds the row's files, with the row's environment and no other.

use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::outcome::{Outcome, files};
use crate::row::{Content, Row, Stdin};
use crate::world::World;

/// Longest time that a run may take on a busy machine.
const CAP: Duration = Duration::from_secs(60);
/// After this long a program that is known not to end is killed.
const ENDLESS: Duration = Duration::from_secs(2);

/// Whose program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Upstream,
    Signet,
}

/// Runs it.
pub(crate) fn run(world: &World, whose: Whose, row: &Row) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let aside = tempfile::tempdir()?;
    let place = folder.path();
    for file in &row.files {
        let path = place.join(file.name);
        match &file.content {
            Content::Bytes(bytes) => {
                fs::write(&path, world.fill_bytes(bytes, place)?)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
            }
            Content::Folder => fs::create_dir(&path)?,
            Content::Link(target) => symlink(target, &path)?,
        }
    }
    let before = files(place)?;
    let mut words = vec![world.program(whose)?.to_string_lossy().into_owned()];
    for argument in &row.arguments {
        words.push(world.fill(argument, place)?);
    }
    let mut command = command(row, &words, aside.path());
    command
        .current_dir(place)
        .env_clear()
        .env("HOME", place)
        .env("TMPDIR", aside.path())
        .env("SIGNET_KNOWN_KEYS", "off")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    for (name, value) in &row.variables {
        command.env(name, world.fill(value, place)?);
    }
    let input = match &row.stdin {
        Stdin::Bytes(bytes) | Stdin::Typed(bytes) => Some(world.fill_bytes(bytes, place)?),
        Stdin::Null | Stdin::Terminal => None,
    };
    let cap = match whose {
        Whose::Upstream if row.endless => ENDLESS,
        _ => CAP,
    };
    let (code, mut stdout, mut stderr) = finish(command, input.as_deref(), cap)?;
    if matches!(row.stdin, Stdin::Typed(_)) {
        stdout = fs::read(aside.path().join("out"))?;
        stderr = fs::read(aside.path().join("err"))?;
    }
    if code.is_none() {
        // What a killed program had printed by then is chance.
        (stdout, stderr) = (Vec::new(), Vec::new());
    }
    let after = files(place)?;
    Ok(Outcome {
        code,
        stdout,
        stderr,
        before,
        after,
        input: input.unwrap_or_default(),
        place: place.to_string_lossy().into_owned(),
        program: words.remove(0),
    })
}

/// The program itself, or `script` around it, which gives it a terminal.
fn command(row: &Row, words: &[String], aside: &Path) -> Command {
    let mut shell = Command::new("sh");
    let limited = format!("umask {}; exec \"$@\"", row.umask);
    let typed = match row.stdin {
        Stdin::Bytes(_) | Stdin::Null => {
            shell.args(["-c", &limited, "sh"]).args(words);
            return shell;
        }
        Stdin::Typed(_) => format!(
            " >{} 2>{}",
            quote(&aside.join("out").to_string_lossy()),
            quote(&aside.join("err").to_string_lossy())
        ),
        Stdin::Terminal => String::new(),
    };
    let line: Vec<_> = words.iter().map(|word| quote(word)).collect();
    let mut script = Command::new("script");
    script
        .args(["-q", "-e", "-E", "never", "-c"])
        .arg(format!("{}{typed}", line.join(" ")))
        .arg("/dev/null");
    script
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Exit code and streams; no code if it had to be killed.
fn finish(
    mut command: Command,
    input: Option<&[u8]>,
    cap: Duration,
) -> anyhow::Result<(Option<i32>, Vec<u8>, Vec<u8>)> {
    let mut child: Child = command
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("start a program")?;
    let (send, receive) = mpsc::channel();
    let stdout = child.stdout.take().context("stdout is piped")?;
    let stderr = child.stderr.take().context("stderr is piped")?;
    for (index, stream) in [
        Box::new(stdout) as Box<dyn Read + Send>,
        Box::new(stderr) as Box<dyn Read + Send>,
    ]
    .into_iter()
    .enumerate()
    {
        let send = send.clone();
        thread::spawn(move || collect(stream, index, &send));
    }
    if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
        let input = input.to_vec();
        // A program that does not read its input closes the pipe.
        thread::spawn(move || drop(pipe.write_all(&input)));
    }
    let deadline = Instant::now() + cap;
    let mut streams = [Vec::new(), Vec::new()];
    let mut killed = false;
    for _ in 0..2 {
        let left = deadline.saturating_duration_since(Instant::now());
        let (index, bytes) = match receive.recv_timeout(left) {
            Ok(found) => found,
            Err(_) if !killed => {
                child.kill().context("kill a program that does not end")?;
                killed = true;
                receive.recv().context("the streams end with the program")?
            }
            Err(_) => receive.recv().context("the streams end with the program")?,
        };
        streams[index] = bytes;
    }
    let code = child.wait()?.code();
    let [stdout, stderr] = streams;
    Ok((code.filter(|_| !killed), stdout, stderr))
}

fn collect(mut stream: Box<dyn Read + Send>, index: usize, send: &mpsc::Sender<(usize, Vec<u8>)>) {
    let mut bytes = Vec::new();
    // Half of it is better than none for a message.
    let _ = stream.read_to_end(&mut bytes);
    let _ = send.send((index, bytes));
}
