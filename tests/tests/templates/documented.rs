//! Functions as their documentation uses them: all of these must succeed, and agree.

use crate::case::Case;
use crate::compare::compare;
use crate::differences::is_known;
use crate::grid::BUILTINS;
use crate::oracle::Oracle;
use crate::shapes;

/// One template a line.
const TEMPLATES: &str = include_str!("documented.txt");

#[test]
fn documented_uses_of_every_function_succeed_and_agree_with_go() -> anyhow::Result<()> {
    let oracle = Oracle::new()?;
    let functions = oracle.functions()?;
    let builtins = BUILTINS.iter().map(|(name, _)| *name);
    for name in functions.keys().map(String::as_str).chain(builtins) {
        // `fail` cannot succeed, and no value is a function that could be called.
        let shown = shapes::has_shape(name) || ["fail", "call"].contains(&name);
        let word = |found: &str| {
            found
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| word == name)
        };
        assert!(shown || word(TEMPLATES), "no documented use of {name}");
    }
    let cases: Vec<Case> = TEMPLATES.lines().map(Case::new).collect();
    for case in &cases {
        assert!(!is_known(&case.template), "listed as different: {case}");
    }
    let tally = compare(&oracle, &cases)?;
    assert!(tally.different.is_empty(), "{}", tally.different.join("\n"));
    assert_eq!(tally.both_failed, 0, "a documented use fails in Go");
    Ok(())
}
