//! Which version the labels say.

use anyhow::{Context, ensure};
use serde_json::json;
use signet_harness::{binary, kubectl};
use signet_tests::chart::{Helm, find};

#[test]
fn labels_say_upstreams_version_and_ours_and_selectors_say_none() -> anyhow::Result<()> {
    let mut command = std::process::Command::new(binary::path("signet-controller")?);
    command.arg("--version");
    let said = kubectl::run(command, "")?.success("--version")?;
    let objects = Helm::offline()?.render(&json!({}))?;
    for object in &objects {
        let labels = &object["metadata"]["labels"];
        let theirs = labels["app.kubernetes.io/version"].as_str();
        let ours = labels["signet.internal/version"].as_str();
        let (theirs, ours) = theirs.zip(ours).context("two versions")?;
        ensure!(
            said.contains(&format!("{theirs}+signet.{ours}")),
            "{} says {theirs} and {ours}, the controller {said}",
            object["kind"]
        );
    }
    let deployment = find(&objects, "Deployment").context("a Deployment")?;
    let service = find(&objects, "Service/sealed-secrets").context("a Service")?;
    let wanted = json!({ "app.kubernetes.io/name": "sealed-secrets", "app.kubernetes.io/instance": "sealed-secrets" });
    ensure!(deployment["spec"]["selector"]["matchLabels"] == wanted);
    ensure!(deployment["spec"]["template"]["metadata"]["labels"] == wanted);
    ensure!(service["spec"]["selector"] == wanted);
    Ok(())
}
