//! The list of developer commands, one variant and one module each.

use std::process::ExitCode;

use crate::release::{dist, image};
use crate::{bench, ci, codegen, demo, lint, netns, soak, test, tools};

/// Developer commands of Signet.
#[derive(clap::Parser)]
#[command(bin_name = "cargo xtask")]
pub(crate) enum Task {
    Bench(bench::Arguments),
    Demo(demo::Arguments),
    Test(test::Arguments),
    Lint(lint::Arguments),
    Ci(ci::Arguments),
    Codegen(codegen::Arguments),
    Tools(tools::Arguments),
    Soak(soak::Arguments),
    Image(image::Arguments),
    Dist(dist::Arguments),
    Netns(netns::Arguments),
    /// What `netns` and `test` run as the first process inside the namespace.
    #[command(hide = true, name = signet_harness::netns::INIT_ARGUMENT)]
    NetnsInit(netns::Arguments),
}

impl Task {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Bench(arguments) => bench::run(&arguments),
            Self::Demo(arguments) => demo::run(&arguments),
            Self::Codegen(arguments) => codegen::run(&arguments),
            Self::Lint(arguments) => lint::run(&arguments),
            Self::Ci(arguments) => ci::run(&arguments),
            Self::Test(arguments) => test::run(&arguments),
            Self::Tools(arguments) => tools::run(&arguments),
            Self::Soak(arguments) => soak::run(&arguments),
            Self::Image(arguments) => image::run(&arguments),
            Self::Dist(arguments) => dist::run(&arguments),
            Self::Netns(arguments) => netns::run(&arguments),
            Self::NetnsInit(arguments) => signet_harness::netns::init(&arguments.command),
        }
    }
}
