//! What the demo says: acts, numbered steps, what was run, what was checked. It decides nothing.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Instant;

/// Longest word that is shown whole; ciphertext is longer.
const LONGEST_WORD: usize = 72;
const SHOWN_OF_LONG: usize = 44;

/// Tells the story on stdout.
#[derive(Debug)]
pub(super) struct Narrator {
    start: Instant,
    steps: u32,
    checks: u32,
    place: String,
}

impl Narrator {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            steps: 0,
            checks: 0,
            place: String::new(),
        }
    }

    pub(super) fn act(&self, title: impl Display) {
        print(&format!("\n== {title}\n"));
    }

    pub(super) fn step(&mut self, title: impl Display) {
        self.steps += 1;
        self.place = format!("step {} ({title})", self.steps);
        print(&format!("\n{}. {title}\n", self.steps));
    }

    /// Something that was run, as a reader would type it.
    pub(super) fn ran(&self, command: impl Display) {
        print(&format!("   $ {command}\n"));
    }

    pub(super) fn say(&self, text: impl Display) {
        print(&indented(&text.to_string(), "   "));
    }

    /// Output of a program or a file, with long words cut.
    pub(super) fn show(&self, text: &str) {
        print(&indented(&shortened(text.trim_end()), "   | "));
    }

    /// Something that was looked at and found right.
    pub(super) fn checked(&mut self, fact: impl Display) {
        self.checks += 1;
        print(&format!("   ok: {fact}\n"));
    }

    /// Something between the steps that has output of its own.
    pub(super) fn prepare(&mut self, what: &str) {
        what.clone_into(&mut self.place);
    }

    /// What is going on, for an error.
    pub(super) fn place(&self) -> String {
        self.place.clone()
    }

    pub(super) fn totals(&self) -> String {
        format!(
            "{} steps, {} checks, all right, in {} s",
            self.steps,
            self.checks,
            self.start.elapsed().as_secs()
        )
    }
}

/// Also used before and after the story. A reader who closed the pipe does not stop the demo from tidying up.
pub(super) fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

fn indented(text: &str, margin: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", [margin, line].concat().trim_end()))
        .collect()
}

fn shortened(text: &str) -> String {
    let lines = text.lines().map(|line| {
        line.split(' ')
            .map(shortened_word)
            .collect::<Vec<_>>()
            .join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn shortened_word(word: &str) -> String {
    let length = word.chars().count();
    if length <= LONGEST_WORD {
        return word.to_owned();
    }
    let head: String = word.chars().take(SHOWN_OF_LONG).collect();
    format!("{head}… ({length} characters)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphertext_is_cut_and_the_rest_is_kept() {
        let long = "A".repeat(684);
        let head = "A".repeat(44);
        assert_eq!(
            shortened(&format!("a: b\n    password: {long}")),
            format!("a: b\n    password: {head}… (684 characters)")
        );
    }
}
