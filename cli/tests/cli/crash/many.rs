//! Many runs on one file, some of which are killed, while others look at it all the time.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{kills, leftovers, merging, merging_into, sealed};
use crate::support::{Place, item, unseal};

/// Runs at the same time.
const RUNS: usize = 20;
/// How many of them are killed.
const DOOMED: usize = 6;

/// Every different content that the file has until `over`.
fn look(place: &Place, over: &AtomicBool) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    while !over.load(Ordering::Relaxed) {
        seen.insert(place.read("t.yaml"));
    }
    seen
}

/// Lets all of them run, kills some of them, and tells which said that they were done. An error is one that should not be.
fn finish(running: Vec<Child>) -> Vec<std::thread::Result<bool>> {
    let end = |(number, mut child): (usize, Child)| {
        std::thread::spawn(move || {
            if number < DOOMED {
                // The first one at once.
                let most = 10 * u64::try_from(number).expect("a small number");
                std::thread::sleep(Duration::from_millis(rand::random_range(0..=most)));
                let _ = child.kill();
            }
            let output = child.wait_with_output().expect("the program ends");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(said, "", "run {number}");
            match output.status.code() {
                Some(code) => assert_eq!(code, 0, "run {number}"),
                None => assert!(number < DOOMED, "run {number}: {}", output.status),
            }
            output.status.success()
        })
    };
    let ends: Vec<_> = running.into_iter().enumerate().map(end).collect();
    ends.into_iter()
        .map(std::thread::JoinHandle::join)
        .collect()
}

#[test]
fn who_is_killed_takes_nothing_of_the_others_along() {
    let rounds = (kills() / 60).max(1);
    let (mut done, mut killed, mut late, mut states) = (0, 0, 0, 0);
    for _ in 0..rounds {
        let place = Place::new();
        place.write("t.yaml", format!("# mine\n{}", sealed(&place, 1, 10)));
        std::os::unix::fs::symlink("t.yaml", place.path("in-link.yaml")).expect("a link");
        let over = AtomicBool::new(false);
        let (ends, seen) = std::thread::scope(|scope| {
            let looking = scope.spawn(|| look(&place, &over));
            let running = (0..RUNS).map(|number| {
                let target = ["t.yaml", "in-link.yaml"][number % 2];
                let mut command = merging_into(&place, &format!("n{number}"), "x", target);
                command.spawn().expect("the program starts")
            });
            let ends = finish(running.collect());
            over.store(true, Ordering::Relaxed);
            (
                ends,
                looking.join().expect("the file is there all the time"),
            )
        });
        let ends: Vec<bool> = ends
            .into_iter()
            .map(|end| end.expect("a run as it should be"))
            .collect();
        let text = place.read("t.yaml");
        for state in seen.iter().chain([&text]) {
            assert!(
                state.starts_with("# mine\n") && state.ends_with('\n'),
                "{state}"
            );
            assert_eq!(item(&unseal(&place, state), "item-0"), b"vvvvvvvvvv");
        }
        states += seen.len();
        for (number, success) in ends.iter().enumerate() {
            let is_there = text.contains(&format!("n{number}:"));
            assert!(is_there || !success, "n{number} is lost");
            late += usize::from(is_there && !success);
            if is_there {
                let opened = unseal(&place, &text);
                assert_eq!(item(&opened, &format!("n{number}")), b"x");
            }
        }
        done += ends.iter().filter(|success| **success).count();
        killed += ends.iter().filter(|success| !**success).count();
        let last = merging(&place, "last", "x").output().expect("a run");
        assert!(last.status.success());
        assert_eq!(leftovers(&place), [""; 0]);
    }
    println!(
        "{rounds} rounds of {RUNS} runs on one file: {done} done and 0 of them lost, {killed} killed \
         ({late} of them after the file was replaced); {states} states of the file seen, 0 that do not open; \
         0 temporary files after the next run"
    );
    assert!(killed > 0, "the moments were badly chosen");
}
