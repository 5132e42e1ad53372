//! Flags that change which objects are looked at, and what is done about them. Each row starts controllers of its own.

use serde_json::{Value, json};
use signet_harness::eventually;
use signet_harness::upstream::SERVICE;
use signet_tests::signet::CAP;

use crate::deprecated::secret_blob;
use crate::observe::secret;
use crate::row::{Case, Row, differs, same};
use crate::side::Side;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("--all-namespaces=false", own_namespace),
        same("--additional-namespaces", additional),
        same(
            "--additional-namespaces wins over --all-namespaces",
            additional_and_all,
        ),
        same("--additional-namespaces with blanks", blanks),
        differs(
            "--additional-namespaces: one appears later",
            &["later-namespace"],
            later,
        ),
        differs(
            "--additional-namespaces: one may not be read",
            &["forbidden-namespace"],
            forbidden,
        ),
        same("--label-selector", selector),
        differs(
            "--label-selector: the Secret has no label",
            &["selector-and-secrets"],
            unlabelled_secret,
        ),
        same(
            "--label-selector: the Secret has the label",
            labelled_secret,
        ),
        differs("--old-gc-behavior", &["old-gc-owned-only"], old_gc),
        differs("--skip-recreate", &["skip-recreate-says"], |row| {
            skip_recreate(row, &[])
        }),
        same("--skip-recreate, with --repair=off on our side", |row| {
            skip_recreate(row, &["--repair=off"])
        }),
        same("--update-status=false", no_status),
        same("--accept-deprecated-v1-data=false", no_v1),
        same("--max-unseal-retries=0", |row| {
            accepted(row, "--max-unseal-retries=0")
        }),
        same("--watch-for-secrets", |row| {
            accepted(row, "--watch-for-secrets")
        }),
        same("--kubeclient-qps=50", |row| {
            accepted(row, "--kubeclient-qps=50")
        }),
        differs(
            "a restart over a Secret without type",
            &["events-on-change"],
            restart,
        ),
    ]
}

fn start(row: &mut Row, flags: &[&str]) -> anyhow::Result<()> {
    row.each(|side| side.start(flags))
}

fn create(row: &mut Row, name: &str) -> anyhow::Result<()> {
    row.apply("created", name, |side| side.sealed(name, &[("k", "v")]))
}

/// Compares which of the row's own namespace and its neighbours are served. The own one is looked at last.
fn served(row: &mut Row, neighbours: &[&str]) -> anyhow::Result<()> {
    row.each(|side| {
        for suffix in neighbours {
            let beside = side.beside(suffix)?;
            beside.apply(&beside.sealed("db", &[("k", "v")])?)?;
        }
        side.apply(&side.sealed("db", &[("k", "v")])?)?;
        side.processed("db")
    })?;
    row.compare("who is served", |side| {
        let mut found = json!({"own": side.find_secret("db")?.is_some()});
        for suffix in neighbours {
            found[*suffix] = json!(side.beside(suffix)?.find_secret("db")?.is_some());
        }
        Ok(found)
    })?;
    // The comparison also has to have been made of the finished state.
    row.each(|side| side.sentinel("sentinel"))?;
    row.compare("who is served, later", |side| {
        let mut found = json!({"own": side.find_secret("db")?.is_some()});
        for suffix in neighbours {
            found[*suffix] = json!(side.beside(suffix)?.find_secret("db")?.is_some());
        }
        Ok(found)
    })
}

fn own_namespace(row: &mut Row) -> anyhow::Result<()> {
    start(row, &[])?;
    served(row, &["a"])
}

/// `--additional-namespaces` with names made from the row's.
fn start_with(row: &mut Row, list: &str, flags: &[&str]) -> anyhow::Result<()> {
    row.each(|side| {
        let list = list.replace("ROW", &side.namespace);
        let flag = format!("--additional-namespaces={list}");
        let flags = [flags, &[flag.as_str()]].concat();
        // With several namespaces upstream's may die of a race of its own at the start; its pod is started again then.
        let raced = |error: &anyhow::Error| format!("{error:#}").contains("concurrent map");
        let mut tries = 0;
        loop {
            tries += 1;
            match side.start(&flags) {
                Err(error) if !side.is_signet() && tries < 10 && raced(&error) => {}
                started => return started,
            }
        }
    })
}

fn make_neighbours(row: &mut Row, neighbours: &[&str]) -> anyhow::Result<()> {
    row.each(|side| {
        neighbours
            .iter()
            .try_for_each(|suffix| side.beside(suffix).map(drop))
    })
}

fn additional(row: &mut Row) -> anyhow::Result<()> {
    make_neighbours(row, &["a", "b"])?;
    start_with(row, "ROW-a,ROW-b", &[])?;
    await_neighbour(row, "b")?;
    served(row, &["a", "b", "c"])
}

fn additional_and_all(row: &mut Row) -> anyhow::Result<()> {
    make_neighbours(row, &["a"])?;
    start_with(row, "ROW-a", &["--all-namespaces=true"])?;
    await_neighbour(row, "a")?;
    served(row, &["a", "b"])
}

/// Awaits that a neighbour is served.
fn await_neighbour(row: &mut Row, suffix: &str) -> anyhow::Result<()> {
    row.each(|side| side.beside(suffix)?.sentinel("first"))
}

fn blanks(row: &mut Row) -> anyhow::Result<()> {
    make_neighbours(row, &["a", "b"])?;
    start_with(row, "ROW-a, ROW-b", &[])?;
    await_neighbour(row, "b")?;
    served(row, &["a", "b"])
}

fn later(row: &mut Row) -> anyhow::Result<()> {
    start_with(row, "ROW-a", &[])?;
    served(row, &["a"])
}

/// Takes the rights in the whole cluster away.
fn without_cluster_role(side: &Side) -> anyhow::Result<()> {
    let binding = format!("{}.{SERVICE}", side.namespace);
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    side.plane
        .api()
        .delete(&format!("{path}/{binding}"))
        .map(drop)
}

/// Gives Roles in these namespaces, as upstream's chart does with `namespacedRoles`.
fn namespaced_roles(side: &Side, allowed: &[&str]) -> anyhow::Result<()> {
    let own = &side.namespace;
    let rules = json!([
        {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets/status"], "verbs": ["update"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "create", "update", "delete", "watch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    ]);
    for namespace in allowed {
        let metadata = json!({"name": "unsealer", "namespace": namespace});
        let api = "rbac.authorization.k8s.io/v1";
        side.apply(
            &json!({"apiVersion": api, "kind": "Role", "metadata": metadata, "rules": rules}),
        )?;
        side.apply(&json!({
            "apiVersion": api, "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "unsealer"},
            "subjects": [{"kind": "ServiceAccount", "namespace": own, "name": SERVICE}],
        }))?;
    }
    Ok(())
}

fn forbidden(row: &mut Row) -> anyhow::Result<()> {
    make_neighbours(row, &["a", "b"])?;
    // Started once with all rights, so that there is a key and a service account.
    start(row, &[])?;
    row.each(Side::stop)?;
    row.each(|side| {
        let allowed = [side.namespace.clone(), format!("{}-a", side.namespace)];
        without_cluster_role(side)?;
        namespaced_roles(side, &allowed.each_ref().map(String::as_str))
    })?;
    row.compare("it works with Roles for two of three namespaces", |side| {
        let list = format!("--additional-namespaces={0}-a,{0}-b", side.namespace);
        let mut running = side
            .program
            .start_bare(side.plane, &side.namespace, &[&list], &[])?;
        let beside = side.beside("a")?;
        beside.apply(&beside.sealed("db", &[("k", "v")])?)?;
        let served = eventually("served, or dead", CAP, || {
            let served = beside.find_secret("db").ok()?.is_some();
            (served || !running.process.is_running()).then_some(served)
        })?;
        beside.delete_sealed("db")?;
        eventually("collected", CAP, || {
            beside.find_secret("db").is_ok_and(|found| found.is_none())
        })?;
        Ok(json!({"serves": served, "runs": running.process.is_running()}))
    })?;
    until_it_may(&row.signet)
}

/// Ours warns about the namespace that may not be read, and serves it as soon as it may.
fn until_it_may(side: &Side) -> anyhow::Result<()> {
    let closed = format!("{}-b", side.namespace);
    let list = format!("--additional-namespaces={}-a,{closed}", side.namespace);
    let mut running = side
        .program
        .start_bare(side.plane, &side.namespace, &[&list], &[])?;
    running
        .process
        .wait_until("a warning about the namespace", CAP, |process| {
            let warns = |line: &str| line.contains("level=WARN") && line.contains(&closed);
            process.log().lines().any(warns)
        })?;
    namespaced_roles(side, &[&closed])?;
    side.beside("b")?.sentinel("db")
}

fn with_label(side: &Side, name: &str, template: &Value) -> anyhow::Result<Value> {
    let mut sealed = side.sealed(name, &[("k", "v")])?;
    sealed["metadata"]["labels"] = json!({"team": "shop"});
    sealed["spec"]["template"]["metadata"] = template.clone();
    Ok(sealed)
}

fn selector(row: &mut Row) -> anyhow::Result<()> {
    start(row, &["--label-selector=team in (shop,bank),!frozen"])?;
    row.each(|side| {
        side.apply(&side.sealed("without", &[("k", "v")])?)
            .map(drop)
    })?;
    row.apply("with the label", "db", |side| {
        with_label(side, "db", &json!({}))
    })?;
    row.look("without the label", "without")?;
    row.each(|side| {
        side.edit_sealed(
            "without",
            &json!({"metadata": {"labels": {"team": "bank"}}}),
        )?;
        side.processed("without")
    })?;
    row.look("labelled later", "without")?;
    row.each(|side| {
        side.edit_sealed("db", &json!({"metadata": {"labels": {"frozen": "yes"}}}))?;
        side.apply(&with_label(side, "sentinel", &json!({}))?)?;
        side.processed("sentinel")
    })?;
    row.look("no longer selected", "db")
}

fn selected_and_deleted(row: &mut Row, template: Value) -> anyhow::Result<()> {
    start(row, &["--label-selector=team=shop"])?;
    row.apply("created", "db", |side| with_label(side, "db", &template))?;
    row.each(|side| {
        side.delete_secret("db")?;
        side.apply(&with_label(side, "sentinel", &json!({}))?)?;
        side.processed("sentinel")
    })?;
    row.look("the Secret is deleted", "db")
}

fn unlabelled_secret(row: &mut Row) -> anyhow::Result<()> {
    selected_and_deleted(row, json!({}))
}

fn labelled_secret(row: &mut Row) -> anyhow::Result<()> {
    selected_and_deleted(row, json!({"labels": {"team": "shop"}}))
}

fn old_gc(row: &mut Row) -> anyhow::Result<()> {
    start(row, &["--old-gc-behavior"])?;
    create(row, "owned")?;
    let skip = json!({"sealedsecrets.bitnami.com/skip-set-owner-references": "true", "sealedsecrets.bitnami.com/managed": "true"});
    row.apply("created", "unowned", |side| {
        let mut sealed = side.sealed("unowned", &[("k", "v")])?;
        sealed["spec"]["template"]["metadata"] = json!({"annotations": skip});
        Ok(sealed)
    })?;
    row.each(|side| {
        side.delete_sealed("unowned")?;
        side.delete_sealed("owned")?;
        eventually("the owned Secret is gone", CAP, || {
            side.find_secret("owned").is_ok_and(|found| found.is_none())
        })
    })?;
    row.compare("an owned and an unowned Secret", |side| {
        Ok(json!({"owned": side.find_secret("owned")?.is_some(), "unowned": side.find_secret("unowned")?.is_some()}))
    })
}

fn skip_recreate(row: &mut Row, ours: &[&str]) -> anyhow::Result<()> {
    row.each(|side| {
        let ours = if side.is_signet() { ours } else { &[] };
        side.start(&[&["--skip-recreate"], ours].concat())
    })?;
    create(row, "db")?;
    row.each(|side| {
        side.delete_secret("db")?;
        side.sentinel("sentinel")
    })?;
    row.look("deleted", "db")?;
    row.apply("changed", "db", |side| side.sealed("db", &[("k", "w")]))
}

fn no_status(row: &mut Row) -> anyhow::Result<()> {
    start(row, &["--update-status=false"])?;
    row.each(|side| {
        side.apply(&side.sealed("db", &[("k", "v")])?)?;
        side.await_secret("db", |_| true)?;
        let mut bad = side.sealed("bad", &[("k", "v")])?;
        bad["spec"]["encryptedData"]["k"] = json!("?");
        side.apply(&bad)?;
        side.sentinel("sentinel")
    })?;
    row.look("no status", "db")?;
    row.look("no status of a failure", "bad")
}

fn no_v1(row: &mut Row) -> anyhow::Result<()> {
    start(row, &["--accept-deprecated-v1-data=false"])?;
    row.apply("created", "db", |side| {
        secret_blob(side, &json!({}), &json!({}))
    })?;
    row.compare("the message", |side| {
        let sealed = side.find_sealed("db")?.unwrap_or_default();
        Ok(sealed["status"]["conditions"][0]["message"].clone())
    })
}

fn accepted(row: &mut Row, flag: &str) -> anyhow::Result<()> {
    start(row, &[flag])?;
    create(row, "db")
}

fn restart(row: &mut Row) -> anyhow::Result<()> {
    start(row, &[])?;
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        sealed["spec"]["template"] = json!({});
        Ok(sealed)
    })?;
    row.each(Side::stop)?;
    start(row, &[])?;
    row.each(|side| side.sentinel("sentinel"))?;
    row.compare("the Secret", |side| secret(side, "db"))?;
    row.compare("events about success", |side| {
        let path = format!(
            "/api/v1/namespaces/{}/events?fieldSelector=involvedObject.name=db",
            side.namespace
        );
        let list = side.plane.api().get(&path)?;
        let counts = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|event| event["count"].as_u64().unwrap_or(1));
        Ok(json!(counts.sum::<u64>()))
    })
}
