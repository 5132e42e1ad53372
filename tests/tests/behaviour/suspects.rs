//! What was being rendered when the controller was killed: it comes last and alone, and then never again.

use std::path::PathBuf;

use anyhow::ensure;
use serde_json::json;
use signet_harness::eventually;
use signet_harness::upstream::SERVICE;
use signet_tests::signet::CAP;

use crate::scene::{Solo, text};

/// Takes seconds, and is refused then: long enough to be killed meanwhile, as the kernel kills for memory.
const HOG: &str = "{{ range 1000000 }}{{ $_ := semver \"1.2.3-a.b.c.d.e.f.g.h\" }}{{ end }}";

/// Awaits that the controller has noted that it renders the hog, in this way.
fn await_note(solo: &Solo, mark: &str) -> anyhow::Result<()> {
    let namespace = &solo.controller.namespace;
    let folder = format!("in-cluster/{namespace}.{SERVICE}.shm");
    let note: PathBuf = solo.plane.dir().join(folder).join("signet-rendering.json");
    eventually(&format!("the hog is {mark}"), CAP, || {
        let note = std::fs::read_to_string(&note).ok()?;
        let entries: serde_json::Value = serde_json::from_str(&note).ok()?;
        let mut entries = entries.as_array()?.iter();
        entries
            .any(|entry| entry["name"] == "hog" && entry["mark"] == mark)
            .then_some(())
    })
}

#[test]
fn what_was_rendered_when_the_controller_was_killed_comes_last_and_then_never() -> anyhow::Result<()>
{
    let mut solo = Solo::start("suspects", &[])?;
    let with = |solo: &Solo, name: &str, text: &str| -> anyhow::Result<()> {
        let sealed = solo.sealed_as(name, &[("k", "v")], json!({"data": {"t": text}}))?;
        solo.apply(&sealed).map(drop)
    };
    with(&solo, "hog", HOG)?;
    await_note(&solo, "running")?;
    solo.controller.process.kill()?;
    let others = ["a", "other", "zzz"];
    for name in others {
        with(&solo, name, "<{{ .k }}>")?;
    }
    solo.begin_again(&[])?;
    await_note(&solo, "runningAlone")?;
    for name in others {
        let object = solo.find_sealed(name)?.unwrap_or_default();
        let reason = text(&object, "/status/conditions/0/reason");
        ensure!(
            reason == "Unsealed",
            "the hog came before {name}: {object:#}"
        );
    }
    solo.controller.process.kill()?;
    solo.begin_again(&[])?;
    solo.says("hog", "TemplateTooExpensive", "killed")?;
    // One that is changed is judged anew.
    with(&solo, "hog", "<{{ .k }}>")?;
    solo.await_items("hog", &[("k", "v"), ("t", "<v>")])?;
    solo.sentinel()
}
