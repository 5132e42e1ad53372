//! Each `kubeseal` with each controller: validate, re-encrypt, merge and raw values.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};
use signet_harness::ControlPlane;
use signet_harness::kubectl::Output;
use signet_tests::signet::{ensure_contains, seal, secret};

use crate::request::{moved, old_sealed, verify};
use crate::world::{self, Cli};

/// Both worlds with an object that opens there.
fn worlds() -> anyhow::Result<[(&'static str, &'static ControlPlane, Value); 2]> {
    let (signet, upstream) = (world::signet()?, world::upstream()?);
    let clear = secret(
        "nowhere",
        "db",
        &[("user", "alice"), ("password", "pw-in-clear")],
    );
    Ok([
        (
            "signet",
            &signet.plane,
            seal(&signet.certificate, &clear, &[])?,
        ),
        (
            "upstream",
            &upstream.plane,
            seal(&upstream.certificate, &clear, &[])?,
        ),
    ])
}

/// What scripts see: exit code, stdout and the first line of stderr; Signet's second line is a hint.
fn seen(output: &Output) -> (Option<i32>, &str, &str) {
    let first = output.stderr.lines().next().unwrap_or_default();
    (output.status.code(), &output.stdout, first)
}

#[test]
fn validate_answers_the_same_from_each_kubeseal_and_each_controller() -> anyhow::Result<()> {
    for (whose, plane, opens) in worlds()? {
        let closed = moved(&opens, "elsewhere", "db");
        let two = format!("{opens}\n{closed}");
        let no = (Some(1), "", "error: unable to decrypt sealed secret: db");
        let table = [
            ("opens", opens.to_string(), (Some(0), "", "")),
            ("moved", closed.to_string(), no),
            ("two", format!("{opens}\n{opens}"), (Some(0), "", "")),
            ("the second is moved", two, no),
        ];
        for (what, input, expected) in &table {
            for cli in Cli::BOTH {
                let output = cli.run(plane, &["--validate"], input)?;
                assert_eq!(seen(&output), *expected, "{what}: {cli:?} asks {whose}");
            }
        }
    }
    Ok(())
}

#[test]
fn signet_verify_says_which_object_does_not_open() -> anyhow::Result<()> {
    for (whose, plane, opens) in worlds()? {
        let closed = moved(&opens, "elsewhere", "db");
        let input = format!("{opens}\n---\n{closed}\n");
        let output = signet_tests::signet::cli(plane, "signet", &["verify"], &input)?;
        assert_eq!(output.status.code(), Some(1), "{whose}: {}", output.stderr);
        assert_eq!(
            output.stdout,
            "nowhere/db: opens\nelsewhere/db: does not open\n"
        );
    }
    Ok(())
}

#[test]
fn each_kubeseal_re_encrypts_with_signets_controller() -> anyhow::Result<()> {
    let world = world::signet()?;
    let old = old_sealed(world, &[])?;
    for cli in Cli::BOTH {
        let output = cli.run(&world.plane, &["--re-encrypt"], &old.to_string())?;
        let rotated: Value = serde_json::from_str(&output.success("re-encrypt")?)?;
        assert_eq!(verify(world, &rotated)?, 200, "{cli:?}");
        for item in ["user", "password"] {
            let (old, new) = (
                &old["spec"]["encryptedData"][item],
                &rotated["spec"]["encryptedData"][item],
            );
            // The newest key has 4096 bits, the one before had 2048.
            let long = |text: &Value| text.as_str().unwrap_or_default().starts_with("Ag");
            assert_eq!((long(old), long(new)), (false, true), "{cli:?} {item}");
        }
        assert_eq!(
            rotated["spec"]["template"], old["spec"]["template"],
            "{cli:?}"
        );
    }
    Ok(())
}

#[test]
fn each_kubeseal_leaves_the_file_alone_when_an_object_does_not_open() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    for (whose, plane, opens) in worlds()? {
        let file = dir.path().join("sealed.json");
        let before = moved(&opens, "elsewhere", "db").to_string();
        for cli in Cli::BOTH {
            std::fs::write(&file, &before)?;
            let output = cli.run(plane, &["--re-encrypt", "-f", path(&file)?], "")?;
            assert_eq!(output.status.code(), Some(1), "{cli:?} asks {whose}");
            let text = if whose == "signet" {
                "error: unable to rotate secret"
            } else {
                "error: cannot re-encrypt secret: "
            };
            ensure_contains(&output.stderr, text)?;
            assert_eq!(
                std::fs::read_to_string(&file)?,
                before,
                "{cli:?} asks {whose}"
            );
        }
    }
    Ok(())
}

/// Upstream's answer has no templates any more, and rendered them into items; none of that reaches the file.
#[test]
fn signets_kubeseal_re_encrypts_a_file_in_place_and_changes_only_ciphertexts() -> anyhow::Result<()>
{
    let dir = tempfile::tempdir()?;
    for (whose, plane, opens) in worlds()? {
        let item = |item: &str| {
            opens["spec"]["encryptedData"][item]
                .as_str()
                .unwrap_or("")
                .to_owned()
        };
        let old = if whose == "signet" {
            let old = old_sealed(world::signet()?, &[])?;
            old["spec"]["encryptedData"]["password"]
                .as_str()
                .unwrap_or("")
                .to_owned()
        } else {
            item("password")
        };
        let text = format!(
            "# the team's database\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db # by hand\n  \
             namespace: nowhere\nspec:\n  encryptedData:\n    password: {old}\n  template:\n    data:\n      \
             url: 'db://{{{{ .password }}}}@host' # a template\n"
        );
        let file = dir.path().join("sealed.yaml");
        std::fs::write(&file, &text)?;
        Cli::Signet
            .run(plane, &["--re-encrypt", "-f", path(&file)?], "")?
            .success("re-encrypt")?;
        let after = std::fs::read_to_string(&file)?;
        let line = after
            .lines()
            .find_map(|line| line.strip_prefix("    password: "))
            .context("the item")?;
        assert_ne!(line, old, "{whose}: a new ciphertext");
        assert_eq!(after.replace(line, &old), text, "{whose}: and nothing else");
        Cli::Upstream
            .run(plane, &["--validate"], &after)?
            .success(&format!("{whose} opens it"))?;
    }
    Ok(())
}

#[test]
fn each_kubeseal_merges_into_what_the_other_sealed() -> anyhow::Result<()> {
    let world = world::signet()?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("sealed.json");
    for (first, second) in [(Cli::Signet, Cli::Upstream), (Cli::Upstream, Cli::Signet)] {
        let clear = secret("nowhere", "db", &[("user", "alice"), ("password", "old")]);
        let sealed = first
            .run(&world.plane, &[], &clear.to_string())?
            .success("kubeseal")?;
        std::fs::write(&file, &sealed)?;
        let more = secret("nowhere", "db", &[("password", "new"), ("token", "t")]);
        second
            .run(
                &world.plane,
                &["--merge-into", path(&file)?],
                &more.to_string(),
            )?
            .success("merge")?;
        let before: Value = serde_json::from_str(&sealed)?;
        let merged: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
        let items = |object: &Value, item: &str| object["spec"]["encryptedData"][item].clone();
        assert_eq!(
            items(&merged, "user"),
            items(&before, "user"),
            "{second:?} keeps"
        );
        assert_ne!(
            items(&merged, "password"),
            items(&before, "password"),
            "{second:?} changes"
        );
        assert!(items(&merged, "token").is_string(), "{second:?} adds");
        assert_eq!(verify(world, &merged)?, 200, "{first:?} then {second:?}");
    }
    Ok(())
}

#[test]
fn raw_values_of_each_kubeseal_fit_into_an_object_of_their_scope() -> anyhow::Result<()> {
    for (whose, plane, _) in worlds()? {
        let table = [
            ("strict", &["--name", "db", "-n", "nowhere"][..]),
            ("namespace-wide", &["-n", "nowhere"]),
            ("cluster-wide", &[]),
        ];
        for (scope, place) in table {
            for cli in Cli::BOTH {
                let arguments = [&["--raw", "--scope", scope], place].concat();
                let value = cli.run(plane, &arguments, "a value\n")?.success("raw")?;
                let annotation = format!("sealedsecrets.bitnami.com/{scope}");
                let object = json!({
                    "apiVersion": "bitnami.com/v1alpha1",
                    "kind": "SealedSecret",
                    "metadata": {"name": "db", "namespace": "nowhere", "annotations": {annotation: "true"}},
                    "spec": {"encryptedData": {"item": value}},
                });
                for asks in Cli::BOTH {
                    let output = asks.run(plane, &["--validate"], &object.to_string())?;
                    output.success(&format!("{scope} by {cli:?} to {whose}"))?;
                }
            }
        }
    }
    Ok(())
}

fn path(file: &Path) -> anyhow::Result<&str> {
    file.to_str().context("a path in UTF-8")
}
