//! The HTTP API: status codes, content types, and whether a SealedSecret opens.

use serde_json::{Value, json};
use signet_common::Scope;

use crate::deprecated::secret_blob;
use crate::row::{Case, Row, differs, same};
use crate::side::{Side, ask};

const CERT: &str = "/v1/cert.pem";
const VERIFY: &str = "/v1/verify";
const ROTATE: &str = "/v1/rotate";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("GET cert.pem", |row| asked(row, "GET", CERT)),
        same("GET healthz", |row| asked(row, "GET", "/healthz")),
        same("GET readyz", |row| asked(row, "GET", "/readyz")),
        same("an unknown path", |row| asked(row, "GET", "/v2/nope")),
        same("the root", |row| asked(row, "GET", "/")),
        differs("POST cert.pem", &["http-methods"], |row| {
            asked(row, "POST", CERT)
        }),
        differs("GET verify", &["http-methods"], |row| {
            asked(row, "GET", VERIFY)
        }),
        same("HEAD cert.pem", |row| asked(row, "HEAD", CERT)),
        differs("metrics port: healthz", &["probe-ports"], metrics_healthz),
        same("metrics port: metrics", metrics),
        same("8080 has no metrics", |row| asked(row, "GET", "/metrics")),
        same("verify: opens", |row| {
            posted(row, VERIFY, |side| text(side.sealed("db", &[("k", "v")])))
        }),
        same("verify: does not open", |row| {
            posted(row, VERIFY, |side| text(closed(side)))
        }),
        same("verify: no items", |row| {
            posted(row, VERIFY, |side| text(side.sealed("db", &[])))
        }),
        same("verify: not base64", |row| {
            posted(row, VERIFY, |side| text(broken(side)))
        }),
        differs("verify: a body of 3 MiB", &["body-limit"], |row| {
            posted(row, VERIFY, |side| {
                let mut sealed = side.sealed("db", &[("k", "v")])?;
                sealed["metadata"]["annotations"] = json!({"large": "x".repeat(3 << 20)});
                Ok(sealed.to_string())
            })
        }),
        same("verify: YAML", |row| posted(row, VERIFY, yaml)),
        same("verify: V1 data", |row| {
            posted(row, VERIFY, |side| {
                text(secret_blob(side, &json!({}), &json!({})))
            })
        }),
        same("verify: any namespace", |row| {
            posted(row, VERIFY, |side| {
                text(side.sealed("never-there", &[("k", "v")]))
            })
        }),
        differs("verify: another kind", &["http-unreadable-body"], |row| {
            posted(row, VERIFY, |_| {
                Ok(json!({"kind": "ConfigMap", "apiVersion": "v1"}).to_string())
            })
        }),
        differs("verify: not YAML", &["http-unreadable-body"], |row| {
            posted(row, VERIFY, |_| Ok("{".to_owned()))
        }),
        differs("verify: two documents", &["several-documents"], |row| {
            posted(row, VERIFY, two)
        }),
        differs("rotate: opens", &["rotate-content-type"], |row| {
            posted(row, ROTATE, |side| text(side.sealed("db", &[("k", "v")])))
        }),
        differs("rotate: does not open", &["rotate-conflict"], |row| {
            posted(row, ROTATE, |side| text(closed(side)))
        }),
        differs("rotate: not YAML", &["http-unreadable-body"], |row| {
            posted(row, ROTATE, |_| Ok("{".to_owned()))
        }),
        differs("rotate: two documents", &["several-documents"], |row| {
            posted(row, ROTATE, two)
        }),
        differs("rotate: what stays", &["rotate-only-ciphertexts"], rotated),
        same("rotate: a scope in the template does not widen", widened),
        differs("rotate: V1 data", &["rotate-content-type"], |row| {
            posted(row, ROTATE, |side| {
                text(secret_blob(side, &json!({}), &json!({})))
            })
        }),
    ]
}

fn text(object: anyhow::Result<Value>) -> anyhow::Result<String> {
    object.map(|object| object.to_string())
}

fn closed(side: &Side) -> anyhow::Result<Value> {
    let mut sealed = side.sealed("db", &[("k", "v")])?;
    sealed["metadata"]["name"] = json!("other");
    Ok(sealed)
}

fn broken(side: &Side) -> anyhow::Result<Value> {
    let mut sealed = side.sealed("db", &[("k", "v")])?;
    sealed["spec"]["encryptedData"]["k"] = json!("?");
    Ok(sealed)
}

fn yaml(side: &Side) -> anyhow::Result<String> {
    let value = side.value(Scope::Strict, &side.namespace, "db", b"v")?;
    Ok(format!(
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db\n  namespace: {}\nspec:\n  encryptedData:\n    k: {value}\n",
        side.namespace
    ))
}

fn two(side: &Side) -> anyhow::Result<String> {
    Ok(format!("{0}---\n{0}", yaml(side)?))
}

fn seen(port: u16, method: &str, path: &str, body: &str) -> anyhow::Result<Value> {
    let Ok(reply) = ask(port, method, path, body) else {
        return Ok(json!("no answer"));
    };
    // The texts of failures are for people, and differ.
    let good = reply.status == 200;
    let kind = match reply.body.as_str() {
        "" => "empty",
        "ok\n" => "ok",
        body if body.starts_with("-----BEGIN CERTIFICATE-----")
            && body.matches("BEGIN").count() == 1 =>
        {
            "one certificate"
        }
        _ => "other",
    };
    Ok(json!({
        "status": reply.status,
        "type": good.then_some(reply.content_type),
        "body": good.then_some(kind),
    }))
}

fn asked(row: &mut Row, method: &str, path: &str) -> anyhow::Result<()> {
    row.compare(path, |side| seen(side.port, method, path, ""))
}

fn posted(
    row: &mut Row,
    path: &str,
    body: fn(&Side) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    row.compare(path, |side| seen(side.port, "POST", path, &body(side)?))
}

fn metrics_healthz(row: &mut Row) -> anyhow::Result<()> {
    row.compare("healthz", |side| {
        seen(side.metrics_port, "GET", "/healthz", "")
    })
}

fn metrics(row: &mut Row) -> anyhow::Result<()> {
    row.compare("metrics", |side| {
        Ok(json!(ask(side.metrics_port, "GET", "/metrics", "")?.status))
    })
}

/// What rotate makes of an object; the second key is not needed for that.
fn rotate(side: &Side, object: &Value) -> anyhow::Result<Value> {
    let reply = ask(side.port, "POST", ROTATE, &object.to_string())?;
    anyhow::ensure!(reply.status == 200, "{} {}", reply.status, reply.body);
    Ok(serde_json::from_str(&reply.body)?)
}

fn rotated(row: &mut Row) -> anyhow::Result<()> {
    row.compare("template and labels", |side| {
        let mut object = side.sealed("db", &[("k", "v")])?;
        object["metadata"]["labels"] = json!({"a": "b"});
        object["spec"]["template"]["data"] = json!({"plain": "text"});
        object["spec"]["template"]["metadata"] = json!({"labels": {"c": "d"}});
        let mut after = rotate(side, &object)?;
        after["spec"]["encryptedData"] = json!(
            after["spec"]["encryptedData"]
                .as_object()
                .map(|items| items.len())
        );
        Ok(json!({"metadata": after["metadata"], "spec": after["spec"]}))
    })
}

fn widened(row: &mut Row) -> anyhow::Result<()> {
    row.compare("under another name", |side| {
        let mut object = side.sealed("db", &[("k", "v")])?;
        let annotations = json!({"sealedsecrets.bitnami.com/cluster-wide": "true"});
        object["spec"]["template"]["metadata"] = json!({"annotations": annotations});
        let mut after = rotate(side, &object)?;
        (after["kind"], after["apiVersion"]) =
            (object["kind"].clone(), object["apiVersion"].clone());
        let here = ask(side.port, "POST", VERIFY, &after.to_string())?.status;
        after["metadata"]["name"] = json!("other");
        after["metadata"]["annotations"] = annotations;
        let elsewhere = ask(side.port, "POST", VERIFY, &after.to_string())?.status;
        Ok(json!({"opens": here, "opens elsewhere": elsewhere}))
    })
}
