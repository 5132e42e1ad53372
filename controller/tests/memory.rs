//! What other processes of the same user see of the controller: no core dump, and none of its memory. Run as root, these
//! tests make an unprivileged user of themselves, whom the kernel's rules hold.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nobody in particular.
const PLAIN_USER: u32 = 65534;
/// Longest time until the first request on a busy machine.
const CAP: Duration = Duration::from_secs(60);
const SIGABRT: i32 = 6;

/// A command of a user without any privilege.
fn unprivileged(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().env("PATH", "/usr/bin:/bin");
    if fs::metadata("/proc/self").expect("/proc").uid() == 0 {
        command.uid(PLAIN_USER).gid(PLAIN_USER);
    }
    command
}

/// The controller, in a folder that everybody may enter, at the moment in which it asks for the keys.
struct Asking {
    child: Child,
    _request: TcpStream,
    folder: tempfile::TempDir,
}

impl Asking {
    fn start(subcommand: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("chmod");
        let program = env!("CARGO_BIN_EXE_signet-controller");
        fs::copy(program, at("program")).expect("a copy");
        let api = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = api.local_addr().expect("an address").port();
        let kubeconfig = format!(
            r#"{{"clusters":[{{"name":"c","cluster":{{"server":"http://127.0.0.1:{port}"}}}}],
                "contexts":[{{"name":"c","context":{{"cluster":"c","user":"c"}}}}],
                "users":[{{"name":"c","user":{{}}}}],"current-context":"c"}}"#
        );
        fs::write(at("kubeconfig"), kubeconfig).expect("a file");
        let serving = [
            "--listen-addr=127.0.0.1:0",
            "--listen-metrics-addr=127.0.0.1:0",
        ];
        // As large a core as may be: the program itself has to say no.
        let mut child = unprivileged("sh")
            .args([
                "-c",
                "ulimit -c $(ulimit -H -c); exec ./program \"$@\"",
                "sh",
            ])
            .args(subcommand)
            .args(["--kubeconfig", "kubeconfig"])
            .args(if subcommand.is_empty() {
                &serving[..]
            } else {
                &[]
            })
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let request = accept(&api, &mut child);
        Self {
            child,
            _request: request,
            folder,
        }
    }

    /// Whether the unprivileged user may open this file of the process.
    fn may_open(&self, file: &str) -> bool {
        let path = format!("/proc/{}/{file}", self.child.id());
        let opened = unprivileged("sh")
            .args(["-c", "exec 3< \"$0\"", &path])
            .stderr(Stdio::null())
            .status();
        opened.expect("a shell").success()
    }

    fn names(&self) -> usize {
        fs::read_dir(self.folder.path()).expect("a folder").count()
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn accept(api: &TcpListener, child: &mut Child) -> TcpStream {
    api.set_nonblocking(true).expect("a socket");
    let end = Instant::now() + CAP;
    loop {
        match api.accept() {
            Ok((stream, _)) => return stream,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        let ended = child.try_wait().expect("a child");
        assert!(
            ended.is_none() && Instant::now() < end,
            "no request: {ended:?}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn nobody_else_of_the_same_user_reads_the_memory_before_the_keys_are_asked_for() {
    for subcommand in [&[][..], &["preview"]] {
        let asking = Asking::start(subcommand);
        for file in ["mem", "environ", "maps"] {
            assert!(
                !asking.may_open(file),
                "others see {file} of {subcommand:?}"
            );
        }
        let limits = format!("/proc/{}/limits", asking.child.id());
        let limits = fs::read_to_string(limits).expect("limits");
        let core = limits.lines().find(|line| line.starts_with("Max core"));
        let words: Vec<&str> = core.expect("a line").split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{subcommand:?}");
    }
}

#[test]
fn an_abort_leaves_no_core() {
    let mut asking = Asking::start(&[]);
    let before = asking.names();
    let kill = format!("kill -ABRT {}", asking.child.id());
    let killed = Command::new("sh").args(["-c", &kill]).status();
    assert!(killed.expect("a shell").success());
    let status = asking.child.wait().expect("it ends");
    assert_eq!(status.signal(), Some(SIGABRT));
    assert!(!status.core_dumped());
    assert_eq!(asking.names(), before);
}
