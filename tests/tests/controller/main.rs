//! The controller matrix: each row plays the same scene with upstream's controller and with Signet's, and compares what a
//! user can see of it. A row that differs cites the documented difference (tests/differences.toml).
//!
//! Two control planes, one for each program. First every row that needs no flags, with one controller that watches all
//! namespaces; then rows that start controllers of their own, each confined to its own namespace; then a few rows that
//! stop the garbage collector.

mod content;
mod deprecated;
mod effects;
mod flags;
mod http;
mod keys;
mod lifecycle;
mod metrics;
mod observe;
mod own_keys;
mod ownership;
mod parsing;
mod restored;
mod row;
mod scopes;
mod side;
mod specs;
mod texts;
mod worlds;

use anyhow::ensure;
use signet_tests::differences::{Area, Ledger};
use signet_tests::print_figures;

use row::{Case, Outcome};

/// Only rows whose name contains this are played, if it is set; the list of differences is not held against them then.
const ONLY: &str = "SIGNET_ROWS";

fn chosen(cases: Vec<Case>) -> Vec<Case> {
    match std::env::var(ONLY) {
        Ok(part) => cases
            .into_iter()
            .filter(|case| case.name.contains(&part))
            .collect(),
        Err(_) => cases,
    }
}

fn settle(area: Area, outcomes: &[Outcome]) -> anyhow::Result<String> {
    let mut ledger = Ledger::new(area)?;
    let mut broken = Vec::new();
    for outcome in outcomes {
        match &outcome.difference {
            Ok(difference) => {
                ledger.row(outcome.name, outcome.cites, difference.clone());
            }
            Err(error) => broken.push(format!("{}: {error:#}", outcome.name)),
        }
    }
    let totals = if std::env::var(ONLY).is_ok() {
        ledger.finish_some()
    } else {
        ledger.finish()
    };
    let broken = broken.join("\n\n");
    ensure!(
        broken.is_empty(),
        "rows that could not be played:\n{broken}\n\n{}",
        match &totals {
            Ok(totals) => totals.to_string(),
            Err(error) => format!("{error:#}"),
        }
    );
    totals.map(|totals| totals.to_string())
}

#[test]
fn each_row_of_the_matrix_shows_the_same_effects_or_a_documented_difference() -> anyhow::Result<()>
{
    let worlds = worlds::start()?;
    let base = [
        specs::cases(),
        content::cases(),
        scopes::cases(),
        ownership::cases(),
        lifecycle::cases(),
        deprecated::cases(),
    ];
    let confined = [
        flags::cases(),
        effects::cases(),
        keys::cases(),
        own_keys::cases(),
        restored::cases(),
        parsing::cases(),
        metrics::cases(),
        texts::cases(),
    ];
    let mut outcomes = worlds.play_shared(chosen(base.into_iter().flatten().collect()))?;
    let mut http = worlds.play_shared_again(chosen(http::cases()))?;
    outcomes.extend(worlds.play_alone(chosen(lifecycle::without_garbage_collection()))?);
    worlds.end_shared()?;
    outcomes.extend(worlds.play_confined(chosen(confined.into_iter().flatten().collect()))?);
    http.extend(worlds.play_confined(chosen(effects::limits()))?);
    let controller = settle(Area::Controller, &outcomes);
    let http = settle(Area::Http, &http);
    for totals in [&controller, &http].into_iter().flatten() {
        print_figures(totals)?;
    }
    let (controller, http) = (controller.err(), http.err());
    let wrong: Vec<_> = [controller, http]
        .into_iter()
        .flatten()
        .map(|error| format!("{error:#}"))
        .collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    Ok(())
}

#[test]
fn every_row_has_a_name_of_its_own() {
    let all = [
        specs::cases(),
        content::cases(),
        scopes::cases(),
        ownership::cases(),
        lifecycle::cases(),
        lifecycle::without_garbage_collection(),
        deprecated::cases(),
        flags::cases(),
        keys::cases(),
        own_keys::cases(),
        restored::cases(),
        parsing::cases(),
        effects::cases(),
        effects::limits(),
        metrics::cases(),
        texts::cases(),
        http::cases(),
    ];
    let names: Vec<_> = all.into_iter().flatten().map(|case| case.name).collect();
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}
