//! The language itself, held against what Go's `text/template` made of the same templates (`tests/go/language.jsonl`).

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use serde_json::Value;
use signet_templates::{Env, Options, render};

fn rendered(template: &str) -> Option<Vec<u8>> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut env = Env::new(Timestamp::UNIX_EPOCH, &mut rng);
    let data: BTreeMap<&str, &[u8]> = [("a", b"va".as_slice()), ("b", b"12"), ("e", b"")].into();
    let templates = [("k", template)].into();
    let mut out = render(&templates, &data, Options::default(), &mut env).ok()?;
    out.remove("k").map(|text| text.to_vec())
}

#[test]
fn go_and_we_make_the_same_of_every_template() {
    let rows = include_str!("go/language.jsonl");
    let (mut rows_seen, mut wrong) = (0, Vec::new());
    for row in rows.lines() {
        let row: Value = serde_json::from_str(row).expect("a row of JSON");
        let template = row["template"].as_str().expect("a template");
        let wanted = match (&row["text"], &row["bytes"]) {
            (Value::String(text), _) => Some(text.clone().into_bytes()),
            (_, Value::Array(bytes)) => Some(
                bytes
                    .iter()
                    .filter_map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()))
                    .collect(),
            ),
            _ => None,
        };
        if signet_templates::find("list").is_none()
            && (template.contains("list") || template.contains("dict"))
        {
            continue;
        }
        rows_seen += 1;
        let got = rendered(template);
        if got != wanted {
            let show = |text: &Option<Vec<u8>>| {
                text.as_ref()
                    .map(|text| String::from_utf8_lossy(text).into_owned())
            };
            wrong.push(format!(
                "{template}\n    Go {:?}\n    we {:?}",
                show(&wanted),
                show(&got)
            ));
        }
    }
    assert!(rows_seen > 1000, "only {rows_seen} rows");
    assert!(
        wrong.is_empty(),
        "{} of {rows_seen} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(60)].join("\n")
    );
}
