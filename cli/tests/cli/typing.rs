//! `signet seal --raw` at a terminal. `script` gives one, and shows what the terminal shows.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::support::{CANARY, Place, Program, key, unseal, words};

const PROMPT: &str = "end it with Enter:";

/// Runs in a terminal, types `typed` once it is asked for, and gives what the terminal showed.
fn at_a_terminal(place: &Place, command: &str, typed: &str) -> String {
    let mut child = Command::new("script")
        .args(["-q", "-e", "-c", command, "/dev/null"])
        .env("HOME", place.path(""))
        .current_dir(place.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script, of util-linux, is there");
    let mut shown = Vec::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut byte = [0];
    let asked = |shown: &[u8]| String::from_utf8_lossy(shown).contains(PROMPT);
    while !asked(&shown) && stdout.read(&mut byte).expect("script says something") == 1 {
        shown.extend(byte);
    }
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(typed.as_bytes()).expect("script listens");
    stdout
        .read_to_end(&mut shown)
        .expect("script says something");
    drop(stdin);
    child.wait().expect("script ends");
    String::from_utf8_lossy(&shown).into_owned()
}

fn seal(place: &Place) -> String {
    let program = Program::Signet.path();
    let certificate = key("seal.crt");
    let sealing = format!("{program} seal --raw --cert {certificate} -n pay --name db -w sealed");
    // What the terminal does afterwards is asked of the terminal.
    place.write(
        "run.sh",
        format!("{sealing}\necho ended $?\nstty -a | grep -o -- '-\\?echo\\b'\n"),
    );
    "sh run.sh".to_owned()
}

#[test]
fn what_is_typed_is_not_shown_and_its_line_break_is_not_sealed() {
    let place = Place::new();
    let shown = at_a_terminal(&place, &seal(&place), &format!("{CANARY}\n"));
    assert!(!shown.contains(CANARY), "{shown}");
    assert!(shown.contains("ended 0"), "{shown}");
    assert!(shown.lines().any(|line| line.trim() == "echo"), "{shown}");
    let sealed = format!(
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {{name: db, namespace: pay}}\nspec: {{encryptedData: {{password: {}}}}}\n",
        place.read("sealed").trim()
    );
    let opened = unseal(&place, &sealed);
    assert_eq!(crate::support::item(&opened, "password"), CANARY.as_bytes());
}

#[test]
fn the_terminal_shows_what_is_typed_again_after_an_interrupt() {
    let place = Place::new();
    // The key of an interrupt, in the middle of a value; the shell goes on.
    let command = format!(
        "trap : INT; {}",
        seal(&place).replace("sh run.sh", ". ./run.sh")
    );
    let shown = at_a_terminal(&place, &command, "half\u{3}");
    assert!(!shown.contains("half"), "{shown}");
    assert!(shown.contains("ended 130"), "{shown}");
    assert!(shown.lines().any(|line| line.trim() == "echo"), "{shown}");
    assert!(!place.path("sealed").exists());
}

#[test]
fn a_line_break_at_the_end_of_a_value_from_a_pipe_is_warned_of() {
    for (value, warned) in [
        ("pw\n", true),
        ("pw", false),
        ("a\nb\n", false),
        ("\n", false),
    ] {
        for program in Program::BOTH {
            let mut arguments = program.sealing();
            arguments.extend(words(&["--raw", "--scope", "cluster-wide"]));
            let ran = Place::new().run(program, &arguments, value.as_bytes());
            ran.assert_done();
            let says = ran.stderr.contains("the value ends with a line break");
            assert_eq!(says, warned && program == Program::Signet, "{}", ran.said());
        }
    }
}
