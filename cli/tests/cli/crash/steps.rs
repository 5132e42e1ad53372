//! A run is killed before each of its system calls in turn, so that there is no moment that chance leaves out.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::{assert_merged, leftovers, merge_arguments, sealed};
use crate::support::{CANARY, Place, Program, item, secret, unseal, words};

/// More system calls than a run makes.
const BOUND: usize = 5_000;

/// A program that is stopped at every system call.
struct Stepped {
    pid: Pid,
    // Not waited for by its own means: whoever traces it hears of its end.
    _child: Child,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Killed before the system call that was asked for.
    Killed,
    /// By itself, with this code, before it came so far.
    Exited(i32),
}

impl Stepped {
    /// Starts the program and stops it before its first system call.
    fn start(place: &Place, arguments: &[String]) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", "read -r line && exec \"$@\"", "sh"])
            .arg(Program::Kubeseal.path())
            .args(arguments)
            .env_clear()
            .current_dir(place.path("."))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_EXITKILL;
        ptrace::seize(pid, options).expect("a child may be traced");
        let mut pipe = child.stdin.take().expect("a pipe");
        pipe.write_all(b"go\n").expect("the shell reads");
        let stepped = Self { pid, _child: child };
        loop {
            match stepped.wait() {
                WaitStatus::PtraceEvent(..) => return stepped,
                WaitStatus::Stopped(_, signal) => {
                    ptrace::cont(pid, signal).expect("the shell goes on");
                }
                other => panic!("the shell did not become the program: {other:?}"),
            }
        }
    }

    fn wait(&self) -> WaitStatus {
        waitpid(self.pid, Some(WaitPidFlag::__WALL)).expect("a child")
    }

    /// Lets it make `calls` system calls, and kills it before the next one.
    fn kill_after(self, calls: usize) -> End {
        let mut made = 0;
        // Two stops for a call: before it and after it. The first stop is after the call that started the program.
        let mut entering = false;
        let mut pass_on = None;
        loop {
            ptrace::syscall(self.pid, pass_on.take()).expect("it goes on");
            match self.wait() {
                WaitStatus::PtraceSyscall(_) if entering && made == calls => {
                    kill(self.pid, Signal::SIGKILL).expect("it is there");
                    let end = self.wait();
                    assert!(
                        matches!(end, WaitStatus::Signaled(_, Signal::SIGKILL, _)),
                        "{end:?}"
                    );
                    return End::Killed;
                }
                WaitStatus::PtraceSyscall(_) => {
                    made += usize::from(entering);
                    entering = !entering;
                }
                WaitStatus::Stopped(_, signal) => pass_on = Some(signal),
                WaitStatus::PtraceEvent(..) => {}
                WaitStatus::Exited(_, code) => return End::Exited(code),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// What was found after the kills.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    kills: usize,
    old: usize,
    new: usize,
    /// Kills after which a temporary file was there until the next run.
    left: usize,
}

/// Kills a run before each of its system calls. `judge` is given the file's old and new content where they differ.
fn kill_everywhere(
    place: &Place,
    arguments: &[String],
    before: impl Fn(),
    judge: impl Fn(Option<&str>, &str),
) -> Figures {
    let mut figures = Figures::default();
    for calls in 0..BOUND {
        before();
        let old = read(&place.path("t.yaml"));
        let end = Stepped::start(place, arguments).kill_after(calls);
        let now = read(&place.path("t.yaml"));
        if end != End::Killed {
            assert_eq!(end, End::Exited(0));
            judge(old.as_deref(), &now.expect("a file"));
            assert_eq!(leftovers(place), [""; 0], "removed by the next run");
            return figures;
        }
        figures.kills += 1;
        if now == old {
            figures.old += 1;
        } else {
            figures.new += 1;
            judge(old.as_deref(), &now.expect("a file that was there stays"));
        }
        let left = leftovers(place);
        assert!(left.len() <= 1, "{left:?}");
        figures.left += left.len();
    }
    panic!("the program does not end");
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Whether a file can have its content before its name here. Then at most one moment leaves a file: between giving the new
/// content a name and renaming it.
fn most_left(place: &Place) -> usize {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    match open(place.path("."), flags, Mode::from_bits_truncate(0o600)) {
        Ok(_) => 1,
        Err(_) => usize::MAX,
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            kills,
            old,
            new,
            left,
        } = self;
        write!(
            f,
            "killed before each system call: {kills} kills, {old} old, {new} new, 0 mixtures; \
             {left} temporary files until the next run, 0 after it"
        )
    }
}

#[track_caller]
fn assert_plausible(figures: &Figures, most_left: usize) {
    assert!(figures.old > 50 && figures.new > 0, "{figures}");
    assert!(figures.left <= most_left, "{figures}");
}

#[test]
fn merge_into_is_killed_before_each_of_its_system_calls() {
    let place = Place::new();
    place.write("t.yaml", format!("# mine\n{}", sealed(&place, 3, 2_000)));
    let arguments = merge_arguments(&place, "changed", "new", "t.yaml");
    // The first run adds the item, all others change it.
    assert_eq!(
        Stepped::start(&place, &arguments).kill_after(BOUND),
        End::Exited(0)
    );
    let judge = |old: Option<&str>, now: &str| {
        assert_merged(&place, old.expect("an old file"), now, "changed", b"new");
    };
    let figures = kill_everywhere(&place, &arguments, || (), judge);
    println!("--merge-into, {figures}");
    assert_plausible(&figures, most_left(&place));
}

#[test]
fn a_file_that_is_written_is_killed_before_each_system_call() {
    for exists in [true, false] {
        let place = Place::new();
        let input = place.write("in-secret", secret());
        let arguments = [
            Program::Kubeseal.sealing(),
            words(&["-f", &input, "-w", "t.yaml"]),
        ]
        .concat();
        let before = || match exists {
            true => std::fs::write(place.path("t.yaml"), "# the old file\n").expect("write"),
            // It is there after the kills that came too late only.
            false => drop(std::fs::remove_file(place.path("t.yaml"))),
        };
        let judge = |_: Option<&str>, now: &str| {
            assert!(now.ends_with('\n'), "cut short: {now}");
            let opened = unseal(&place, now);
            assert_eq!(item(&opened, "password"), CANARY.as_bytes());
        };
        let figures = kill_everywhere(&place, &arguments, before, judge);
        let (what, most) = match (exists, most_left(&place)) {
            (true, most) => ("-w over a file", most),
            // A new file gets its name in one step.
            (false, 1) => ("-w of a new file", 0),
            (false, any) => ("-w of a new file", any),
        };
        println!("{what}, {figures}");
        assert_plausible(&figures, most);
    }
}
