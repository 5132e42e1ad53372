//! `--merge-into` under bad conditions: many runs on one file, runs that are killed, files of every form.

mod full;
mod many;
mod steps;
mod swaps;

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::support::{Place, Program, item, key, unseal, words};

/// A sealed file with `items` items of `bytes` bytes each.
fn sealed(place: &Place, items: usize, bytes: usize) -> String {
    let value = "v".repeat(bytes);
    let data: String = (0..items)
        .map(|number| format!("  item-{number}: {value}\n"))
        .collect();
    let input =
        format!("kind: Secret\nmetadata: {{name: db, namespace: pay}}\nstringData:\n{data}");
    let ran = place.run(
        Program::Signet,
        &Program::Signet.sealing(),
        input.as_bytes(),
    );
    ran.assert_done();
    ran.stdout
}

fn merge_arguments(place: &Place, name: &str, value: &str, target: &str) -> Vec<String> {
    let input = place.write(
        &format!("in-{name}"),
        format!("kind: Secret\nmetadata: {{name: db, namespace: pay}}\nstringData: {{{name}: '{value}'}}\n"),
    );
    let certificate = key("seal.crt");
    words(&["--cert", &certificate, "--merge-into", target, "-f", &input])
}

fn merging(place: &Place, name: &str, value: &str) -> Command {
    merging_into(place, name, value, "t.yaml")
}

fn merging_into(place: &Place, name: &str, value: &str, target: &str) -> Command {
    let mut command = Command::new(Program::Kubeseal.path());
    command
        .args(merge_arguments(place, name, value, target))
        .env_clear()
        .current_dir(place.path("."))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

#[test]
fn of_many_runs_on_one_file_none_is_lost() {
    const RUNS: usize = 24;
    let place = Place::new();
    place.write("t.yaml", format!("# mine\n{}", sealed(&place, 1, 10)));
    let running: Vec<_> = (0..RUNS)
        .map(|number| {
            let mut command = merging(&place, &format!("n{number}"), &number.to_string());
            command.spawn().expect("the program starts")
        })
        .collect();
    for child in running {
        let output = child.wait_with_output().expect("the program ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(said, "");
    }
    let text = place.read("t.yaml");
    assert!(text.starts_with("# mine\n"));
    let opened = unseal(&place, &text);
    for number in 0..RUNS {
        let value = item(&opened, &format!("n{number}"));
        assert_eq!(value, number.to_string().as_bytes());
    }
}

fn leftovers(place: &Place) -> Vec<String> {
    let mut names = place.names();
    names.retain(|name| !name.starts_with("in-") && name != "t.yaml");
    names
}

/// The new file is the old one, but for the text of one item, which opens to `value`.
#[track_caller]
fn assert_merged(place: &Place, old: &str, new: &str, name: &str, value: &[u8]) {
    let others = |text: &str| {
        let is_other = |line: &&str| !line.trim_start().starts_with(&format!("{name}:"));
        let lines = text.split_inclusive('\n').filter(is_other);
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(
        others(new) == others(old),
        "another line than that of {name} is different"
    );
    assert_eq!(item(&unseal(place, new), name), value);
}

/// How many runs are killed at random: `SIGNET_KILLS`, or 200.
fn kills() -> usize {
    let wanted = std::env::var("SIGNET_KILLS").ok();
    wanted.map_or(200, |text| text.parse().expect("SIGNET_KILLS is a number"))
}

#[test]
fn a_run_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let kills = kills();
    let place = Place::new();
    place.write("t.yaml", sealed(&place, 8, 25_000));
    let whole = (0..5).map(|_| {
        let started = Instant::now();
        let done = merging(&place, "changed", "new").status().expect("a run");
        assert!(done.success());
        started.elapsed()
    });
    let mut moment = whole.min().unwrap_or_default();
    let mut old = place.read("t.yaml");
    let (mut replaced, mut left) = (0, 0);
    for round in 0..kills {
        let mut child = merging(&place, "changed", "new")
            .spawn()
            .expect("the program starts");
        std::thread::sleep(moment.mul_f64(rand::random_range(0.8..1.2)));
        let _ = child.kill();
        child.wait().expect("the program ends");
        let now = place.read("t.yaml");
        // The moments gather where the file is replaced, however fast the machine is.
        moment = moment.mul_f64(if now == old { 1.03 } else { 0.97 });
        if now != old {
            replaced += 1;
            assert!(now.ends_with('\n'), "round {round}: cut short");
            assert_merged(&place, &old, &now, "changed", b"new");
            old = now;
        }
        left += usize::from(!leftovers(&place).is_empty());
    }
    let last = merging(&place, "changed", "last").output().expect("a run");
    assert!(last.status.success());
    assert_eq!(leftovers(&place), [""; 0]);
    println!(
        "--merge-into, killed at random: {kills} kills, {} old, {replaced} new, 0 mixtures; \
         {left} temporary files until the next run, 0 after it",
        kills - replaced
    );
    assert!(
        (1..kills).contains(&replaced),
        "the moments were badly chosen"
    );
}

#[test]
fn the_form_of_a_file_stays() {
    let place = Place::new();
    let plain = sealed(&place, 1, 10);
    let forms = [
        ("CRLF", plain.replace('\n', "\r\n")),
        ("BOM", format!("\u{feff}{plain}")),
        ("no newline at the end", plain.trim_end().to_owned()),
        (
            "empty documents",
            format!("---\n# nothing\n{plain}---\n# tail\n"),
        ),
        ("end marker", format!("{plain}...\n")),
    ];
    for (what, before) in forms {
        place.write("t.yaml", &before);
        let ran = merging(&place, "added", "x").output().expect("a run");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{what}: {said}");
        assert_eq!(said, "", "{what}");
        let after = place.read("t.yaml");
        assert_eq!(item(&unseal(&place, &after), "added"), b"x", "{what}");
        let without: Vec<&str> = after
            .split_inclusive('\n')
            .filter(|line| !line.trim_start().starts_with("added:"))
            .collect();
        assert_eq!(without.concat().trim_end(), before.trim_end(), "{what}");
    }
}

#[test]
fn a_file_that_is_not_utf8_is_refused() {
    let place = Place::new();
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(
            sealed(&place, 1, 10)
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect();
    place.write("t.yaml", &utf16);
    let ran = merging(&place, "added", "x").output().expect("a run");
    assert_eq!(ran.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("error: t.yaml is not UTF-8 text"), "{said}");
    assert_eq!(std::fs::read(place.path("t.yaml")).expect("read"), utf16);
}
