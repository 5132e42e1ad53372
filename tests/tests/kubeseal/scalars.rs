//! Scalars without quotes, by the thousand, as upstream's `kubeseal` reads them and as Signet does.
//!
//! Annotations are published, so one run without any item tells what upstream makes of each scalar. Where that is the text
//! that was written, Signet takes it everywhere; where it is another one, only labels and annotations are as upstream has
//! them, and values and names of items are refused (`unquoted-scalar`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use serde_json::Value;
use signet_crds::go_yaml;
use signet_crds::manifest::{Labels, ManifestError, Reading, read_documents};
use signet_tests::print_figures;

use crate::run::Whose;
use crate::world::world;

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/tests/keys");
/// Fewer scalars would mean that the generator lost some.
const LEAST: usize = 5_000;
/// So many are sealed and opened as well; each costs upstream a private operation.
const SEALED: usize = 300;

#[test]
fn unquoted_scalars_are_upstreams_or_refused() -> anyhow::Result<()> {
    let scalars: Vec<String> = scalars().into_iter().collect();
    ensure!(scalars.len() >= LEAST, "only {} scalars", scalars.len());
    let values = upstreams_values(&scalars)?;
    let names = upstreams_names(&scalars)?;
    let mut differences = Vec::new();
    let (mut kept, mut refused) = (0, 0);
    for (index, scalar) in scalars.iter().enumerate() {
        let go = values
            .get(&format!("v{index}"))
            .context("a value is missing")?;
        // Null is an empty text, everywhere.
        let same = go == scalar || go.is_empty();
        *if same { &mut kept } else { &mut refused } += 1;
        if let Err(why) = judge_value(scalar, go)
            .and_then(|()| judge_name(scalar, names.get(&index).map(String::as_str)))
        {
            differences.push(format!("{scalar}: {why}"));
        }
    }
    let total = scalars.len();
    ensure!(
        differences.is_empty(),
        "{} of {total} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    let sealed = seal_and_open(&scalars, &values)?;
    print_figures(&format!(
        "scalars: {total} cases as value and as name, {kept} kept, {refused} changed by upstream and refused, {sealed} sealed and opened, 0 differences"
    ))
}

/// Words, numbers near each limit, dates, every short text of the characters that numbers are made of, and longer ones.
fn scalars() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let words = "y n yes no on off true false null nan inf .nan .inf -.inf +.inf ~ t f o nul ye";
    for word in words.split(' ') {
        let mut title = word.to_owned();
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let mixed = word.to_uppercase().replacen('E', "e", 1);
        all.extend([word.to_owned(), word.to_uppercase(), title, mixed]);
    }
    let others = "9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 \
        18446744073709551615 18446744073709551616 +18446744073709551615 0xffffffffffffffff 0x10000000000000000 \
        62e1234 62e12 1e400 -1e400 1e39 1e38 1e-50 3.4028235e38 3.141592653589793 0.1 0.00001 0.0001 123456.5 1234567.5 \
        100000.0 1000000.0 16777217.0 2001-01-01 2001-1-1 2001-01-01T10:20:30Z 2001-12-14t21:59:43.10-05:00 \
        20010101 12:30 190:20:30 1.2.3 v1.2.3 10.0.0.1 1_000 1__0 0b1_0 0x_1 0o7_7 .1_5 ._1 .5_ 1_.5 1e1_0 .5e1_0 0b-101 0b+1 -0b101 \
        0b2 0o8 08 09.5 0x1p4 0X1F 0B11 0O17 Infinity -Infinity +Inf << = user@host a/b 1/2 50% $5 0.5.5 1,000 1e+06 1e06 \
        1E5 -1E-5 6e7 8080 0080 00 000 0_ 007 -017 +017 -0x1f +0b1 1e 1e+ e5 .e5 -.5 +.5 -. +. .";
    all.extend(others.split_whitespace().map(str::to_owned));
    let alphabet: Vec<char> = "01789._-+exobyn:".chars().collect();
    let mut short = vec![String::new()];
    for _ in 0..3 {
        short = short
            .iter()
            .flat_map(|text| alphabet.iter().map(move |last| format!("{text}{last}")))
            .collect();
        all.extend(short.iter().cloned());
    }
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    while all.len() < LEAST + 2_000 {
        let length = rng.random_range(4..12);
        let text = (0..length).map(|_| alphabet[rng.random_range(0..alphabet.len())]);
        all.insert(text.collect());
    }
    // These mean something else to YAML, or nothing.
    all.retain(|text| {
        let is_mark = ["", "-", "---", "..."].contains(&text.as_str());
        !(is_mark || text.starts_with(':') || text.ends_with(':'))
    });
    // A number before a colon and a word is a mapping to some.
    all
}

fn kubeseal(whose: Whose, arguments: &[&str], input: &str) -> anyhow::Result<Vec<u8>> {
    let mut child = Command::new(world()?.program(whose)?)
        .args(arguments)
        .env_remove("KUBECONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("stdin")?;
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let out = child.wait_with_output()?;
    writer.join().ok().context("the writer")??;
    ensure!(out.status.success(), "{whose:?} fails");
    Ok(out.stdout)
}

const HEAD: &str = "apiVersion: v1\nkind: Secret\n";

fn seal_without_items(whose: Whose, input: &str) -> anyhow::Result<Vec<Value>> {
    let certificate = format!("{KEYS}/seal.crt");
    let arguments = ["--cert", &certificate, "--allow-empty-data", "-o", "json"];
    let out = kubeseal(whose, &arguments, input)?;
    let documents = serde_json::Deserializer::from_slice(&out).into_iter();
    Ok(documents.collect::<Result<_, _>>()?)
}

fn annotations(sealed: &Value) -> BTreeMap<String, String> {
    let map = &sealed["spec"]["template"]["metadata"]["annotations"];
    serde_json::from_value(map.clone()).unwrap_or_default()
}

/// What upstream makes of each scalar in a field that is a text; Signet's `kubeseal` must do the same with annotations.
fn upstreams_values(scalars: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut input = format!("{HEAD}metadata:\n  name: a\n  namespace: b\n  annotations:\n");
    for (index, scalar) in scalars.iter().enumerate() {
        input.push_str(&format!("    v{index}: {scalar}\n"));
    }
    let read = |whose| -> anyhow::Result<_> {
        let documents = seal_without_items(whose, &input)?;
        let [document] = documents.as_slice() else {
            anyhow::bail!("{whose:?} gives {} documents", documents.len());
        };
        Ok(annotations(document))
    };
    let theirs = read(Whose::Upstream)?;
    let ours = read(Whose::Signet)?;
    for (key, text) in &theirs {
        ensure!(
            ours.get(key) == Some(text),
            "{key}: {text:?} and {:?}",
            ours.get(key)
        );
    }
    ensure!(theirs.len() == scalars.len());
    Ok(theirs)
}

/// What upstream makes of each scalar as a name; a document with one that it refuses is left out without a word.
fn upstreams_names(scalars: &[String]) -> anyhow::Result<BTreeMap<usize, String>> {
    let mut input = String::new();
    for (index, scalar) in scalars.iter().enumerate() {
        input.push_str(&format!(
            "---\n{HEAD}metadata:\n  name: n{index}\n  namespace: b\n  annotations:\n    {scalar}: v\n"
        ));
    }
    let mut names = BTreeMap::new();
    for document in seal_without_items(Whose::Upstream, &input)? {
        let name = document["metadata"]["name"].as_str().context("a name")?;
        let index = name.trim_start_matches('n').parse()?;
        let key = annotations(&document).into_keys().next();
        names.insert(index, key.unwrap_or_default());
    }
    Ok(names)
}

fn read(text: &str) -> Result<Value, ManifestError> {
    let reading = Reading {
        labels: Labels::Strict,
        ..Reading::LARGE
    };
    read_documents(text.as_bytes(), reading).map(|mut documents| documents.remove(0))
}

fn judge_value(scalar: &str, go: &str) -> Result<(), String> {
    for (head, path) in [
        ("stringData:\n  x: ", "/stringData/x"),
        ("metadata:\n  labels:\n    x: ", "/metadata/labels/x"),
        (
            "spec:\n  template:\n    data:\n      x: ",
            "/spec/template/data/x",
        ),
    ] {
        let read = read(&format!("{head}{scalar}\n"));
        let right = match &read {
            Ok(value) => match value.pointer(path) {
                Some(Value::String(text)) => text == go && (go == scalar || go.is_empty()),
                Some(Value::Null) => go.is_empty(),
                _ => false,
            },
            Err(ManifestError::Changed { path: named, .. }) => {
                go != scalar && *named == path[1..].replace('/', ".")
            }
            Err(_) => false,
        };
        if !right {
            return Err(format!("as {path} upstream reads {go:?}, Signet {read:?}"));
        }
    }
    Ok(())
}

fn judge_name(scalar: &str, go: Option<&str>) -> Result<(), String> {
    let named = go_yaml::key_name(scalar);
    let is_merge = scalar == "<<";
    if named.as_deref() != go && !is_merge {
        return Err(format!("as a name upstream reads {go:?}, Signet {named:?}"));
    }
    let read = read(&format!("stringData:\n  {scalar}: x\n"));
    let right = match (&read, go) {
        (Ok(value), Some(go)) => go == scalar && value["stringData"][go] == "x",
        (Err(ManifestError::Changed { path, .. }), Some(go)) => {
            go != scalar && *path == format!("stringData.{scalar}")
        }
        (Err(ManifestError::Syntax { .. }), None) => true,
        (Err(ManifestError::Syntax { .. }), _) => is_merge,
        _ => false,
    };
    match right {
        true => Ok(()),
        false => Err(format!("as a name upstream reads {go:?}, Signet {read:?}")),
    }
}

/// Some of them go all the way: sealed by upstream, and those that it keeps by Signet too, and opened by upstream.
fn seal_and_open(scalars: &[String], values: &BTreeMap<String, String>) -> anyhow::Result<usize> {
    let step = (scalars.len() / SEALED).max(1);
    let some: Vec<usize> = (0..scalars.len()).step_by(step).collect();
    let text = |index: &usize| {
        values
            .get(&format!("v{index}"))
            .cloned()
            .unwrap_or_default()
    };
    let kept: Vec<usize> = some
        .iter()
        .copied()
        .filter(|index| text(index) == scalars[*index] || text(index).is_empty())
        .collect();
    for (whose, chosen) in [(Whose::Upstream, &some), (Whose::Signet, &kept)] {
        let mut input = format!("{HEAD}metadata: {{name: a, namespace: b}}\nstringData:\n");
        for index in chosen {
            input.push_str(&format!("  v{index}: {}\n", scalars[*index]));
        }
        let certificate = format!("{KEYS}/seal.crt");
        let sealed = kubeseal(whose, &["--cert", &certificate], &input)?;
        let key = format!("{KEYS}/seal.key");
        let open = [
            "--recovery-unseal",
            "--recovery-private-key",
            &key,
            "-o",
            "json",
        ];
        let opened = kubeseal(Whose::Upstream, &open, std::str::from_utf8(&sealed)?)?;
        let opened: Value = serde_json::from_slice(&opened)?;
        for index in chosen {
            use base64::Engine as _;
            let encoded = opened["data"][format!("v{index}")]
                .as_str()
                .unwrap_or_default();
            let value = base64::engine::general_purpose::STANDARD.decode(encoded)?;
            let right = value == text(index).as_bytes();
            ensure!(
                right,
                "{whose:?} seals {} as something else",
                scalars[*index]
            );
        }
    }
    Ok(some.len() + kept.len())
}
