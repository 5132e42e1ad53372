//! The search for leaked values (design §6 row 10, §8): canary values and private keys go through every success and
//! failure that can be arranged, and then no sink may hold them in any form.
//!
//! Secrets themselves are no sink, and neither is what a program prints that was asked to open one.

mod canaries;
mod objects;
mod programs;
mod requests;
mod sinks;

use signet_harness::Options;
use signet_tests::signet::{SignetController, sentinel};
use signet_tests::{fresh_namespace, start};

use crate::batch::stop;
use canaries::Canaries;
use sinks::Sinks;

const SYSTEM: &str = "kube-system";

#[test]
fn no_value_and_no_private_key_reaches_any_sink() -> anyhow::Result<()> {
    let sinks = Sinks::new()?;
    let plane = start(Options {
        apiserver_args: vec![sinks.audit_policy()?],
        ..Options::default()
    })?;
    let fast = [
        "--rate-limit=1000",
        "--rate-limit-burst=1000",
        "--template-functions=all",
    ];
    let mut controller = SignetController::start(&plane, SYSTEM, &fast)?;
    let canaries = Canaries::new(&plane, SYSTEM)?;
    let certificate = controller.certificate()?;

    let sealed = objects::seal_and_fail(&plane, &certificate)?;
    requests::ask_everything(&sinks, &controller, &sealed)?;
    objects::add_bad_keys(&plane, &controller, SYSTEM)?;
    // Again from a list, with another shape of log and everything in it.
    sinks.note(
        "metrics",
        &controller.fetch(controller.metrics_port, "/metrics")?,
    )?;
    stop(&mut controller)?;
    let arguments = [&fast[..], &["--log-format=json", "--log-level=TRACE"]].concat();
    let controller = SignetController::start_process(&plane, SYSTEM, &arguments)?;
    objects::add_good_key(&plane, &controller, SYSTEM)?;
    requests::ask_everything(&sinks, &controller, &sealed)?;
    programs::run_into_errors(&sinks, &plane, &certificate)?;
    sentinel(&plane, &controller, &fresh_namespace(&plane, "sentinel")?)?;

    sinks.note(
        "metrics",
        &controller.fetch(controller.metrics_port, "/metrics")?,
    )?;
    sinks.collect(&plane)?;
    sinks.ensure_alive()?;
    let findings = canaries.search(&sinks)?;
    let first: Vec<_> = findings.iter().take(12).map(String::as_str).collect();
    anyhow::ensure!(
        first.is_empty(),
        "{} leaks:\n{}",
        findings.len(),
        first.join("\n")
    );
    canaries.ensure_planted_copies_are_found(&sinks)
}
