//! The bill of materials of one program: CycloneDX 1.6 (ECMA-424) as JSON.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde_json::{Value, json};

use super::Release;
use crate::cargo;

/// What the package `name` is linked from on this platform, with versions, licences and who needs whom.
///
/// # Errors
/// Cargo does not answer, or not as expected.
pub(crate) fn of_package(release: &Release, name: &str) -> anyhow::Result<String> {
    let linked = linked(release, name)?;
    let arguments = [
        "metadata",
        "--locked",
        "--format-version=1",
        "--filter-platform",
        release.triple(),
    ];
    let output = cargo::output(&arguments)?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let bill = bill(&metadata, &linked, name, release)?;
    Ok(format!("{bill:#}\n"))
}

/// Name and version of everything that is linked into the package. Cargo's metadata would add what other members of
/// the workspace switch on.
fn linked(release: &Release, name: &str) -> anyhow::Result<BTreeSet<(String, String)>> {
    let arguments = [
        "tree",
        "--locked",
        "--package",
        name,
        "--edges=normal",
        "--prefix=none",
        "--target",
        release.triple(),
    ];
    let output = cargo::output(&arguments)?;
    let text = String::from_utf8(output.stdout)?;
    let pairs = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let version = words.next()?.strip_prefix('v')?;
        Some((name.to_owned(), version.to_owned()))
    });
    Ok(pairs.collect())
}

fn bill(
    metadata: &Value,
    linked: &BTreeSet<(String, String)>,
    root: &str,
    release: &Release,
) -> anyhow::Result<Value> {
    let mut components = BTreeMap::new();
    let mut references = BTreeMap::new();
    for package in array(&metadata["packages"])? {
        let (name, version) = (text(&package["name"])?, text(&package["version"])?);
        if linked.contains(&(name.to_owned(), version.to_owned())) {
            let reference = format!("pkg:cargo/{name}@{version}");
            references.insert(text(&package["id"])?, reference.clone());
            components.insert(reference.clone(), component(package, &reference)?);
        }
    }
    let root = format!("pkg:cargo/{root}@{}", release.version);
    let mut main = components
        .remove(&root)
        .context("the package itself is linked")?;
    main["type"] = json!("application");
    let mut needs = BTreeMap::new();
    for node in array(&metadata["resolve"]["nodes"])? {
        if let Some(reference) = references.get(text(&node["id"])?) {
            let wanted: BTreeSet<_> = array(&node["dependencies"])?
                .iter()
                .filter_map(|id| references.get(id.as_str()?))
                .collect();
            needs.insert(reference, wanted);
        }
    }
    let needs: Vec<_> = needs
        .into_iter()
        .map(|(reference, wanted)| json!({"ref": reference, "dependsOn": wanted}))
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": main},
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": needs,
    }))
}

fn component(package: &Value, reference: &str) -> anyhow::Result<Value> {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": text(&package["name"])?,
        "version": text(&package["version"])?,
        "purl": reference,
    });
    if let Some(licence) = package["license"].as_str() {
        // Old packages write `MIT/Apache-2.0`, which is no expression of SPDX.
        let expression = licence.replace('/', " OR ");
        component["licenses"] = json!([{"expression": expression}]);
    }
    Ok(component)
}

fn array(value: &Value) -> anyhow::Result<&Vec<Value>> {
    value.as_array().context("cargo metadata: a list")
}

fn text(value: &Value) -> anyhow::Result<&str> {
    value.as_str().context("cargo metadata: a text")
}
