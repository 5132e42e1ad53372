//! Flags and variables that are right or wrong, as the running programs take them. Each row starts controllers of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::CAP;

use crate::row::{Case, Row, differs, same};
use crate::side::{Side, ask, ask_as};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("--key-prefix that is no name", |row| {
            starts(row, &["--key-prefix=Upper"])
        }),
        same("--key-prefix= is no name", |row| {
            starts(row, &["--key-prefix="])
        }),
        same("--key-cutoff-time that is no time", |row| {
            starts(row, &["--key-cutoff-time=2026-01-01"])
        }),
        same("--privatekey-labels without a value", |row| {
            starts(row, &["--privatekey-labels=a"])
        }),
        differs(
            "--privatekey-annotations with two equals signs",
            &["privatekey-pairs"],
            |row| {
                row.each(|side| side.start(&["--privatekey-annotations=a=b=c"]))?;
                row.compare("annotations", |side| {
                    let keys = keys(side, &side.namespace)?;
                    Ok(json!(
                        keys.iter()
                            .map(|key| &key["metadata"]["annotations"]["a"])
                            .collect::<Vec<_>>()
                    ))
                })
            },
        ),
        same("--rate-limit=0", |row| starts(row, &["--rate-limit=0"])),
        same("--kubeclient-burst=0", |row| {
            starts(row, &["--kubeclient-qps=5", "--kubeclient-burst=0"])
        }),
        differs(
            "--key-order-priority that does not exist",
            &["wrong-flag-value"],
            |row| starts(row, &["--key-order-priority=Newest"]),
        ),
        differs("--key-size below 2048", &["wrong-flag-value"], |row| {
            starts(row, &["--key-size=1024"])
        }),
        differs("--key-renew-period=-1h", &["wrong-flag-value"], |row| {
            starts(row, &["--key-renew-period=-1h"])
        }),
        same("--log-level and --log-format that do not exist", |row| {
            starts(row, &["--log-level=loud", "--log-format=xml"])
        }),
        same("--listen-addr with a name", |row| {
            row.compare("an address by name", |side| {
                let flag = format!("--listen-addr=localhost:{}", signet_harness::port::free()?);
                let running = side.program.start_bare(
                    side.plane,
                    &ready(side)?,
                    &["--all-namespaces=false", &flag],
                    &[],
                )?;
                let port = flag
                    .rsplit_once(':')
                    .and_then(|(_, port)| port.parse().ok())
                    .unwrap_or(running.port);
                eventually("ready", CAP, || {
                    ask(port, "GET", "/readyz", "").is_ok_and(|reply| reply.status == 200)
                })?;
                Ok(json!("ready"))
            })
        }),
        same("every address of the machine", |row| {
            row.each(|side| side.start(&[]))?;
            row.compare("IPv4, IPv6, and the metrics", |side| {
                let all = [
                    ("127.0.0.1", side.port, "/healthz"),
                    ("[::1]", side.port, "/healthz"),
                    ("[::1]", side.metrics_port, "/metrics"),
                ];
                let mut found = Vec::new();
                for (host, port, path) in all {
                    let reply = ask_as(&format!("{host}:{port}"), "GET", path, "", None);
                    found.push(reply.map_or(0, |reply| reply.status));
                }
                Ok(json!(found))
            })
        }),
        same("--read-timeout --write-timeout", |row| {
            row.each(|side| side.start(&["--read-timeout=30s", "--write-timeout=1m"]))?;
            row.compare("an answer", |side| {
                Ok(json!(ask(side.port, "GET", "/v1/cert.pem", "")?.status))
            })
        }),
        same("variables have effect", |row| {
            variables(
                row,
                &[],
                &[
                    ("SEALED_SECRETS_KEY_PREFIX", "by-variable"),
                    ("SEALED_SECRETS_ALL_NAMESPACES", "false"),
                    ("SEALED_SECRETS_UPDATE_STATUS", "false"),
                ],
            )
        }),
        same("a flag wins over its variable", |row| {
            variables(
                row,
                &["--key-prefix=by-flag", "--all-namespaces=false"],
                &[
                    ("SEALED_SECRETS_KEY_PREFIX", "by-variable"),
                    ("SEALED_SECRETS_ALL_NAMESPACES", "true"),
                ],
            )
        }),
        same("POD_NAMESPACE is where the keys are", |row| {
            row.compare("namespaces of keys", |side| {
                let other = format!("{}-keys", side.namespace);
                side.plane.api().ensure_namespace(&other)?;
                let own = ready(side)?;
                let before = keys(side, &own)?.len();
                let running = side.program.start_bare(
                    side.plane,
                    &own,
                    &["--all-namespaces=false"],
                    &[("POD_NAMESPACE", &other)],
                )?;
                eventually("ready", CAP, || {
                    ask(running.port, "GET", "/readyz", "").is_ok_and(|reply| reply.status == 200)
                })?;
                Ok(
                    json!({"other": keys(side, &other)?.len(), "new here": keys(side, &own)?.len() - before}),
                )
            })
        }),
    ]
}

/// Rows about the limit of requests, which stands among the differences of the endpoints.
pub(crate) fn limits() -> Vec<Case> {
    vec![
        same("--rate-limit=1 --rate-limit-burst=1", |row| {
            limited(row, || None)
        }),
        differs(
            "--rate-limit: another X-Forwarded-For each time",
            &["one-bucket"],
            |row| {
                static NEXT: AtomicUsize = AtomicUsize::new(0);
                limited(row, || {
                    let client = NEXT.fetch_add(1, Ordering::Relaxed);
                    Some(format!("fd00::{client:x}"))
                })
            },
        ),
    ]
}

/// The row's namespace, with a service account in it and upstream's permissions for that.
fn ready(side: &Side) -> anyhow::Result<String> {
    signet_harness::upstream::apply_upstream_rbac(
        side.plane,
        &side.namespace,
        signet_harness::upstream::SERVICE,
    )?;
    Ok(side.namespace.clone())
}

fn keys(side: &Side, namespace: &str) -> anyhow::Result<Vec<Value>> {
    let path = format!(
        "/api/v1/namespaces/{namespace}/secrets?labelSelector=sealedsecrets.bitnami.com/sealed-secrets-key"
    );
    let list = side.plane.api().get(&path)?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// Whether it comes to serve, or ends.
fn starts(row: &mut Row, flags: &[&str]) -> anyhow::Result<()> {
    row.compare(&format!("{flags:?}"), |side| {
        let flags = [&["--all-namespaces=false"], flags].concat();
        let mut running = side
            .program
            .start_bare(side.plane, &ready(side)?, &flags, &[])?;
        let port = running.port;
        let serves = eventually("ready, or dead", CAP, || {
            let ready = ask(port, "GET", "/readyz", "").is_ok_and(|reply| reply.status == 200);
            (ready || !running.process.is_running()).then_some(ready)
        })?;
        Ok(json!({"serves": serves}))
    })
}

/// Whether one of many requests is refused, and how.
fn limited(row: &mut Row, client: fn() -> Option<String>) -> anyhow::Result<()> {
    row.each(|side| side.start(&["--rate-limit=1", "--rate-limit-burst=1"]))?;
    row.compare("a refusal", |side| {
        let nothing = side.sealed("db", &[])?.to_string();
        let mut found = Vec::new();
        for path in ["/v1/verify", "/v1/rotate"] {
            // All at once: one after the other, each may wait for its turn.
            let ask = || {
                let client = client();
                let host = format!("127.0.0.1:{}", side.port);
                ask_as(&host, "POST", path, &nothing, client.as_deref())
            };
            let replies: Vec<_> = thread::scope(|scope| {
                let asked: Vec<_> = (0..20).map(|_| scope.spawn(ask)).collect();
                asked.into_iter().map(|asked| asked.join()).collect()
            });
            let mut refusal = None;
            for reply in replies {
                let reply = reply.map_err(|_| anyhow::anyhow!("a client panicked"))??;
                if reply.status == 429 {
                    refusal = Some(json!({"retry-after": reply.retry_after}));
                }
            }
            found.push(json!({path: refusal}));
        }
        Ok(json!(found))
    })
}

/// Starts with these; compares the key's name, whether another namespace is served, and whether there is a status.
fn variables(row: &mut Row, flags: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
    row.each(|side| {
        let own = ready(side)?;
        let running = side
            .program
            .start_bare(side.plane, &own, flags, variables)?;
        let port = running.port;
        eventually("ready", CAP, || {
            ask(port, "GET", "/readyz", "").is_ok_and(|reply| reply.status == 200)
        })?;
        side.port = port;
        side.controller = Some(running);
        side.take_certificate()?;
        let beside = side.beside("b")?;
        beside.apply(&beside.sealed("db", &[("k", "v")])?)?;
        side.sentinel("db")?;
        side.sentinel("sentinel")
    })?;
    row.compare("effects", |side| {
        let names: Vec<_> = keys(side, &side.namespace)?
            .iter()
            .map(|key| {
                let name = key["metadata"]["name"].as_str().unwrap_or_default();
                name[..name.len().min(7)].to_owned()
            })
            .collect();
        let sealed = side.find_sealed("db")?.unwrap_or_default();
        Ok(json!({
            "keys": names,
            "beside": side.beside("b")?.find_secret("db")?.is_some(),
            "status": !sealed["status"].is_null(),
        }))
    })
}
