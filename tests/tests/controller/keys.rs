//! Sealing keys: how they are made, found, ordered and replaced. Each row starts controllers of its own.

use std::process::Command;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use signet_common::{Certificate, CertificateRequest, KeySize, PrivateKey, Scope};
use signet_harness::eventually;
use signet_tests::signet::CAP;

use crate::row::{Case, Row, differs, same};
use crate::side::{Program, Side, value_for};

pub(crate) const LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
const HOUR: i64 = 3600;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("the first key", |row| made(row, &[])),
        same("--key-size --key-ttl --my-cn --key-prefix", |row| {
            made(
                row,
                &[
                    "--key-size=3072",
                    "--key-ttl=48h30m",
                    "--my-cn=the-name",
                    "--key-prefix=other-prefix",
                ],
            )
        }),
        same("--privatekey-labels --privatekey-annotations", |row| {
            made(
                row,
                &[
                    "--privatekey-labels=a=b,c=d",
                    "--privatekey-annotations=e=f",
                ],
            )
        }),
        same("SIGUSR1", on_signal),
        differs("names of key Secrets", &["key-names"], names),
        differs("the ID on a key Secret", &["key-ids"], ids),
        same("a key by hand, before the start", by_hand),
        same("the legacy key, without label", legacy),
        same("a retired key, before the start", retired),
        same("--key-order-priority=CertNotBefore", |row| {
            ordered(row, "CertNotBefore")
        }),
        same("--key-order-priority=SecretCreationTimestamp", |row| {
            ordered(row, "SecretCreationTimestamp")
        }),
        same("--key-cutoff-time after the newest key", |row| {
            cutoff(row, 0, 2)
        }),
        same("--key-cutoff-time before the newest key", |row| {
            cutoff(row, -HOUR, 1)
        }),
        differs(
            "--key-cutoff-time in the future",
            &["future-cutoff"],
            future_cutoff,
        ),
        same("--key-renew-period", |row| {
            renewed(row, "--key-renew-period=2s")
        }),
        same("--rotate-period", |row| renewed(row, "--rotate-period=2s")),
        same("--key-renew-period=0", not_renewed),
        same("an old key still opens after a renewal", old_opens),
        differs("a key dated ahead", &["future-key"], ahead),
        differs("a key is added", &["keys-at-once"], |row| added(row, &[])),
        same("a key is added, with --watch-for-secrets", |row| {
            added(row, &["--watch-for-secrets"])
        }),
        differs(
            "a key is added that an object waits for",
            &["keys-at-once"],
            awaited,
        ),
        differs("a key is deleted", &["keys-at-once"], removed),
        differs(
            "a key is retired by its label",
            &["keys-at-once"],
            relabelled,
        ),
        differs("a malformed key Secret", &["malformed-key"], malformed),
    ]
}

pub(crate) fn key_secrets(side: &Side) -> anyhow::Result<Vec<Value>> {
    let path = format!(
        "/api/v1/namespaces/{}/secrets?labelSelector={LABEL}=active",
        side.namespace
    );
    let list = side.plane.api().get(&path)?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

pub(crate) fn served(side: &Side) -> anyhow::Result<Certificate> {
    Ok(Certificate::parse_pem(side.served()?.as_bytes())?)
}

/// A key and its certificate.
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) certificate: String,
}

pub(crate) fn pair(not_before: Timestamp) -> anyhow::Result<Pair> {
    let key = PrivateKey::generate(KeySize::Rsa2048)?;
    let request = CertificateRequest {
        common_name: "by-hand",
        valid_for: std::time::Duration::from_secs(86_400),
    };
    let certificate = Certificate::self_signed(&mut rand::rng(), &key, &request, not_before)?;
    Ok(Pair {
        key: key.to_pkcs1_pem().to_string(),
        certificate: certificate.to_pem(),
    })
}

impl Pair {
    pub(crate) fn store(&self, side: &Side, name: &str, label: Option<&str>) -> anyhow::Result<()> {
        let labels = label.map_or(json!({}), |value| json!({LABEL: value}));
        let data = json!({"tls.crt": STANDARD.encode(&self.certificate), "tls.key": STANDARD.encode(&self.key)});
        let rest =
            json!({"type": "kubernetes.io/tls", "metadata": {"labels": labels}, "data": data});
        side.make_secret(name, &[], rest)
    }

    /// An object with a value that only this key opens.
    pub(crate) fn sealed(&self, side: &Side, name: &str) -> anyhow::Result<Value> {
        let value = value_for(
            &self.certificate,
            Scope::Strict,
            &side.namespace,
            name,
            b"v",
        )?;
        let mut sealed = side.sealed(name, &[])?;
        sealed["spec"]["encryptedData"] = json!({"k": value});
        Ok(sealed)
    }
}

/// A key that was made this many days ago: with the usual period of 30, another one is made at the start.
pub(crate) fn pair_of_days_ago(days: i64) -> anyhow::Result<Pair> {
    pair(ago(days * 24 * HOUR)?)
}

fn ago(seconds: i64) -> anyhow::Result<Timestamp> {
    Ok(Timestamp::now().checked_sub(SignedDuration::from_secs(seconds))?)
}

fn made(row: &mut Row, flags: &[&str]) -> anyhow::Result<()> {
    row.each(|side| side.start(flags))?;
    row.compare("the key Secret", |side| {
        let secrets = key_secrets(side)?;
        let secret = secrets.first().context("no key")?;
        let pem = |item: &str| -> anyhow::Result<Vec<u8>> { Ok(STANDARD.decode(secret["data"][item].as_str().unwrap_or_default())?) };
        let certificate = Certificate::parse_pem(&pem("tls.crt")?)?;
        let key = PrivateKey::parse_pem(&pem("tls.key")?)?;
        let name = secret["metadata"]["name"].as_str().unwrap_or_default();
        let body: String = certificate.to_pem().lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body)?;
        Ok(json!({
            "count": secrets.len(),
            "prefix": [name.starts_with("sealed-secrets-key"), name.starts_with("other-prefix")],
            "type": secret["type"],
            "labels": without_ours(&secret["metadata"]["labels"]),
            "annotations": without_ours(&secret["metadata"]["annotations"]),
            "items": secret["data"].as_object().map(|data| data.keys().cloned().collect::<Vec<_>>()),
            "bits": certificate.key().bits(),
            "pair": certificate.matches(&key),
            "seconds": certificate.not_after().as_second() - certificate.not_before().as_second(),
            "form": String::from_utf8(pem("tls.key")?)?.lines().next().map(str::to_owned),
            "cn": der.windows(8).any(|part| part == b"the-name"),
            "served": served(side)?.key_id() == certificate.key_id(),
        }))
    })
}

/// Labels or annotations without Signet's own; null if there are no others.
fn without_ours(texts: &Value) -> Value {
    let texts = texts.as_object().into_iter().flatten();
    let theirs: serde_json::Map<_, _> = texts
        .filter(|(name, _)| !name.starts_with("signet.internal/"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if theirs.is_empty() {
        Value::Null
    } else {
        theirs.into()
    }
}

/// Also on a key that somebody else made.
fn ids(row: &mut Row) -> anyhow::Result<()> {
    let pair = pair(ago(60)?)?;
    let id = Certificate::parse_pem(pair.certificate.as_bytes())?.key_id();
    row.each(|side| {
        pair.store(side, "by-hand", Some("active"))?;
        side.start(&[])
    })?;
    row.compare("the ID", |side| {
        let secret = side.find_secret("by-hand")?.context("it is there")?;
        let metadata = &secret["metadata"];
        let label = metadata["labels"]["signet.internal/key-id"] == id.to_string();
        let whole = metadata["annotations"]["signet.internal/key-sha256"].as_str();
        let whole =
            whole.is_some_and(|whole| whole.len() == 64 && whole.starts_with(&id.to_string()));
        Ok(json!([label, whole]))
    })
}

fn on_signal(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| {
        side.start(&["--key-renew-period=0"])?;
        let running = side.controller.as_mut().context("it was started")?;
        let mut kill = Command::new("kill");
        kill.args(["-USR1", &running.process.id().to_string()]);
        ensure!(kill.status()?.success(), "no signal");
        Ok(())
    })?;
    row.each(|side| {
        eventually("a second key", CAP, || {
            key_secrets(side).is_ok_and(|found| found.len() == 2)
        })
    })?;
    row.compare("number of keys", |side| Ok(json!(key_secrets(side)?.len())))
}

fn names(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| side.start(&[]))?;
    row.compare("the name", |side| {
        let secrets = key_secrets(side)?;
        let name = secrets
            .first()
            .map(|one| one["metadata"]["name"].clone())
            .unwrap_or_default();
        let rest = name
            .as_str()
            .unwrap_or_default()
            .trim_start_matches("sealed-secrets-key")
            .to_owned();
        Ok(json!({"a dash after the prefix": rest.starts_with('-')}))
    })
}

fn opens(row: &mut Row, pair: &Pair) -> anyhow::Result<()> {
    row.apply("sealed with it", "db", |side| pair.sealed(side, "db"))
}

fn is_served(row: &mut Row, pair: &Pair) -> anyhow::Result<()> {
    let id = Certificate::parse_pem(pair.certificate.as_bytes())?.key_id();
    row.compare("is it handed out", |side| {
        Ok(json!(served(side)?.key_id() == id))
    })
}

fn by_hand(row: &mut Row) -> anyhow::Result<()> {
    let pair = pair(ago(60)?)?;
    row.each(|side| {
        pair.store(side, "by-hand", Some("active"))?;
        side.start(&[])
    })?;
    row.compare("number of keys", |side| Ok(json!(key_secrets(side)?.len())))?;
    is_served(row, &pair)?;
    opens(row, &pair)
}

fn legacy(row: &mut Row) -> anyhow::Result<()> {
    let pair = pair(ago(60)?)?;
    row.each(|side| {
        pair.store(side, "sealed-secrets-key", None)?;
        side.start(&[])
    })?;
    row.compare("number of labelled keys", |side| {
        Ok(json!(key_secrets(side)?.len()))
    })?;
    is_served(row, &pair)?;
    opens(row, &pair)
}

fn retired(row: &mut Row) -> anyhow::Result<()> {
    let pair = pair(ago(60)?)?;
    row.each(|side| {
        pair.store(side, "by-hand", Some("compromised"))?;
        side.start(&[])
    })?;
    row.compare("number of keys", |side| Ok(json!(key_secrets(side)?.len())))?;
    is_served(row, &pair)?;
    opens(row, &pair)
}

/// Two keys: the one that was stored first has the later NotBefore.
fn ordered(row: &mut Row, priority: &str) -> anyhow::Result<()> {
    let (newer, older) = (pair(ago(60)?)?, pair(ago(600)?)?);
    row.each(|side| {
        newer.store(side, "first", Some("active"))?;
        // Times of creation are whole seconds: the second key must be of another one.
        let created = |name: &str| {
            let secret = side.find_secret(name).ok()??;
            Some(secret["metadata"]["creationTimestamp"].clone())
        };
        let mut attempt = 0;
        eventually("a later second", CAP, || {
            attempt += 1;
            let probe = format!("probe-{attempt}");
            side.make_secret(&probe, &[], json!({})).ok()?;
            (created(&probe)? != created("first")?).then_some(())
        })?;
        older.store(side, "second", Some("active"))?;
        let flag = format!("--key-order-priority={priority}");
        side.start(&[&flag])
    })?;
    is_served(row, &newer)?;
    is_served(row, &older)?;
    opens(row, &older)?;
    row.apply("sealed with the other", "db2", |side| {
        newer.sealed(side, "db2")
    })
}

/// Starts, then starts again with a cutoff this long after now. Expects this many keys.
fn cutoff(row: &mut Row, after: i64, keys: usize) -> anyhow::Result<()> {
    let pair = pair(ago(60)?)?;
    let cutoff = ago(-after)?
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string();
    row.each(|side| {
        pair.store(side, "by-hand", Some("active"))?;
        let flag = format!("--key-cutoff-time={cutoff}");
        side.start(&[&flag])?;
        eventually("the keys", CAP, || {
            key_secrets(side).is_ok_and(|found| found.len() >= keys)
        })
    })?;
    row.compare("number of keys", |side| Ok(json!(key_secrets(side)?.len())))?;
    is_served(row, &pair)?;
    opens(row, &pair)
}

fn future_cutoff(row: &mut Row) -> anyhow::Result<()> {
    let cutoff = ago(-HOUR)?
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string();
    let flag = format!("--key-cutoff-time={cutoff}");
    row.each(|side| {
        side.start(&[&flag])?;
        side.stop()?;
        side.start(&[&flag])
    })?;
    row.compare("number of keys", |side| Ok(json!(key_secrets(side)?.len())))
}

fn renewed(row: &mut Row, flag: &str) -> anyhow::Result<()> {
    row.each(|side| {
        side.start(&[flag])?;
        eventually("a second key", CAP, || {
            key_secrets(side).is_ok_and(|found| found.len() >= 2)
        })
    })?;
    row.compare("a second key", |side| {
        Ok(json!(key_secrets(side)?.len() >= 2))
    })
}

fn not_renewed(row: &mut Row) -> anyhow::Result<()> {
    let pair = pair(ago(40 * 24 * HOUR)?)?;
    row.each(|side| {
        pair.store(side, "by-hand", Some("active"))?;
        side.start(&["--key-renew-period=0"])
    })?;
    row.each(|side| side.sentinel("sentinel"))?;
    row.compare("number of keys", |side| Ok(json!(key_secrets(side)?.len())))
}

fn old_opens(row: &mut Row) -> anyhow::Result<()> {
    let pair = pair(ago(40 * 24 * HOUR)?)?;
    row.each(|side| {
        pair.store(side, "by-hand", Some("active"))?;
        side.start(&[])?;
        eventually("a second key", CAP, || {
            key_secrets(side).is_ok_and(|found| found.len() == 2)
        })
    })?;
    is_served(row, &pair)?;
    opens(row, &pair)
}

fn ahead(row: &mut Row) -> anyhow::Result<()> {
    let pair = pair(ago(-30 * 24 * HOUR)?)?;
    row.each(|side| {
        pair.store(side, "by-hand", Some("active"))?;
        side.start(&[])
    })?;
    is_served(row, &pair)?;
    opens(row, &pair)
}

fn added(row: &mut Row, flags: &[&str]) -> anyhow::Result<()> {
    // Later than the key that is made at the start, and not too far ahead.
    let pair = pair(ago(-300)?)?;
    row.each(|side| {
        side.start(flags)?;
        pair.store(side, "by-hand", Some("active"))?;
        // Upstream's controller says nothing when it does not look.
        if side.is_signet() || !flags.is_empty() {
            let id = Certificate::parse_pem(pair.certificate.as_bytes())?.key_id();
            eventually("handed out", CAP, || {
                served(side).is_ok_and(|now| now.key_id() == id)
            })?;
        }
        Ok(())
    })?;
    is_served(row, &pair)?;
    opens(row, &pair)
}

/// Upstream learns the key, but does not try the object again.
fn awaited(row: &mut Row) -> anyhow::Result<()> {
    let pair = pair(ago(60)?)?;
    row.each(|side| side.start(&["--watch-for-secrets"]))?;
    opens(row, &pair)?;
    row.each(|side| {
        side.given_up("db")?;
        pair.store(side, "by-hand", Some("active"))
    })?;
    row.each(|side| {
        // Sealed with the same key: when it opens, the key is known.
        eventually("the key is known", CAP, || {
            let probe = pair.sealed(side, "probe").ok()?.to_string();
            let reply = crate::side::ask(side.port, "POST", "/v1/verify", &probe).ok()?;
            (reply.status == 200).then_some(())
        })
    })?;
    row.look("the object that waited", "db")
}

fn removed(row: &mut Row) -> anyhow::Result<()> {
    taken_away(row, |side| side.delete_secret("by-hand"))
}

fn relabelled(row: &mut Row) -> anyhow::Result<()> {
    taken_away(row, |side| {
        side.edit_secret(
            "by-hand",
            &json!({"metadata": {"labels": {LABEL: "compromised"}}}),
        )
    })
}

fn taken_away(row: &mut Row, take: fn(&Side) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let pair = pair(ago(60)?)?;
    let id = Certificate::parse_pem(pair.certificate.as_bytes())?.key_id();
    let other = self::pair(ago(600)?)?;
    row.each(|side| {
        pair.store(side, "by-hand", Some("active"))?;
        side.start(&[])?;
        other.store(side, "other", Some("active"))?;
        take(side)?;
        if side.is_signet() {
            eventually("no longer handed out", CAP, || {
                served(side).is_ok_and(|now| now.key_id() != id)
            })?;
        }
        Ok(())
    })?;
    is_served(row, &pair)
}

fn malformed(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| {
        side.start(&[])?;
        side.stop()?;
        let rest = json!({"type": "kubernetes.io/tls", "metadata": {"labels": {LABEL: "active"}}, "data": {"tls.crt": "eA==", "tls.key": "eA=="}});
        side.make_secret("broken", &[], rest)
    })?;
    row.compare("it runs", |side| {
        let mut running = side.program.start_bare(
            side.plane,
            &side.namespace,
            &["--all-namespaces=false"],
            &[],
        )?;
        let port = running.port;
        let runs = eventually("ready, or dead", CAP, || {
            let ready = crate::side::ask(port, "GET", "/healthz", "")
                .is_ok_and(|reply| reply.status == 200);
            (ready || !running.process.is_running()).then_some(ready)
        })?;
        Ok(json!({"runs": runs, "by": side.program == Program::Signet || !runs}))
    })
}
