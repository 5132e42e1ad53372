//! What other processes of the same user see of a program that holds a key: no core dump, and none of its memory. Run as
//! root, these tests make an unprivileged user of themselves, whom the kernel's rules hold.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{CANARY, Place, Program, item, key, secret, words};

/// Nobody in particular.
const PLAIN_USER: u32 = 65534;
/// Opening a pipe to write to it does not wait for a reader, and fails without one.
const O_NONBLOCK: i32 = 0o4000;
/// Longest time until the program opens its key on a busy machine.
const CAP: Duration = Duration::from_secs(60);

/// A command of a user without any privilege.
fn unprivileged(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().env("PATH", "/usr/bin:/bin");
    if is_root() {
        command.uid(PLAIN_USER).gid(PLAIN_USER);
    }
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("/proc").uid() == 0
}

/// A place that everybody may enter, with a program in it, a key, and what the key opens.
fn open_place(program: Program) -> Place {
    let place = Place::new();
    fs::set_permissions(place.path("."), Permissions::from_mode(0o777)).expect("chmod");
    fs::copy(program.path(), place.path("program")).expect("a copy");
    let ran = place.run(
        Program::Signet,
        &Program::Signet.sealing(),
        secret().as_bytes(),
    );
    ran.assert_done();
    place.write("sealed.yaml", &ran.stdout);
    place
}

/// Starts the program, which is given a pipe for its key, and returns when it has opened it to read.
fn wait_for_a_key(program: Program, place: &Place) -> (Child, File) {
    let pipe = place.path("key");
    let made = Command::new("mkfifo")
        .args(["-m", "666"])
        .arg(&pipe)
        .status();
    assert!(made.expect("mkfifo").success());
    let arguments = match program {
        Program::Signet => words(&["unseal", "sealed.yaml", "-o", "json", "--key", "key"]),
        Program::Kubeseal => words(&[
            "--recovery-unseal",
            "--recovery-private-key",
            "key",
            "-f",
            "sealed.yaml",
        ]),
    };
    // As large a core as may be: the program itself has to say no.
    let mut child = unprivileged("sh")
        .args([
            "-c",
            "ulimit -c $(ulimit -H -c); exec ./program \"$@\"",
            "sh",
        ])
        .args(arguments)
        .current_dir(place.path("."))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let end = Instant::now() + CAP;
    loop {
        let opened = File::options()
            .write(true)
            .custom_flags(O_NONBLOCK)
            .open(&pipe);
        if let Ok(pipe) = opened {
            return (child, pipe);
        }
        let ended = child.try_wait().expect("a child");
        assert!(
            ended.is_none() && Instant::now() < end,
            "{program:?}: no key was read: {ended:?}"
        );
        std::thread::yield_now();
    }
}

/// Whether the unprivileged user may open this file of a process.
fn may_open(child: &Child, file: &str) -> bool {
    let path = format!("/proc/{}/{file}", child.id());
    let opened = unprivileged("sh")
        .args(["-c", "exec 3< \"$0\"", &path])
        .stderr(Stdio::null())
        .status();
    opened.expect("a shell").success()
}

#[test]
fn nobody_else_of_the_same_user_reads_the_memory_of_a_program_before_it_reads_a_key() {
    for program in Program::BOTH {
        let place = open_place(program);
        let (child, mut pipe) = wait_for_a_key(program, &place);
        for file in ["mem", "environ", "maps"] {
            assert!(
                !may_open(&child, file),
                "{program:?} lets others see {file}"
            );
        }
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("limits");
        let core = limits.lines().find(|line| line.starts_with("Max core"));
        let words: Vec<&str> = core.expect("a line").split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{program:?}");

        pipe.write_all(&fs::read(key("seal.key")).expect("a key"))
            .expect("a key is shorter than what a pipe holds");
        drop(pipe);
        let output = child.wait_with_output().expect("the program ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program:?}: {said}");
        let opened = String::from_utf8_lossy(&output.stdout);
        assert_eq!(item(&opened, "password"), CANARY.as_bytes());
    }
    // The same look at a program that does not hide sees it.
    let mut other = unprivileged("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cat");
    let mut pipe = other.stdin.take().expect("a pipe");
    pipe.write_all(b"x").expect("cat reads");
    let mut echo = [0];
    let stdout = other.stdout.as_mut().expect("a pipe");
    stdout.read_exact(&mut echo).expect("cat writes");
    assert!(may_open(&other, "environ"));
    drop(pipe);
    other.wait().expect("cat ends");
}

#[test]
fn a_program_that_is_aborted_leaves_no_core() {
    for program in Program::BOTH {
        let place = open_place(program);
        let (mut child, _pipe) = wait_for_a_key(program, &place);
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
        kill(pid, Signal::SIGABRT).expect("it is there");
        let status = child.wait().expect("the program ends");
        assert_eq!(status.signal(), Some(Signal::SIGABRT as i32));
        assert!(!status.core_dumped(), "{program:?} left a core");
        assert_eq!(place.names(), ["key", "program", "sealed.yaml"]);
    }
}

#[test]
fn a_plain_user_reads_and_writes_through_own_streams_as_before() {
    for program in Program::BOTH {
        let place = open_place(program);
        place.write(
            "seal.crt",
            fs::read(key("seal.crt")).expect("a certificate"),
        );
        place.write("secret.yaml", secret().replace("password", "added"));
        let writes = match program {
            Program::Signet => "./program seal /dev/stdin -w new.yaml",
            Program::Kubeseal => "./program -f /dev/stdin --merge-into new.yaml",
        };
        // Both go through /proc/self/fd: the input, and the new file, which has no name until it is complete.
        let script =
            format!("cat sealed.yaml > new.yaml && cat secret.yaml | {writes} --cert seal.crt");
        let mut command = unprivileged("sh");
        command.args(["-c", &script]);
        place.finish(command, b"").assert_done();
        assert!(place.read("new.yaml").contains("added"), "{program:?}");
        let names = [
            "new.yaml",
            "program",
            "seal.crt",
            "sealed.yaml",
            "secret.yaml",
        ];
        assert_eq!(place.names(), names);
    }
}
