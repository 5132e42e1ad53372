//! `cargo xtask bench`: what Signet costs beside upstream, on the same control plane, in turn.
//!
//! Owns the list of scenarios and the command. Nothing here is a test with a clock: figures belong to the machine they were
//! taken on, so that only ratios are judged, and only when `--check` asks for it.

#![expect(clippy::print_stdout, reason = "the result of the command")]

mod ceiling;
mod cold;
pub(crate) mod documents;
mod flood;
mod goals;
mod handover;
mod held;
mod lab;
mod latency;
mod memory;
mod offline;
mod outcome;
mod restart;
mod results;
mod ring;
mod scrape;
mod table;
mod tenants;
mod usage;
mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use signet_harness::{Tool, Tools, binary, netns};

use crate::{cargo, netns::exit_code};
use goals::Goals;
use lab::{Lab, Scale};
use outcome::Outcome;
use results::Results;

/// Measure Signet and upstream in turn, and judge the ratios.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only the groups of scenarios with this text in a name.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// How much of it.
    #[arg(long, value_enum, default_value = "quick")]
    scale: Scale,
    /// Put the results into this file, in the place of earlier ones of the same scenarios.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure nothing: show the results in this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "json"])]
    from: Option<PathBuf>,
    /// Fail if a ratio is below its floor in `benches/goals.toml`, or was not measured although everything was.
    #[arg(long)]
    check: bool,
}

/// What is measured together, because it shares a cluster.
struct Group {
    /// The names of its outcomes.
    scenarios: &'static [&'static str],
    run: fn(&Lab) -> anyhow::Result<Vec<Outcome>>,
}

/// In the order in which they run and are shown.
const GROUPS: [Group; 13] = [
    Group {
        scenarios: &["cold", "cold, default flags", "requests"],
        run: cold::run,
    },
    Group {
        scenarios: &["restart", "status cleared", "new while restarting"],
        run: restart::run,
    },
    Group {
        scenarios: &["memory"],
        run: memory::many,
    },
    Group {
        scenarios: &["large values"],
        run: memory::large,
    },
    Group {
        scenarios: &["tenants: annotations"],
        run: tenants::annotations,
    },
    Group {
        scenarios: &["tenants: items"],
        run: tenants::items,
    },
    Group {
        scenarios: &["tenants: large objects"],
        run: tenants::large,
    },
    Group {
        scenarios: &[
            "tenants: one annotation of a Secret",
            "tenants: many annotations of a Secret",
        ],
        run: tenants::secrets,
    },
    Group {
        scenarios: &["60 keys"],
        run: ring::run,
    },
    Group {
        scenarios: &["offline seal", "private operation"],
        run: offline::run,
    },
    Group {
        scenarios: &["verify flood"],
        run: flood::run,
    },
    Group {
        scenarios: &["metrics in a loop"],
        run: scrape::run,
    },
    Group {
        scenarios: &["hand-over"],
        run: handover::run,
    },
];

/// The programs of others that are measured beside ours, or with.
const TOOLS: [Tool; 5] = [
    Tool::Etcd,
    Tool::KubeApiserver,
    Tool::Kubectl,
    Tool::UpstreamController,
    Tool::UpstreamKubeseal,
];

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let goals = Goals::read()?;
    if let Some(file) = &arguments.from {
        let results = Results::read(file)?;
        print!("{}", table::all(&results.outcomes, &goals));
        return Ok(verdict(arguments.check, &goals, &results.outcomes, true));
    }
    ensure!(
        chosen(&arguments.only).next().is_some(),
        "no scenario has {:?} in its name; there are: {}",
        arguments.only,
        names().collect::<Vec<_>>().join(", ")
    );
    if !netns::is_inside() {
        return run_inside();
    }
    let lab = Lab::new(arguments.scale)?;
    let mut outcomes = Vec::new();
    for group in chosen(&arguments.only) {
        println!("== {}", group.scenarios.join(", "));
        let measured = (group.run)(&lab).with_context(|| group.scenarios.join(", "))?;
        print!("{}", table::all(&measured, &goals));
        // Kept at once: a later group may fail.
        if let Some(file) = &arguments.json {
            let mut results = Results::read_or_empty(file)?;
            results.machine = lab.machine()?;
            results.merge(measured.clone(), &names().collect::<Vec<_>>());
            results.write(file)?;
        }
        outcomes.extend(measured);
    }
    let is_everything = arguments.only.is_empty();
    Ok(verdict(arguments.check, &goals, &outcomes, is_everything))
}

fn chosen(only: &str) -> impl Iterator<Item = &'static Group> {
    let matches = move |group: &&Group| group.scenarios.iter().any(|name| name.contains(only));
    GROUPS.iter().filter(matches)
}

fn names() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|group| group.scenarios).copied()
}

fn verdict(check: bool, goals: &Goals, outcomes: &[Outcome], is_everything: bool) -> ExitCode {
    let failures = goals.failures(outcomes, is_everything);
    for failure in &failures {
        println!("{failure}");
    }
    if check && !failures.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Builds everything, then runs this same command where the cluster tests run: upstream's controller needs a network and
/// a file system of its own.
fn run_inside() -> anyhow::Result<ExitCode> {
    netns::check()?;
    let tools = Tools::ensure_in_background(&TOOLS)?;
    let programs = release_programs()?;
    let tools = tools.wait()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1));
    command.env(binary::DIR_VARIABLE, folder(&programs)?);
    tools.export(&mut command);
    Ok(exit_code(netns::run_in_namespace(&command)?))
}

fn release_programs() -> anyhow::Result<Vec<PathBuf>> {
    let built = cargo::build(&[
        "build",
        "--release",
        "--package",
        "signet-cli",
        "--package",
        "signet-controller",
        "--package",
        "signet-load",
    ])?;
    cargo::programs(
        &built,
        &["signet", "kubeseal", "signet-controller", "signet-load"],
    )
}

fn folder(programs: &[PathBuf]) -> anyhow::Result<&Path> {
    programs
        .first()
        .and_then(|program| program.parent())
        .context("Cargo puts programs into a folder")
}
