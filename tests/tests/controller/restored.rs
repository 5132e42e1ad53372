//! The flags that bring upstream's way back: with them on our side, both do the same. Each row starts controllers of its own.

use serde_json::{Value, json};

use signet_tests::signet::merge;

use crate::row::{Case, Row, differs, same};

const KEY: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("--repair=off: the Secret's values are edited", |row| {
            edited(row, json!({"data": {"k": "aGFja2Vk", "more": "eA=="}}))
        }),
        same("--repair=off: the Secret's label is removed", |row| {
            edited(row, json!({"metadata": {"labels": {"ours": null}}}))
        }),
        differs("--allow-sealed-keys", &["sealed-key-mark"], |row| {
            let template = json!({"metadata": {"labels": {KEY: "retired"}}});
            shaped(row, "--allow-sealed-keys", template)
        }),
        same("--forbidden-secret-types=: a Helm release", |row| {
            let template = json!({"type": "helm.sh/release.v1"});
            shaped(row, "--forbidden-secret-types=", template)
        }),
        same("--forbidden-secret-types=: a bootstrap token", |row| {
            let template = json!({"type": "bootstrap.kubernetes.io/token"});
            shaped(row, "--forbidden-secret-types=", template)
        }),
        same(
            "--template-functions=all: a template that makes a key",
            |row| {
                start(row, "--template-functions=all")?;
                row.each(|side| {
                    let mut sealed = side.sealed("db", &[])?;
                    sealed["spec"]["template"]["data"] =
                        json!({"t": "{{ genPrivateKey \"ecdsa\" | trunc 10 }}"});
                    side.apply(&sealed)?;
                    side.processed("db")
                })?;
                row.look("created", "db")
            },
        ),
        differs(
            "the status is removed by hand",
            &["status-removed"],
            |row| {
                row.each(|side| side.start(&[]))?;
                row.apply("created", "db", |side| side.sealed("db", &[("k", "v")]))?;
                row.each(|side| {
                    let path = signet_tests::signet::sealed_path(&side.namespace, "db");
                    let nothing = json!({"status": null});
                    side.plane
                        .api()
                        .merge_patch(&format!("{path}/status"), &nothing)?;
                    side.sentinel("sentinel")
                })?;
                row.look("it is removed", "db")
            },
        ),
    ]
}

fn start(row: &mut Row, ours: &str) -> anyhow::Result<()> {
    row.each(|side| {
        side.start(if side.is_signet() {
            std::slice::from_ref(&ours)
        } else {
            &[]
        })
    })
}

fn edited(row: &mut Row, patch: Value) -> anyhow::Result<()> {
    start(row, "--repair=off")?;
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        sealed["spec"]["template"]["metadata"] = json!({"labels": {"ours": "1"}});
        Ok(sealed)
    })?;
    row.each(|side| {
        side.edit_secret("db", &patch)?;
        side.sentinel("sentinel")
    })?;
    row.look("edited", "db")?;
    row.apply("changed", "db", |side| side.sealed("db", &[("k", "w")]))
}

fn shaped(row: &mut Row, ours: &str, template: Value) -> anyhow::Result<()> {
    start(row, ours)?;
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        merge(&mut sealed["spec"]["template"], template.clone());
        Ok(sealed)
    })
}
