//! `/v1/rotate`: ciphertexts change, nothing else does, and a scope never grows.

use anyhow::Context;
use serde_json::{Value, json};
use signet_harness::kubectl;
use signet_harness::upstream::NAMESPACE;
use signet_tests::signet::{
    CAP, SignetController, apply, clear_items, ensure_contains, seal, secret,
};

use crate::request::{moved, old_sealed, post, sealed, send, verify};
use crate::world::{self, Cli, SignetWorld, key_secrets};

fn rotate(world: &SignetWorld, object: &Value) -> anyhow::Result<Value> {
    let (status, body) = post(world, "/v1/rotate", &object.to_string())?;
    assert_eq!(status, 200, "{body}");
    Ok(serde_json::from_str(&body)?)
}

fn without_ciphertext(object: &Value) -> Value {
    let mut rest = object.clone();
    rest["spec"]["encryptedData"] = Value::Null;
    rest
}

/// The items as the real kubeseal reads them with the newest key alone.
fn open_with_newest_key(
    world: &SignetWorld,
    object: &Value,
) -> anyhow::Result<Option<std::collections::BTreeMap<String, String>>> {
    let newest = key_secrets(&world.plane, NAMESPACE)?
        .into_iter()
        .max_by_key(|key| key["metadata"]["creationTimestamp"].to_string())
        .context("a key")?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("newest.json");
    std::fs::write(
        &file,
        json!({"kind": "List", "apiVersion": "v1", "items": [newest]}).to_string(),
    )?;
    let mut command = Cli::Upstream.command(&world.plane)?;
    command
        .arg("--recovery-unseal")
        .arg("--recovery-private-key")
        .arg(&file);
    let output = kubectl::run(command, &object.to_string())?;
    if !output.status.success() {
        return Ok(None);
    }
    clear_items(&serde_json::from_str(&output.stdout)?).map(Some)
}

#[test]
fn rotate_swaps_old_ciphertexts_and_keeps_templates_metadata_and_unknown_fields()
-> anyhow::Result<()> {
    let world = world::signet()?;
    let mut object = old_sealed(world, &[])?;
    object["metadata"]["labels"] = json!({"team": "db"});
    object["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-wave": "-1"});
    object["spec"]["template"]["type"] = "example.invalid/kind".into();
    object["spec"]["template"]["data"] = json!({"url": "db://{{ .user }}:{{ .password }}@host"});
    object["spec"]["template"]["metadata"]["annotations"] = json!({"note": "of the Secret"});
    object["spec"]["unknownField"] = json!({"kept": [1, 2]});
    assert_eq!(open_with_newest_key(world, &object)?, None);

    let rotated = rotate(world, &object)?;
    assert_eq!(without_ciphertext(&rotated), without_ciphertext(&object));
    for item in ["user", "password"] {
        assert_ne!(
            rotated["spec"]["encryptedData"][item],
            object["spec"]["encryptedData"][item]
        );
    }
    assert_eq!(verify(world, &rotated)?, 200);
    // The real kubeseal renders the template of what it opens.
    let mut plain = rotated;
    plain["spec"]["template"]["data"] = Value::Null;
    let opened = open_with_newest_key(world, &plain)?.context("the newest key opens it")?;
    assert_eq!(opened["user"], "alice-in-clear");
    assert_eq!(opened["password"], "pw-in-clear");
    Ok(())
}

#[test]
fn rotate_leaves_items_alone_that_are_on_the_newest_key() -> anyhow::Result<()> {
    let world = world::signet()?;
    let mut mixed = old_sealed(world, &[])?;
    let fresh = sealed(world, &[])?;
    let user = fresh["spec"]["encryptedData"]["user"].clone();
    let old_password = mixed["spec"]["encryptedData"]["password"].clone();
    mixed["spec"]["encryptedData"]["user"] = user.clone();

    let rotated = rotate(world, &mixed)?;
    assert_eq!(rotated["spec"]["encryptedData"]["user"], user);
    assert_ne!(rotated["spec"]["encryptedData"]["password"], old_password);
    assert_eq!(
        rotate(world, &rotated)?,
        rotated,
        "again: nothing is left to do"
    );
    Ok(())
}

#[test]
fn rotate_changes_all_items_or_none() -> anyhow::Result<()> {
    let world = world::signet()?;
    let good = old_sealed(world, &[])?;
    let stranger = seal(
        &world.old_certificate,
        &secret("elsewhere", "db", &[("password", "of somebody else")]),
        &[],
    )?;
    let foreign = stranger["spec"]["encryptedData"]["password"].clone();
    for bad in [foreign, "AgBhYmM=".into(), "no base64".into()] {
        let mut object = good.clone();
        object["spec"]["encryptedData"]["password"] = bad;
        let (status, body) = post(world, "/v1/rotate", &object.to_string())?;
        assert_eq!(status, 409);
        assert_eq!(body, "an item cannot be opened\n");
    }
    Ok(())
}

/// Upstream took the new scope from the template once: whoever had a strict object then got one that opens anywhere.
#[test]
fn rotate_never_takes_a_scope_from_the_template() -> anyhow::Result<()> {
    let world = world::signet()?;
    for scope in ["cluster-wide", "namespace-wide"] {
        let mut object = old_sealed(world, &[])?;
        let name = format!("sealedsecrets.bitnami.com/{scope}");
        object["spec"]["template"]["metadata"]["annotations"] = json!({name.clone(): "true"});
        let rotated = rotate(world, &object)?;
        assert_eq!(rotated["metadata"], object["metadata"]);
        assert_eq!(verify(world, &rotated)?, 200, "{scope}");

        let away = moved(&rotated, "attacker", "loot");
        assert_eq!(verify(world, &away)?, 409, "{scope}: strict label");
        let mut marked = moved(&rotated, "nowhere", "loot");
        marked["metadata"]["annotations"] = json!({name: "true"});
        assert_eq!(verify(world, &marked)?, 409, "{scope}: not re-sealed wider");
    }
    Ok(())
}

/// The other way in: the object's own metadata says a wider scope than its ciphertext has.
#[test]
fn rotate_never_seals_for_a_scope_that_does_not_open() -> anyhow::Result<()> {
    let world = world::signet()?;
    let strict = old_sealed(world, &[])?;
    for scope in ["cluster-wide", "namespace-wide"] {
        let mut object = strict.clone();
        let name = format!("sealedsecrets.bitnami.com/{scope}");
        object["metadata"]["annotations"] = json!({name: "true"});
        assert_eq!(
            post(world, "/v1/rotate", &object.to_string())?.0,
            409,
            "{scope}"
        );
    }
    let object = moved(&strict, "attacker", "db");
    assert_eq!(post(world, "/v1/rotate", &object.to_string())?.0, 409);
    Ok(())
}

#[test]
fn rotate_keeps_a_wide_scope_as_wide_as_it_was() -> anyhow::Result<()> {
    let world = world::signet()?;
    let object = old_sealed(world, &["--scope", "namespace-wide"])?;
    let rotated = rotate(world, &object)?;
    assert_eq!(without_ciphertext(&rotated), without_ciphertext(&object));
    assert_eq!(verify(world, &moved(&rotated, "nowhere", "other"))?, 200);
    assert_eq!(verify(world, &moved(&rotated, "elsewhere", "db"))?, 409);
    Ok(())
}

const SCOPES: [&str; 3] = ["strict", "namespace-wide", "cluster-wide"];

/// The object with exactly this scope annotation on itself.
fn claiming(object: &Value, scope: &str) -> Value {
    let mut object = object.clone();
    object["metadata"]["annotations"] = annotations(scope);
    object
}

fn annotations(scope: &str) -> Value {
    match scope {
        "strict" => json!({}),
        wide => json!({format!("sealedsecrets.bitnami.com/{wide}"): "true"}),
    }
}

/// 3 scopes of the object × 3 scopes that its template names; each result is tried by the real kubeseal under every
/// scope in every place.
#[test]
fn rotate_never_widens_or_moves_a_scope_whatever_the_template_says() -> anyhow::Result<()> {
    let world = world::signet()?;
    let places = [("nowhere", "db"), ("nowhere", "other"), ("elsewhere", "db")];
    for own in SCOPES {
        for template in SCOPES {
            let mut object = claiming(&old_sealed(world, &["--scope", own])?, own);
            object["spec"]["template"]["metadata"]["annotations"] = annotations(template);
            let rotated = rotate(world, &object)?;
            assert_eq!(without_ciphertext(&rotated), without_ciphertext(&object));
            assert_ne!(
                rotated["spec"], object["spec"],
                "{own} × {template}: sealed anew"
            );
            for claimed in SCOPES {
                for (place, (namespace, name)) in places.into_iter().enumerate() {
                    let allowed = own == claimed
                        && match own {
                            "strict" => place == 0,
                            "namespace-wide" => place < 2,
                            _ => true,
                        };
                    let tried = claiming(&moved(&rotated, namespace, name), claimed);
                    let opened = open_with_newest_key(world, &tried)?;
                    assert_eq!(
                        opened.is_some(),
                        allowed,
                        "{own} × {template}, as {claimed} in {namespace}/{name}"
                    );
                }
            }
        }
    }
    Ok(())
}

/// The same nine, but only for what stands in the cluster.
#[test]
fn rotate_live_gives_only_what_stands_in_the_cluster() -> anyhow::Result<()> {
    let plane = signet_tests::start(signet_harness::Options::default())?;
    let many = ["--rate-limit=1000", "--rate-limit-burst=1000"];
    let mut first = SignetController::start(&plane, NAMESPACE, &many)?;
    let old = first.certificate()?;
    let mut objects = Vec::new();
    for own in SCOPES {
        for template in SCOPES {
            let name = format!("{own}.{template}");
            let clear = secret("default", &name, &[("password", "pw-in-clear")]);
            let mut object = claiming(&seal(&old, &clear, &["--scope", own])?, own);
            object["spec"]["template"]["metadata"]["annotations"] = annotations(template);
            apply(&plane, &object)?;
            objects.push((own, object));
        }
    }
    first.process.terminate(CAP)?;
    let cutoff = world::cutoff_now(&plane, NAMESPACE)?;
    let arguments = [many[0], many[1], cutoff.as_str(), "--rotate=live"];
    let controller = SignetController::start_process(&plane, NAMESPACE, &arguments)?;
    let ask = |object: &Value| -> anyhow::Result<(u16, String)> {
        let reply = send(&controller, "POST", "/v1/rotate", &[], &object.to_string())?;
        Ok((reply.status, reply.body))
    };
    for (own, object) in &objects {
        let (status, body) = ask(object)?;
        assert_eq!(status, 200, "{own}: {body}");
        let rotated: Value = serde_json::from_str(&body)?;
        assert_eq!(without_ciphertext(&rotated), without_ciphertext(object));
        assert_ne!(&rotated, object);
        // What was made a moment ago stands nowhere yet.
        assert_eq!(ask(&rotated)?.0, 403, "{own}");
        let before = controller.private_operations()?;
        let elsewhere = [
            moved(object, "default", "absent"),
            moved(object, "kube-system", "db"),
        ];
        for tried in elsewhere {
            let (status, body) = ask(&tried)?;
            assert_eq!(status, 403, "{own}");
            ensure_contains(&body, "--rotate=live")?;
        }
        let mut renamed = object.clone();
        renamed["spec"]["encryptedData"] =
            json!({"other": object["spec"]["encryptedData"]["password"]});
        assert_eq!(
            ask(&renamed)?.0,
            403,
            "{own}: the same blob under another item"
        );
        assert_eq!(controller.private_operations()?, before, "{own}");
        for claimed in SCOPES.into_iter().filter(|claimed| claimed != own) {
            assert_eq!(
                ask(&claiming(object, claimed))?.0,
                409,
                "{own} as {claimed}"
            );
        }
    }
    Ok(())
}
