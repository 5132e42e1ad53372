//! The command line of `preview`, and its exit codes.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use super::{read, report};
use crate::args::{Args, Logging, VERSION, with_variables};
use crate::log;

/// The word after the program's name.
pub const NAME: &str = "preview";

/// Report what the controller would do in the cluster as it is, and write nothing.
///
/// Reads sealing keys, SealedSecrets and their Secrets; get and list are enough. All flags of the controller are taken and
/// mean the same; those that only matter to a process that goes on running have no effect. Without --kubeconfig it uses
/// the pod's service account, else KUBECONFIG and ~/.kube/config.
///
/// Exits 0 if nothing would change, 1 if something would, 2 if it could not find out.
#[derive(Debug, Parser)]
#[command(
    name = "preview",
    bin_name = "signet-controller preview",
    disable_version_flag = true,
    after_help = "",
    args_override_self = true
)]
struct Preview {
    #[command(flatten)]
    flags: Args,
    /// Text for people, or JSON for machines
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Runs `preview` with the words after it.
pub fn main(words: impl Iterator<Item = OsString>) -> ExitCode {
    let words = std::iter::once(OsString::from(NAME)).chain(words);
    let preview = Preview::parse_from(with_variables(words, |name| std::env::var_os(name)));
    // Warnings only: the report is what is asked for, and stdout is for it alone.
    log::init(&Logging {
        log_info_stdout: false,
        log_level: "WARN".to_owned(),
        ..preview.flags.logging.clone()
    });
    log::hook_panics();
    match run(&preview) {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the error of a command")]
            {
                eprintln!("signet-controller preview: error: {error:#}");
            }
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn run(preview: &Preview) -> anyhow::Result<ExitCode> {
    if preview.flags.version {
        println!("controller version: {VERSION}");
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    let found = runtime.block_on(read::all(&preview.flags))?;
    match preview.output {
        Output::Text => print!("{}", report::text(&found)),
        Output::Json => println!("{:#}", report::json(&found)),
    }
    let code = if !found.unreadable.is_empty() {
        2
    } else {
        u8::from(found.changes())
    };
    Ok(ExitCode::from(code))
}
