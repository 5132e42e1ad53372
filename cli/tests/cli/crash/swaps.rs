//! Somebody exchanges the file or its folder for something else, again and again, while a run writes it.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{kills, merge_arguments, sealed};
use crate::support::{Place, Program, secret, words};

/// A run takes milliseconds. One that takes so long hangs.
const HANGS: Duration = Duration::from_secs(60);

/// What takes the place of the file `repo/sub/t.yaml`, or of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Swap {
    LinkOut,
    DanglingLinkOut,
    Loop,
    Pipe,
    Folder,
    FolderLinkOut,
}

impl Swap {
    const ALL: [Self; 6] = [
        Self::LinkOut,
        Self::DanglingLinkOut,
        Self::Loop,
        Self::Pipe,
        Self::Folder,
        Self::FolderLinkOut,
    ];

    /// What is exchanged for what, anew.
    fn prepare(self, place: &Place, text: &str) -> (PathBuf, PathBuf) {
        let repository = place.path("repo");
        drop(std::fs::remove_dir_all(&repository));
        std::fs::create_dir_all(repository.join(".git")).expect("a folder");
        std::fs::create_dir(repository.join("sub")).expect("a folder");
        let (file, bait) = (repository.join("sub/t.yaml"), repository.join("sub/bait"));
        std::fs::write(&file, text).expect("write");
        match self {
            Self::LinkOut => symlink("../../outside/t.yaml", &bait).expect("a link"),
            Self::DanglingLinkOut => symlink("../../outside/new.yaml", &bait).expect("a link"),
            Self::Loop => symlink("t.yaml", &bait).expect("a link"),
            Self::Folder => std::fs::create_dir(&bait).expect("a folder"),
            Self::Pipe => {
                let made = Command::new("mkfifo").arg(&bait).status();
                assert!(made.expect("mkfifo").success());
            }
            Self::FolderLinkOut => {
                let (folder, bait) = (repository.join("sub"), repository.join("bait"));
                symlink("../outside", &bait).expect("a link");
                return (folder, bait);
            }
        }
        (file, bait)
    }
}

/// Names and content of everything in a folder.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let entry = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy();
        (name.into_owned(), std::fs::read(&path).expect("a file"))
    };
    entries
        .map(|found| entry(found.expect("an entry").path()))
        .collect()
}

/// Runs a program to its end, while the two are exchanged all the time. `None` if it hangs.
fn run_under_attack(
    place: &Place,
    arguments: &[String],
    pair: &(PathBuf, PathBuf),
    swaps: &AtomicUsize,
) -> Option<i32> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let done = renameat_with(CWD, &pair.0, CWD, &pair.1, RenameFlags::EXCHANGE);
                swaps.fetch_add(usize::from(done.is_ok()), Ordering::Relaxed);
                // Long enough for either state to be met.
                std::thread::sleep(Duration::from_micros(rand::random_range(0..300)));
            }
        });
        let mut child = Command::new(Program::Kubeseal.path())
            .args(arguments)
            .env_clear()
            .current_dir(place.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let started = Instant::now();
        let status = loop {
            match child.try_wait().expect("a child") {
                Some(status) => break Some(status),
                None if started.elapsed() > HANGS => break None,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        over.store(true, Ordering::Relaxed);
        if status.is_none() {
            drop(child.kill());
            drop(child.wait());
        }
        status?.code()
    })
}

#[test]
fn nothing_outside_is_touched_and_nothing_hangs_whatever_takes_the_files_place() {
    let place = Place::new();
    let text = sealed(&place, 1, 10);
    std::fs::create_dir(place.path("outside")).expect("a folder");
    place.write("outside/t.yaml", &text);
    let before = content(&place.path("outside"));
    let input = place.write("in-secret", secret());
    let target = "repo/sub/t.yaml";
    let write = [
        Program::Kubeseal.sealing(),
        words(&["-f", &input, "-w", target]),
    ]
    .concat();
    let ways = [
        (
            "--merge-into",
            merge_arguments(&place, "added", "x", target),
        ),
        ("-w", write),
    ];
    let runs = kills() / 10;
    for swap in Swap::ALL {
        for (way, arguments) in &ways {
            let (mut done, mut refused) = (0, 0);
            let swaps = AtomicUsize::new(0);
            for run in 0..runs {
                let pair = swap.prepare(&place, &text);
                match run_under_attack(&place, arguments, &pair, &swaps) {
                    Some(0) => done += 1,
                    Some(1) => refused += 1,
                    other => panic!("{way}, {swap:?}, run {run}: {other:?}"),
                }
                let now = content(&place.path("outside"));
                assert!(
                    now == before,
                    "{way}, {swap:?}, run {run}: outside is changed"
                );
                let names = std::fs::read_dir(place.path("repo/sub")).map(Iterator::count);
                assert!(
                    names.is_ok_and(|count| count <= 2),
                    "a temporary file is left"
                );
            }
            let swaps = swaps.into_inner();
            println!(
                "{way} against {swap:?}: {runs} runs, {swaps} swaps, {done} done, {refused} refused, \
                 0 hang, 0 files outside touched, 0 temporary files"
            );
            assert!(swaps >= runs, "nothing was swapped");
        }
    }
}
