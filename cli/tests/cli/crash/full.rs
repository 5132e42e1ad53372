//! No room: a full disk, a limit on the size of files, a file system that is read-only, and targets that are no files.

use std::process::Command;

use super::{assert_merged, leftovers, merge_arguments, sealed};
use crate::support::{Place, Program, READ_ONLY, Ran, secret, words};

/// Every way to write a file: what is done, the arguments, and whether there is a file before.
fn ways(place: &Place, target: &str) -> [(&'static str, Vec<String>, bool); 3] {
    let big =
        secret().replace("password", "big") + &format!("data: {{more: {}}}\n", "QUFB".repeat(3000));
    let input = place.write("in-big", big);
    let write = [
        Program::Kubeseal.sealing(),
        words(&["-f", &input, "-w", target]),
    ]
    .concat();
    let value = "v".repeat(9_000);
    [
        (
            "--merge-into",
            merge_arguments(place, "changed", &value, target),
            true,
        ),
        ("-w over a file", write.clone(), true),
        ("-w of a new file", write, false),
    ]
}

/// Runs a script in which the program and its arguments are `"$@"`, or a whole command line under a shell of its own.
fn shell(place: &Place, wrap: &[&str], script: &str, arguments: &[String]) -> Ran {
    let words: Vec<&str> = wrap
        .iter()
        .copied()
        .chain(["sh", "-c", script, "sh"])
        .collect();
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .arg(Program::Kubeseal.path())
        .args(arguments);
    place.finish(command, b"")
}

#[test]
fn a_limit_on_the_size_of_files_leaves_the_old_file_and_no_other() {
    // Units of 512 bytes. The signal that the limit sends ends the program, unless whoever started it ignores it.
    let scripts = [
        (
            "an error",
            "trap '' XFSZ; ulimit -f 4; exec \"$@\"",
            Some(1),
        ),
        ("a signal", "ulimit -c 0; ulimit -f 4; exec \"$@\"", None),
    ];
    for (what, script, code) in scripts {
        let place = Place::new();
        let text = sealed(&place, 1, 10);
        for (way, arguments, exists) in ways(&place, "t.yaml") {
            drop(std::fs::remove_file(place.path("t.yaml")));
            if exists {
                place.write("t.yaml", &text);
            }
            let ran = shell(&place, &[], script, &arguments);
            assert_eq!(ran.code, code, "{way}: {}", ran.said());
            if code.is_some() {
                ran.assert_says("t.yaml: file too large").assert_no_canary();
            }
            let now = std::fs::read_to_string(place.path("t.yaml")).ok();
            assert!(now == exists.then(|| text.clone()), "{way}");
            assert_eq!(leftovers(&place), [""; 0], "{way}");
            println!("{way} beyond RLIMIT_FSIZE, as {what}: old, 0 temporary files");
            // And without the limit it works.
            let ran = shell(&place, &[], "exec \"$@\"", &arguments);
            ran.assert_done();
            if way == "--merge-into" {
                let value = "v".repeat(9_000);
                assert_merged(
                    &place,
                    &text,
                    &place.read("t.yaml"),
                    "changed",
                    value.as_bytes(),
                );
            }
        }
    }
}

/// Fills a file system of 64 KiB but for `room` bytes, runs the program, and shows what is there.
fn in_small_file_system(place: &Place, prepare: &str, arguments: &[String]) -> Ran {
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs mnt || exit 99
         test ! -e before || cp before mnt/t.yaml || exit 99
         {prepare} || exit 99
         \"$@\"; echo \"code $?\"
         mount -o remount,rw -t tmpfs tmpfs mnt || exit 99
         rm -f mnt/filler; ls -A mnt
         test ! -e mnt/t.yaml || cmp before mnt/t.yaml || echo different"
    );
    let ran = shell(place, &["unshare", "-rm"], &script, arguments);
    assert_ne!(
        ran.code,
        Some(99),
        "user namespaces are needed: {}",
        ran.said()
    );
    ran
}

#[test]
fn a_disk_that_is_full_or_read_only_leaves_the_old_file_and_no_other() {
    let conditions = [
        (
            "a full disk",
            "head -c 54000 /dev/zero >mnt/filler",
            "no space left on device",
        ),
        (
            "a disk without any room",
            "{ cat /dev/zero >mnt/filler 2>/dev/null; true; }",
            "no space left on device",
        ),
        ("a read-only disk", READ_ONLY, "read-only file system"),
    ];
    for (what, prepare, why) in conditions {
        let place = Place::new();
        std::fs::create_dir(place.path("mnt")).expect("a folder");
        let text = sealed(&place, 1, 10);
        for (way, arguments, exists) in ways(&place, "mnt/t.yaml") {
            drop(std::fs::remove_file(place.path("before")));
            if exists {
                place.write("before", &text);
            }
            let ran = in_small_file_system(&place, prepare, &arguments);
            let expected = if exists {
                "code 1\nt.yaml\n"
            } else {
                "code 1\n"
            };
            assert_eq!(ran.stdout, expected, "{way}, {what}: {}", ran.said());
            ran.assert_says(&format!("mnt/t.yaml: {why}"));
            println!("{way}, {what}: old, 0 temporary files");
        }
    }
}

#[test]
fn what_is_no_file_is_not_merged_into_and_stays() {
    let place = Place::new();
    std::fs::create_dir(place.path("folder")).expect("a folder");
    let made = Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.expect("mkfifo").success());
    let before = place.names();
    let table = [
        (
            "/dev/stdout",
            "it is no regular file, so it cannot be edited in place",
        ),
        ("/dev/stdin", "open /dev/stdin: "),
        (
            "/dev/null",
            "it is no regular file, so it cannot be edited in place",
        ),
        (
            "/dev/full",
            "it is no regular file, so it cannot be edited in place",
        ),
        (
            "/dev/fd/1",
            "it is no regular file, so it cannot be edited in place",
        ),
        ("pipe", "it is a pipe, and only regular files are written"),
        ("folder", "open folder: is a directory"),
        ("missing", "open missing: no such file or directory"),
    ];
    for (target, why) in table {
        let arguments = merge_arguments(&place, "added", "x", target);
        let ran = place.run(Program::Kubeseal, &arguments, b"");
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(1), ""),
            "{target}: {}",
            ran.said()
        );
        ran.assert_says(why);
    }
    let mut now = place.names();
    now.retain(|name| !name.starts_with("in-"));
    assert_eq!(now, before);
}
