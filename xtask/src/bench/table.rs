//! Results as Markdown.

use std::fmt::Write as _;

use super::goals::Goals;
use super::lab::Scale;
use super::outcome::{Figure, Outcome};

/// Judged ratios first, then the figures they come from and the notes, for the scenarios that were measured.
pub(crate) fn all(outcomes: &[Outcome], goals: &Goals) -> String {
    let mut text = String::new();
    text.push_str(&judged(outcomes, goals, false));
    text.push('\n');
    text.push_str(&figures(outcomes));
    text.push('\n');
    text.push_str(&notes(outcomes));
    text
}

/// The ratios and how they stand to floor and goal; with `everything` also those that were not measured.
pub(crate) fn judged(outcomes: &[Outcome], goals: &Goals, everything: bool) -> String {
    let mut text = String::from(
        "| scenario | judged by | measured | floor | goal | reached |\n|---|---|---|---|---|---|\n",
    );
    for judged in &goals.judged {
        let (verdict, value) = judged.judge(outcomes);
        if value.is_none() && !everything {
            continue;
        }
        let outcome = outcomes
            .iter()
            .find(|outcome| outcome.scenario == judged.scenario);
        let few = outcome.is_some_and(|outcome| outcome.scale == Scale::Quick);
        let mark = if few && value.is_some() {
            " (quick)"
        } else {
            ""
        };
        let measured = value.map_or_else(|| "–".to_owned(), number) + mark;
        let _ = writeln!(
            text,
            "| {} | {} | {measured} | {} | {} | {verdict} |",
            judged.scenario,
            judged.ratio,
            judged.floor(),
            judged.goal(),
        );
    }
    text
}

/// What was measured, ours beside the peer's beside the ceiling.
pub(crate) fn figures(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| scenario | figure | unit | ours | peer | ceiling |\n|---|---|---|---|---|---|\n",
    );
    for outcome in outcomes {
        for Figure {
            what,
            unit,
            ours,
            peer,
            ceiling,
        } in &outcome.figures
        {
            let [ours, peer, ceiling] =
                [ours, peer, ceiling].map(|side| side.map_or_else(|| "–".to_owned(), number));
            let _ = writeln!(
                text,
                "| {} | {what} | {unit} | {ours} | {peer} | {ceiling} |",
                outcome.scenario
            );
        }
    }
    text
}

/// How each scenario was measured.
pub(crate) fn notes(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.notes.is_empty()) {
        let _ = writeln!(
            text,
            "- **{}** ({}): {}",
            outcome.scenario,
            outcome.scale,
            outcome.notes.join(" ")
        );
    }
    text
}

/// Three digits that matter; whole numbers as they are.
pub(crate) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e9 {
        return format!("{value:.0}");
    }
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        size if size < 0.00005 => "0".to_owned(),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_become_two_tables_and_a_list() {
        let goals = "[[judged]]\nscenario = 'cold'\nratio = 'speed'\nat_least = { floor = 3, goal = 4 }\n\
            [[judged]]\nscenario = 'other'\nratio = 'size'\nat_most = { goal = 1 }\n";
        let goals = Goals::parse(goals).unwrap();
        let mut cold = Outcome::new("cold", Scale::Full);
        cold.figure(Figure::new("rate", "objects/s").ours(98.123).peer(28.0));
        cold.ratio("speed", 3.5044);
        cold.note("One.");
        cold.note("Two.");
        let text = all(&[cold], &goals);
        for line in [
            "| cold | speed | 3.50 | ≥ 3 | ≥ 4 | floor |",
            "| cold | rate | objects/s | 98.1 | 28 | – |",
            "- **cold** (full): One. Two.",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(!text.contains("other"));
        let mut quick = Outcome::new("cold", Scale::Quick);
        quick.ratio("speed", 5.0);
        assert!(judged(&[quick], &goals, false).contains("| cold | speed | 5 (quick) |"));
        assert!(
            judged(&[], &goals, true).contains("| other | size | – | – | ≤ 1 | not measured |")
        );
    }

    #[test]
    fn numbers_have_three_digits_that_matter() {
        let shown: Vec<_> = [0.0, 3.0, 0.00123, 0.4567, 12.345, 1234.5, 1e-6]
            .map(number)
            .into();
        assert_eq!(shown, ["0", "3", "0.0012", "0.46", "12.3", "1234", "0"]);
    }
}
