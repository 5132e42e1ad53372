//! The program itself: what does not end, and what ends the process, is a finding with an input that shows it again.

use std::path::Path;
use std::process::{Command, Output};

fn fuzz(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_signet-fuzz"))
        .args([
            "fuzz",
            "--seed",
            "1",
            "--threads",
            "2",
            "--executions",
            "100",
            "--findings",
        ])
        .arg(folder)
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_target_without_a_bug_runs_as_often_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let output = fuzz(folder.path(), &["--target", "blob"]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("blob: 100 executions") && said.contains("nothing found"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn panics_endless_runs_and_overflows_are_found_and_can_be_seen_again() {
    for (target, what) in [
        ("planted-panic", "as planted"),
        ("planted-hang", "no end after 1 s"),
        ("planted-overflow", "the process does not survive it"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = fuzz(folder.path(), &["--target", target, "--limit", "1"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{target}: {said}");
        assert!(
            said.contains(what) && said.contains(&format!("soak fuzz --target {target} --input")),
            "{said}"
        );
        let file = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "hex"))
            .unwrap();
        if target != "planted-hang" {
            let again = fuzz(
                folder.path(),
                &["--target", target, "--input", file.to_str().unwrap()],
            );
            assert!(!again.status.success(), "{target}");
        }
    }
}

#[test]
fn a_target_that_does_not_exist_is_an_error_that_names_the_others() {
    let output = fuzz(Path::new("unused"), &["--target", "nothing"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && error.contains("blob"),
        "{error}"
    );
}
