//! Templates on a real API server: what they see, what stays when they fail, chance, limits and settings.

#[path = "../../../templates/tests/bombs/list.rs"]
mod bombs;

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};
use signet_harness::eventually;
use signet_tests::signet::{clear_items, ensure_contains, merge};

use crate::scene::{Solo, message, scene, text, version};

/// All bombs are rendered one after the other on two cores, without optimisation.
const BOMBS_CAP: Duration = Duration::from_secs(300);
/// What the templates of the bombs work on.
const DATUM: &str = "datum-4711";
/// What the controller takes without templates; the texts of the bombs, which it holds several times, are 20 MiB.
const WITHOUT_TEMPLATES: u64 = 160 << 20;
/// What rendering takes at most; a test of the engine holds it. One object a core is rendered at a time.
const RENDERING: u64 = 40 << 20;

#[test]
fn templates_see_opened_and_plain_items_and_a_sealed_item_wins() -> anyhow::Result<()> {
    let scene = scene("templates")?;
    let data = json!({
        "a": "overridden {{ .a }}",
        "b": null,
        "c": "{{ .a }}|{{ .b }}|{{ .d }}|{{ .missing }}|{{ index . \"tls.key\" | b64enc }}",
        "d": "{{ .a }}",
    });
    let items = [("a", "va"), ("b", "vb"), ("tls.key", "k")];
    scene.apply(&scene.sealed_as("db", &items, json!({"data": data}))?)?;
    scene.reason("db", "Unsealed")?;
    // What upstream's kubeseal gives for the same, but for the null.
    let wanted = [
        ("a", "va"),
        ("c", "va|vb|{{ .a }}|<no value>|aw=="),
        ("d", "va"),
        ("tls.key", "k"),
    ];
    scene.await_items("db", &wanted).map(drop)
}

#[test]
fn a_template_that_fails_leaves_the_secret_alone_and_is_named() -> anyhow::Result<()> {
    let scene = scene("failing-templates")?;
    let with = |text: &str| scene.sealed_as("db", &[("k", "v")], json!({"data": {"t": text}}));
    scene.apply(&with("first {{ .k }}")?)?;
    scene.reason("db", "Unsealed")?;
    let before = scene.secret("db")?;
    for (text, reason, part) in [
        (
            "x{{ env \"HOME\" }}",
            "UnknownTemplateFunction",
            "template.data.t: line 1, column 5: function \"env\"",
        ),
        (
            "{{ genPrivateKey \"rsa\" }}",
            "UnknownTemplateFunction",
            "--template-functions=all",
        ),
        ("{{ atoi .k .k }}", "TemplateFailed", "function \"atoi\""),
        (
            "{{ range until 900000000 }}{{ end }}",
            "TemplateTooExpensive",
            "until",
        ),
    ] {
        scene.apply(&with(text)?)?;
        scene.says("db", reason, part)?;
    }
    let unchanged = scene.secret("db")?;
    ensure!(version(&unchanged) == version(&before), "{unchanged:#}");
    scene.apply(&with("second {{ .k }}")?)?;
    scene.reason("db", "Unsealed")?;
    let after = scene.await_items("db", &[("k", "v"), ("t", "second v")])?;
    ensure!(after["metadata"]["uid"] == before["metadata"]["uid"]);
    Ok(())
}

#[test]
fn a_failed_template_rests_before_it_is_tried_again() -> anyhow::Result<()> {
    let scene = scene("brake")?;
    let with = |text: &str| scene.sealed_as("db", &[("k", "v")], json!({"data": {"t": text}}));
    scene.apply(&with("{{ fail .k }}")?)?;
    let failed = scene.reason("db", "TemplateFailed")?;
    scene.apply(&with("{{ fail .k }}{{ .k }}")?)?;
    scene.sentinel()?;
    // Others were served meanwhile, this one was not.
    let resting = scene.find_sealed("db")?.context("it is gone")?;
    ensure!(
        resting["status"]["observedGeneration"] == failed["metadata"]["generation"],
        "{resting:#}"
    );
    scene.reason("db", "TemplateFailed").map(drop)
}

#[test]
fn a_refusal_by_the_api_server_of_what_a_template_made_rests_as_well() -> anyhow::Result<()> {
    let scene = scene("brake-behind")?;
    // Whether it is JSON is an answer about the value.
    let with = |text: &str| {
        let template = json!({
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": text},
        });
        scene.sealed_as("db", &[("k", "v")], template)
    };
    scene.apply(&with("{{ if hasPrefix \"a\" .k }}{}{{ else }}x{{ end }}")?)?;
    let refused = scene.reason("db", "SecretInvalid")?;
    scene.apply(&with("{{ if hasPrefix \"b\" .k }}{}{{ else }}x{{ end }}")?)?;
    scene.sentinel()?;
    // Others were served meanwhile, this one was not.
    let resting = scene.find_sealed("db")?.context("it is gone")?;
    ensure!(
        resting["status"]["observedGeneration"] == refused["metadata"]["generation"],
        "{resting:#}"
    );
    scene.apply(&with("{{ if hasPrefix \"v\" .k }}{}{{ else }}x{{ end }}")?)?;
    scene.reason("db", "Unsealed").map(drop)
}

#[test]
fn what_a_template_makes_too_large_for_etcd_is_refused_as_content_and_rests() -> anyhow::Result<()>
{
    let scene = scene("too-large")?;
    let with = |guess: &str| {
        let repeat = "{{ repeat 1000000 \"x\" }}";
        let text = format!("{{{{ if hasPrefix \"{guess}\" .k }}}}{repeat}{{{{ end }}}}");
        // The API server counts 1 MiB of values, and no names.
        let mut data: Map<_, _> = (0..2500)
            .map(|number| (format!("{number:04}-{}", "n".repeat(240)), json!("")))
            .collect();
        data.insert("t".to_owned(), json!(text));
        scene.sealed_as("db", &[("k", "v")], json!({"data": data}))
    };
    scene.apply(&with("v")?)?;
    let refused = scene.says("db", "SecretInvalid", "too large")?;
    scene.apply(&with("w")?)?;
    scene.sentinel()?;
    let resting = scene.find_sealed("db")?.context("it is gone")?;
    ensure!(
        resting["status"]["observedGeneration"] == refused["metadata"]["generation"],
        "answered at once: {}",
        resting["status"]
    );
    scene.reason("db", "Unsealed").map(drop)
}

#[test]
fn whether_plain_items_equal_those_of_an_immutable_secret_is_told_slowly() -> anyhow::Result<()> {
    let scene = scene("guesses")?;
    let items = [("p", "0042"), ("q", "x")];
    scene.apply(&scene.sealed_as("db", &items, json!({"immutable": true}))?)?;
    scene.reason("db", "Unsealed")?;
    // In plain text, by somebody who may not read Secrets.
    let guess = |text: &str| {
        let template = json!({"immutable": true, "data": {"p": text}});
        scene.sealed_as("db", &items[1..], template)
    };
    scene.apply(&guess("0041")?)?;
    let refused = scene.reason("db", "Immutable")?;
    scene.apply(&guess("0042")?)?;
    scene.sentinel()?;
    let resting = scene.find_sealed("db")?.context("it is gone")?;
    ensure!(
        resting["status"]["observedGeneration"] == refused["metadata"]["generation"],
        "answered at once: {}",
        resting["status"]
    );
    scene.reason("db", "Unsealed").map(drop)
}

#[test]
fn random_texts_stay_through_foreign_changes_restarts_and_repairs() -> anyhow::Result<()> {
    let mut solo = Solo::start("chance", &[])?;
    let template =
        json!({"data": {"t": "{{ randAlphaNum 16 }} {{ uuidv4 }} {{ shuffle \"abcdefgh\" }}"}});
    for name in ["db", "other"] {
        solo.apply(&solo.sealed_as(name, &[("k", "v")], template.clone())?)?;
        solo.reason(name, "Unsealed")?;
    }
    let first = solo.secret("db")?;
    let made = clear_items(&first)?;
    ensure!(made["t"].len() > 60, "{made:?}");
    ensure!(
        made != clear_items(&solo.secret("other")?)?,
        "two objects share it"
    );

    let label = |value: &str| json!({"metadata": {"labels": {"theirs": value}}});
    let mut last = solo.edit_secret("db", &label("1"))?;
    let stays = |solo: &Solo, last: &Value| -> anyhow::Result<()> {
        solo.sentinel()?;
        let now = solo.secret("db")?;
        ensure!(version(&now) == version(last), "it was written:\n{now:#}");
        ensure!(clear_items(&now)? == made, "other values");
        Ok(())
    };
    stays(&solo, &last)?;
    solo.stop()?;
    solo.begin_again(&[])?;
    stays(&solo, &last)?;
    // Nothing in memory helps here: it is opened and rendered again.
    last = solo.edit_secret("db", &label("2"))?;
    stays(&solo, &last)?;
    solo.edit_secret("db", &json!({"stringData": {"t": "changed"}}))?;
    solo.await_secret("the same text again", "db", |secret| {
        clear_items(secret).is_ok_and(|items| items == made)
    })?;
    solo.delete_secret("db")?;
    solo.await_secret("the same text in a new Secret", "db", |secret| {
        secret["metadata"]["uid"] != first["metadata"]["uid"]
            && clear_items(secret).is_ok_and(|items| items == made)
    })
    .map(drop)
}

#[test]
fn the_settings_say_what_templates_may_do() -> anyhow::Result<()> {
    let mut solo = Solo::start("total", &["--templates=total"])?;
    let apply = |solo: &Solo, name: &str, text: &str| -> anyhow::Result<()> {
        let sealed = solo.sealed_as(name, &[("k", "v")], json!({"data": {"t": text}}))?;
        solo.apply(&sealed).map(drop)
    };
    apply(
        &solo,
        "total",
        "{{ .k | toJson | b64enc }}{{ index . \"k\" | quote }}",
    )?;
    solo.await_items("total", &[("k", "v"), ("t", "InYi\"v\"")])?;
    apply(&solo, "full", "{{ if .k }}x{{ end }}")?;
    solo.says("full", "TemplateRefused", "--templates=total")?;
    solo.stop()?;
    solo.begin_again(&["--templates=off"])?;
    solo.says("total", "TemplateRefused", "--templates=off")?;
    apply(&solo, "plain", "no action")?;
    solo.await_items("plain", &[("k", "v"), ("t", "no action")])?;
    solo.stop()?;
    solo.begin_again(&["--template-functions=all"])?;
    solo.reason("full", "Unsealed")?;
    apply(&solo, "key", "{{ genPrivateKey \"ecdsa\" }}")?;
    solo.reason("key", "Unsealed")?;
    ensure_contains(&clear_items(&solo.secret("key")?)?["t"], "PRIVATE KEY")?;
    // They are there, and no less bounded than the others.
    for (function, bomb) in bombs::KEY_MAKING {
        let name = format!("bomb-{}", function.to_lowercase());
        apply(&solo, &name, bomb)?;
        solo.says(&name, "TemplateTooExpensive", &format!("{function:?}"))?;
    }
    Ok(())
}

#[test]
fn every_bomb_refuses_its_own_object_and_nobody_elses() -> anyhow::Result<()> {
    let mut solo = Solo::start("bombs", &[])?;
    let process = solo.controller.process.id();
    let key_making = bombs::KEY_MAKING.map(|(function, text)| (function, text.to_owned()));
    let bombs = [bombs::bombs(), key_making.into()].concat();
    let mut good = solo.sealed("good", &[("k", "v")], &["--scope=cluster-wide"])?;
    let template = json!({"data": {"t": "{{ .k | printf \"<%s>\" }}"}});
    merge(&mut good["spec"]["template"], template);
    for (at, (name, text)) in bombs.iter().enumerate() {
        let template = json!({"data": {"t": text, "a": DATUM}});
        let name = format!("bomb-{}", name.to_lowercase());
        post(
            &solo,
            &name,
            json!({"encryptedData": {}, "template": template}),
            &Value::Null,
        )?;
        if at < 50 {
            post(
                &solo,
                &format!("good-{at}"),
                good["spec"].clone(),
                &good["metadata"]["annotations"],
            )?;
        }
    }
    for at in 0..50 {
        solo.await_items(&format!("good-{at}"), &[("k", "v"), ("t", "<v>")])?;
    }
    let (mut too_expensive, mut failed) = (0, 0);
    for (bomb, _) in &bombs {
        let name = format!("bomb-{}", bomb.to_lowercase());
        let judged = eventually(&format!("{name} is judged"), BOMBS_CAP, || {
            let object = solo.find_sealed(&name).ok()??;
            (!text(&object, "/status/conditions/0/reason").is_empty()).then_some(object)
        })?;
        let (reason, said) = (
            text(&judged, "/status/conditions/0/reason"),
            message(&judged),
        );
        match reason.as_str() {
            "TemplateTooExpensive" => too_expensive += 1,
            // Go refuses these as well.
            "TemplateFailed" => failed += 1,
            "UnknownTemplateFunction" if said.contains(&format!("function {bomb:?}")) => {}
            _ => anyhow::bail!("{name}: {reason}: {said}"),
        }
        // The item, the place, perhaps the function, and a text of ours; nothing that was worked on.
        ensure!(said.starts_with("template.data.t: line "), "{name}: {said}");
        ensure!(!said.contains(DATUM) && said.len() < 160, "{name}: {said}");
        ensure!(solo.find_secret(&name)?.is_none(), "{name} has a Secret");
    }
    ensure!(
        too_expensive >= 50 && failed <= 3,
        "{too_expensive}, {failed}"
    );
    ensure!(solo.controller.process.is_running(), "it is gone");
    ensure!(solo.controller.process.id() == process);
    let peak = peak_memory(process)?;
    let cores = std::thread::available_parallelism()?.get() as u64;
    ensure!(
        peak < WITHOUT_TEMPLATES + cores * RENDERING,
        "it took {} MiB",
        peak >> 20
    );
    println!(
        "{} bombs, {too_expensive} too expensive; peak {} MiB",
        bombs.len(),
        peak >> 20
    );
    solo.sentinel()
}

fn post(solo: &Solo, name: &str, spec: Value, annotations: &Value) -> anyhow::Result<()> {
    let namespace = &solo.namespace;
    let path = format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets");
    let object = json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": spec,
    });
    let posted = solo.plane.api().post(&path, &object);
    posted.with_context(|| name.to_owned()).map(drop)
}

/// The most memory a process ever had, in bytes.
fn peak_memory(process: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.context("no VmHWM")?.trim().trim_end_matches(" kB");
    Ok(kib.parse::<u64>()? * 1024)
}
