//! Keys that people bring themselves, in the shapes that they have. Each row starts controllers of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use signet_common::Certificate;

use crate::keys::{LABEL, Pair, key_secrets, pair_of_days_ago, served};
use crate::row::{Case, Row, same};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("a key by hand in PKCS#8", |row| {
            brought(row, "--key-renew-period=0", |pair| {
                pair.key = pkcs8(&pair.key)?;
                Ok(())
            })
        }),
        same("a certificate with its chain", |row| {
            brought(row, "--key-renew-period=0", |pair| {
                let issuer = pair_of_days_ago(100)?.certificate;
                pair.certificate.push_str(&issuer);
                Ok(())
            })
        }),
        same("a certificate that has expired", |row| {
            brought(row, "--key-renew-period=0", |_| Ok(()))
        }),
        same("a certificate that has expired, and is replaced", |row| {
            brought(row, "--key-renew-period=720h", |_| Ok(()))
        }),
        same("the same key twice", |row| {
            let pair = pair_of_days_ago(2)?;
            row.each(|side| pair.store(side, "another-name", Some("active")))?;
            used(row, "--key-renew-period=0", &pair)
        }),
        same("the type of a key Secret does not count", |row| {
            let pair = pair_of_days_ago(2)?;
            row.each(|side| {
                let data = json!({"tls.crt": STANDARD.encode(&pair.certificate), "tls.key": STANDARD.encode(&pair.key)});
                let rest = json!({"type": "Opaque", "metadata": {"labels": {LABEL: "active"}}, "data": data});
                side.make_secret("by-hand", &[], rest)?;
                side.start(&["--key-renew-period=0"])
            })?;
            look(row, &pair)
        }),
    ]
}

/// A key of 40 days ago, whose certificate was good for one, in the shape that `alter` gives it.
fn brought(
    row: &mut Row,
    flag: &str,
    alter: fn(&mut Pair) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut pair = pair_of_days_ago(40)?;
    alter(&mut pair)?;
    used(row, flag, &pair)
}

fn used(row: &mut Row, flag: &str, pair: &Pair) -> anyhow::Result<()> {
    row.each(|side| {
        pair.store(side, "by-hand", Some("active"))?;
        side.start(&[flag])
    })?;
    look(row, pair)
}

/// Is it handed out, how many are there, does it open.
fn look(row: &mut Row, pair: &Pair) -> anyhow::Result<()> {
    let id = Certificate::parse_pem(pair.certificate.as_bytes())?.key_id();
    row.compare("keys", |side| {
        let handed_out = side.served()?;
        Ok(json!({
            "handed out": served(side)?.key_id() == id,
            "certificates": handed_out.matches("BEGIN CERTIFICATE").count(),
            "keys": key_secrets(side)?.len(),
        }))
    })?;
    row.apply("sealed with it", "db", |side| pair.sealed(side, "db"))
}

/// PKCS#1 in PKCS#8: version 0, rsaEncryption, the key as an octet string (RFC 5208).
fn pkcs8(pkcs1: &str) -> anyhow::Result<String> {
    let body: String = pkcs1
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let rsa_encryption = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let mut inside = vec![0x02, 0x01, 0x00];
    inside.extend(rsa_encryption);
    inside.extend(long(0x04, STANDARD.decode(body)?)?);
    let text = STANDARD.encode(long(0x30, inside)?);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(std::str::from_utf8(line)?);
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}

/// DER of something between 256 and 65,535 bytes.
fn long(tag: u8, content: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    anyhow::ensure!(content.len() > 255, "shorter than a key");
    let [high, low] = u16::try_from(content.len())?.to_be_bytes();
    Ok([vec![tag, 0x82, high, low], content].concat())
}
