//! The list of functions itself: every function of upstream, with the parameters it has in Go, and no other.

use std::collections::BTreeMap;

use signet_templates::{Entry, FUNCTIONS, Param};

use crate::grid::BUILTINS;
use crate::oracle::Oracle;
use crate::shapes;

#[test]
fn every_function_of_upstream_is_here_with_its_parameters_and_no_other() -> anyhow::Result<()> {
    let wanted: BTreeMap<String, String> = Oracle::new()?
        .functions()?
        .into_iter()
        .chain(
            BUILTINS
                .iter()
                .map(|(name, go)| ((*name).to_owned(), (*go).to_owned())),
        )
        .map(|(name, go)| (name, parameters(&go).to_owned()))
        .collect();
    let entries = || FUNCTIONS.iter().flat_map(|table| table.iter());
    let found: BTreeMap<String, String> = entries()
        .map(|entry| (entry.name.to_owned(), declared(entry)))
        .collect();
    assert_eq!(entries().count(), found.len(), "a name stands twice");
    let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&wanted));
    assert_eq!(found, wanted);
    Ok(())
}

/// What stands between the parentheses of a Go function type.
fn parameters(go: &str) -> &str {
    let inside = go.split_once('(').map_or("", |(_, rest)| rest);
    inside
        .split_once(')')
        .map_or("", |(parameters, _)| parameters)
}

fn declared(entry: &Entry) -> String {
    let mut parameters: Vec<String> = entry
        .params
        .iter()
        .map(|&param| go(param).to_owned())
        .collect();
    parameters.extend(entry.rest.map(|rest| format!("...{}", go(rest))));
    parameters.join(", ")
}

fn go(param: Param) -> &'static str {
    match param {
        Param::Any => "interface {}",
        Param::Str => "string",
        Param::Bool => "bool",
        Param::Int => "int",
        Param::Int64 => "int64",
        Param::Uint32 => "uint32",
        Param::Float64 => "float64",
        Param::Anys => "[]interface {}",
        Param::Strs => "[]string",
        Param::Map => "map[string]interface {}",
        Param::Named(name) => name,
    }
}

/// The functions in the first column of the row of the guide whose decision begins so.
fn decided(guide: &str, decision: &str) -> Vec<String> {
    let row = guide
        .lines()
        .skip_while(|line| *line != "## Functions that are decided one by one")
        .find_map(|line| line.split_once(&format!(" | {decision}")));
    let names = row.map_or("", |(names, _)| names);
    let names = names.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn the_guide_decides_about_every_function_that_is_not_plain() -> anyhow::Result<()> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/templates.md");
    let guide = std::fs::read_to_string(guide)?;
    let of = |wanted: &dyn Fn(&Entry) -> bool| {
        let entries = FUNCTIONS.iter().flat_map(|table| table.iter());
        let mut names: Vec<String> = entries
            .filter(|entry| wanted(entry))
            .map(|entry| entry.name.to_owned())
            .collect();
        names.sort();
        names
    };
    let timed = |name: &str| shapes::TIMED.contains(&name) || ["ago", "now"].contains(&name);
    let drawn = |entry: &Entry| entry.varies && !timed(entry.name);
    let row = |decision: &str| decided(&guide, decision);
    assert_eq!(
        row("there, and drawn"),
        of(&|entry| drawn(entry) && !entry.key_making)
    );
    assert_eq!(
        row("only with `--template-functions=all`, and drawn"),
        of(&|entry| drawn(entry) && entry.key_making)
    );
    assert_eq!(
        row("only with `--template-functions=all` |"),
        of(&|entry| !entry.varies && entry.key_making)
    );
    assert_eq!(
        row("there; they look at the clock"),
        of(&|entry| timed(entry.name))
    );
    let absent = row("do not exist");
    assert_eq!(absent.len(), 3);
    assert!(
        absent
            .iter()
            .all(|name| signet_templates::find(name).is_none())
    );
    Ok(())
}
