//! What people read: messages of events and of the status, and lines of the log. Each row starts controllers of its own.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::CAP;

use crate::deprecated::secret_blob;
use crate::row::{Case, Row, differs, same};
use crate::side::Side;
use crate::specs::stranger;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("texts: it works", |row| {
            told(row, |side| side.sealed("db", &[("k", "v")]))
        }),
        same("texts: no key opens an item", |row| {
            told(row, |side| {
                let mut sealed = side.sealed("db", &[])?;
                sealed["spec"]["encryptedData"] = json!({"k": stranger(256)});
                Ok(sealed)
            })
        }),
        same("texts: a Secret that is not managed", |row| {
            row.each(|side| side.make_secret("db", &[("k", "v")], json!({})))?;
            told(row, |side| side.sealed("db", &[("k", "v")]))
        }),
        same("texts: both fields", |row| {
            told(row, |side| {
                let mut sealed = secret_blob(side, &json!({}), &json!({}))?;
                sealed["spec"]["encryptedData"] = json!({"k": stranger(256)});
                Ok(sealed)
            })
        }),
        same("texts: an immutable Secret", immutable),
        differs(
            "texts: an item that is no base64",
            &["item-messages"],
            |row| {
                told(row, |side| {
                    let mut sealed = side.sealed("db", &[])?;
                    sealed["spec"]["encryptedData"] = json!({"k": "?"});
                    Ok(sealed)
                })
            },
        ),
        same("texts: what an event is about", |row| {
            start(row)?;
            row.apply("created", "db", |side| side.sealed("db", &[("k", "v")]))?;
            row.compare("the event", |side| {
                let events = events(side, "db")?;
                let event = events.first().context("an event")?;
                let about = &event["involvedObject"];
                Ok(json!({
                    "type": event["type"], "source": event["source"], "count": event["count"],
                    "kind": about["kind"], "apiVersion": about["apiVersion"], "namespace": about["namespace"],
                    "uid": !about["uid"].is_null(), "resourceVersion": !about["resourceVersion"].is_null(),
                }))
            })
        }),
        same("status: times of a verdict that stays", |row| {
            times(row, |side| side.sealed("db", &[("k", "w")]))
        }),
        same("status: times of a verdict that flips", |row| {
            times(row, |side| {
                let mut sealed = side.sealed("db", &[])?;
                sealed["spec"]["encryptedData"] = json!({"k": "?"});
                Ok(sealed)
            })
        }),
        same("log: the start, a key, an object", |row| {
            let old = crate::keys::pair_of_days_ago(40)?;
            row.each(|side| old.store(side, "by-hand", Some("active")))?;
            start(row)?;
            row.apply("created", "db", |side| side.sealed("db", &[("k", "v")]))?;
            row.compare("lines", |side| logged(side, &STARTING))
        }),
        same("log: a key by SIGUSR1", |row| {
            start(row)?;
            row.each(|side| {
                let running = side.controller.as_mut().context("it was started")?;
                let mut kill = Command::new("kill");
                kill.args(["-USR1", &running.process.id().to_string()]);
                ensure!(kill.status()?.success(), "no signal");
                Ok(())
            })?;
            row.compare("lines", |side| {
                let log = log(side)?;
                Ok(json!({
                    "written": log.matches("New key written").count(),
                    "generated": log.matches("Certificate generated").count(),
                }))
            })
        }),
        differs("log: an object that fails", &["log-levels"], |row| {
            start(row)?;
            row.apply("created", "db", |side| {
                let mut sealed = side.sealed("db", &[])?;
                sealed["spec"]["encryptedData"] = json!({"k": "?"});
                Ok(sealed)
            })?;
            row.each(|side| side.given_up("db"))?;
            row.compare("lines", |side| {
                logged(
                    side,
                    &["Error updating, will retry", "Error updating, giving up"],
                )
            })
        }),
        differs("log: events and status", &["log-repeats"], |row| {
            start(row)?;
            row.apply("created", "db", |side| side.sealed("db", &[("k", "v")]))?;
            row.compare("lines", |side| {
                logged(side, &["Event(", "update suppressed, no changes in spec"])
            })
        }),
        differs("log: the end", &["log-end"], |row| {
            start(row)?;
            row.each(|side| {
                let running = side.controller.as_mut().context("it was started")?;
                running.process.terminate(CAP).map(drop)
            })?;
            row.compare("lines", |side| {
                logged(side, &["HTTP server exiting", "Shutting down controller"])
            })
        }),
    ]
}

/// Lines at the start and for an object that opens.
const STARTING: [&str; 9] = [
    "Starting sealed-secrets controller",
    "Searching for existing private keys",
    "registered private key",
    "New key written",
    "Certificate generated",
    "Starting informer",
    "HTTP server serving",
    "HTTP metrics server serving",
    "Updating",
];

/// INFO, which is the default: our test harness sets another level.
fn start(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| side.start(&["--log-level=INFO"]))
}

fn log(side: &Side) -> anyhow::Result<String> {
    let running = side.controller.as_ref().context("it was started")?;
    Ok(running.process.log())
}

/// Level and beginning of the lines that begin with one of these texts, and the names of their values.
fn logged(side: &Side, texts: &[&str]) -> anyhow::Result<Value> {
    let mut found = BTreeSet::new();
    for line in log(side)?.lines() {
        let Some((_, rest)) = line.split_once(" level=") else {
            continue;
        };
        let (level, rest) = rest.split_once(" msg=").unwrap_or_default();
        let bare = rest.trim_start_matches('"');
        for text in texts.iter().filter(|text| bare.starts_with(**text)) {
            found.insert(format!("{level} {text}"));
            let after = bare.strip_prefix(text).unwrap_or_default();
            let names = [
                "key",
                "secretname",
                "namespace",
                "name",
                "certificate",
                "addr",
                "version",
                "error",
            ];
            for name in names {
                if after.contains(&format!(" {name}=")) {
                    found.insert(format!("{level} {text}: {name}"));
                }
            }
        }
    }
    Ok(json!(found))
}

fn events(side: &Side, name: &str) -> anyhow::Result<Vec<Value>> {
    let path = format!(
        "/api/v1/namespaces/{}/events?fieldSelector=involvedObject.name={name},involvedObject.kind=SealedSecret",
        side.namespace
    );
    let list = side.plane.api().get(&path)?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// Compares type, reason and message of all events, and the message of the status.
fn messages(row: &mut Row) -> anyhow::Result<()> {
    row.compare("events", |side| {
        let told: BTreeSet<_> = events(side, "db")?
            .iter()
            .map(|event| {
                let text = |field: &str| event[field].as_str().unwrap_or_default();
                format!("{} {} {}", text("type"), text("reason"), text("message"))
            })
            .collect();
        Ok(json!(told))
    })?;
    row.compare("the status", |side| {
        let sealed = side.find_sealed("db")?.unwrap_or_default();
        Ok(sealed["status"]["conditions"][0]["message"].clone())
    })
}

fn told(row: &mut Row, make: fn(&Side) -> anyhow::Result<Value>) -> anyhow::Result<()> {
    start(row)?;
    row.apply("created", "db", make)?;
    messages(row)
}

/// The status is not compared: upstream's holds the API server's text, which may quote what was sent.
fn immutable(row: &mut Row) -> anyhow::Result<()> {
    start(row)?;
    let made = |value: &'static str| {
        move |side: &Side| {
            let mut sealed = side.sealed("db", &[("k", value)])?;
            sealed["spec"]["template"]["immutable"] = json!(true);
            Ok(sealed)
        }
    };
    row.apply("created", "db", made("v"))?;
    row.apply("changed", "db", made("w"))?;
    row.compare("the warning", |side| {
        let told = events(side, "db")?;
        let warning = told.iter().find(|event| event["type"] == "Warning");
        let text = warning
            .and_then(|event| event["message"].as_str())
            .unwrap_or_default();
        let says = text.contains("the target Secret is immutable");
        Ok(json!({"says so": says, "reason": warning.map(|event| event["reason"].clone())}))
    })
}

/// Changes an object in a later second than the one in which its status was written.
fn times(row: &mut Row, change: fn(&Side) -> anyhow::Result<Value>) -> anyhow::Result<()> {
    start(row)?;
    row.apply("created", "db", |side| side.sealed("db", &[("k", "v")]))?;
    let time = |side: &Side, field: &str| -> anyhow::Result<Value> {
        let sealed = side.find_sealed("db")?.unwrap_or_default();
        Ok(sealed["status"]["conditions"][0][field].clone())
    };
    row.each(|side| {
        let updated = time(side, "lastUpdateTime")?;
        let mut attempt = 0;
        // Times are whole seconds.
        eventually("a later second", CAP, || {
            attempt += 1;
            let probe = format!("probe-{attempt}");
            side.make_secret(&probe, &[], json!({})).ok()?;
            let created = &side.find_secret(&probe).ok()??["metadata"]["creationTimestamp"];
            (created.as_str()? > updated.as_str()?).then_some(())
        })
    })?;
    row.apply("changed", "db", change)?;
    row.compare("have they moved", |side| {
        let (updated, moved) = (
            time(side, "lastUpdateTime")?,
            time(side, "lastTransitionTime")?,
        );
        Ok(json!({"update is the transition": updated == moved}))
    })
}
