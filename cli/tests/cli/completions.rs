//! Completion scripts, judged by the shell that is at hand everywhere.

use std::process::Command;

use crate::support::{Place, Program, words};

/// What bash offers after `typed` when the script of `program` is loaded.
fn offered(program: &str, typed: &[&str]) -> Vec<String> {
    let place = Place::new();
    let ran = place.run(
        Program::Signet,
        &words(&["completions", "bash", "--program", program]),
        b"",
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let last = typed.len() - 1;
    let question = format!(
        "{}\nCOMP_WORDS=({})\nCOMP_CWORD={last}\n_{program} {program} {} {}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        ran.stdout,
        typed.join(" "),
        typed[last],
        typed[last - 1],
    );
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", &question])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .expect("bash is at hand");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("words");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_verbs_and_flags_of_both_programs() {
    assert_eq!(offered("signet", &["signet", "se"]), ["seal"]);
    assert_eq!(
        offered("signet", &["signet", "seal", "--allow-c"]),
        ["--allow-cleartext"]
    );
    assert_eq!(
        offered("kubeseal", &["kubeseal", "--merge"]),
        ["--merge-into"]
    );
}

#[test]
fn a_shell_that_is_not_known_is_refused_with_those_that_are() {
    let ran = Place::new().run(Program::Signet, &words(&["completions", "csh"]), b"");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stdout.is_empty());
    assert!(ran.stderr.contains("bash"), "{}", ran.stderr);
}
