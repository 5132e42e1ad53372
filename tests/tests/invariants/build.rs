//! How everything is built, and what may come into the build: settings that nothing else would miss if they were gone.

use std::path::Path;

use anyhow::{Context, ensure};
use toml_edit::{DocumentMut, Item};

use super::{committed, read};

fn toml(path: &str) -> anyhow::Result<DocumentMut> {
    read(Path::new(path))?
        .parse()
        .with_context(|| path.to_owned())
}

/// Shorter than any reason or wait that tells somebody something.
const SHORTEST: usize = 10;

#[test]
fn nothing_in_the_workspace_is_unsafe_and_every_package_says_so() -> anyhow::Result<()> {
    let workspace = toml("Cargo.toml")?;
    let level = &workspace["workspace"]["lints"]["rust"]["unsafe_code"];
    ensure!(level.as_str() == Some("forbid"), "unsafe_code = {level:?}");
    let mut packages = 0;
    for path in committed()?
        .iter()
        .filter(|path| path.ends_with("Cargo.toml"))
    {
        let manifest = toml(&path.to_string_lossy())?;
        if manifest.get("package").is_none() {
            continue;
        }
        packages += 1;
        let inherits = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"));
        ensure!(
            inherits.and_then(Item::as_bool) == Some(true),
            "{} has lints of its own",
            path.display()
        );
    }
    ensure!(packages >= 8, "only {packages} packages were found");
    Ok(())
}

/// A sum that does not fit is a panic, which ends one attempt, and no other number; and a panic can end one attempt only as
/// long as it unwinds.
#[test]
fn what_is_released_checks_sums_and_unwinds() -> anyhow::Result<()> {
    let profiles = &toml("Cargo.toml")?["profile"];
    let release = profiles["release"].as_table().context("a profile")?;
    let checks = release.get("overflow-checks").and_then(Item::as_bool);
    ensure!(checks == Some(true), "overflow-checks = {checks:?}");
    for (name, profile) in profiles.as_table().context("profiles")? {
        let panic = profile.get("panic").and_then(Item::as_str);
        ensure!(
            panic.is_none_or(|how| how == "unwind"),
            "{name}: panic = {panic:?}"
        );
        let checks = profile.get("overflow-checks").and_then(Item::as_bool);
        ensure!(checks != Some(false), "{name}: overflow-checks = false");
    }
    // A package of its own profile could undo it.
    let packages = release.get("package").and_then(Item::as_table);
    for (name, package) in packages.into_iter().flatten() {
        let checks = package.get("overflow-checks").and_then(Item::as_bool);
        ensure!(checks != Some(false), "{name}: overflow-checks = false");
    }
    Ok(())
}

/// The text of a comment above an entry of a list, or of a `reason` in it.
fn said(entry: &toml_edit::Value) -> (String, String) {
    let prefix = entry.decor().prefix().and_then(|prefix| prefix.as_str());
    let comment = prefix.unwrap_or_default().replace('#', "");
    let reason = entry
        .as_inline_table()
        .and_then(|table| table.get("reason"));
    let reason = reason
        .and_then(toml_edit::Value::as_str)
        .unwrap_or_default();
    (
        comment.split_whitespace().collect::<Vec<_>>().join(" "),
        reason.to_owned(),
    )
}

/// `cargo deny` takes any entry; here each has to say why it is there, and an exception what it waits for.
#[test]
fn each_exception_for_a_dependency_says_why_and_what_it_waits_for() -> anyhow::Result<()> {
    let deny = toml("deny.toml")?;
    let list = |section: &str, name: &str| -> anyhow::Result<Vec<toml_edit::Value>> {
        let found = deny[section].get(name).and_then(Item::as_array);
        Ok(found
            .with_context(|| format!("{section}.{name}"))?
            .iter()
            .cloned()
            .collect())
    };
    for advisory in list("advisories", "ignore")? {
        let (comment, reason) = said(&advisory);
        ensure!(reason.len() > SHORTEST, "no reason: {advisory:?}");
        ensure!(
            comment.contains("aits for "),
            "what does it wait for? {advisory:?}"
        );
        let id = advisory
            .as_inline_table()
            .and_then(|table| table.get("id")?.as_str());
        let id = id.context("an id")?;
        let trust = read(Path::new("docs/trust.md"))?;
        ensure!(
            trust.contains(&format!("## {id}")),
            "docs/trust.md does not speak of {id}"
        );
    }
    for duplicate in list("bans", "skip")? {
        let (_, reason) = said(&duplicate);
        ensure!(
            reason.contains("wait"),
            "what does it wait for? {duplicate:?}"
        );
    }
    for banned in list("bans", "deny")? {
        ensure!(said(&banned).1.len() > SHORTEST, "no reason: {banned:?}");
    }
    for licence in list("licenses", "exceptions")? {
        ensure!(said(&licence).0.len() > SHORTEST, "no comment: {licence:?}");
    }
    let strict = [
        ("advisories", "yanked"),
        ("bans", "multiple-versions"),
        ("bans", "wildcards"),
        ("sources", "unknown-registry"),
        ("sources", "unknown-git"),
    ];
    for (section, name) in strict {
        let level = deny[section].get(name).and_then(Item::as_str);
        ensure!(level == Some("deny"), "{section}.{name} = {level:?}");
    }
    for section in ["advisories", "licenses", "bans", "sources"] {
        for loose in [
            "unmaintained",
            "unsound",
            "unlicensed",
            "allow-git",
            "skip-tree",
        ] {
            ensure!(
                deny[section].get(loose).is_none(),
                "{section}.{loose} loosens a default"
            );
        }
    }
    Ok(())
}
