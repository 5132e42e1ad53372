//! Many keys, and keys that come and go without a restart (ARCHITECTURE.md "Keys").

use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use signet_common::{Certificate, CertificateRequest, KeySize, PrivateKey};
use signet_harness::proxy::{FaultProxy, Harm, Trap};
use signet_harness::{binary, eventually, kubectl};
use signet_tests::signet::{self, CAP, SignetController, seal};

use crate::scene::{Solo, text};

/// A key made by the test, as a key Secret and as the certificate to seal with.
pub(crate) struct Key {
    pub(crate) certificate: String,
    pub(crate) private: String,
    pub(crate) id: String,
}

/// A new key whose certificate begins at this offset from now.
pub(crate) fn key(offset: SignedDuration) -> anyhow::Result<Key> {
    key_for(offset, Duration::from_secs(365 * 24 * 3600))
}

fn key_for(offset: SignedDuration, valid_for: Duration) -> anyhow::Result<Key> {
    let private = PrivateKey::generate(KeySize::Rsa2048)?;
    let request = CertificateRequest {
        common_name: "",
        valid_for,
    };
    let now = Timestamp::now() + offset;
    let certificate = Certificate::self_signed(&mut rand::rng(), &private, &request, now)?;
    Ok(Key {
        certificate: certificate.to_pem(),
        private: private.to_pkcs1_pem().to_string(),
        id: certificate.key_id().to_string(),
    })
}

impl Key {
    pub(crate) fn secret(&self, namespace: &str, name: &str) -> Value {
        let items = [
            ("tls.crt", self.certificate.as_str()),
            ("tls.key", self.private.as_str()),
        ];
        let mut secret = signet::secret(namespace, name, &items);
        secret["type"] = "kubernetes.io/tls".into();
        secret["metadata"]["labels"] =
            json!({"sealedsecrets.bitnami.com/sealed-secrets-key": "active"});
        secret
    }

    /// Puts the key into the cluster.
    pub(crate) fn add(&self, solo: &Solo, name: &str) -> anyhow::Result<()> {
        let namespace = &solo.controller.namespace;
        let path = format!("/api/v1/namespaces/{namespace}/secrets");
        solo.plane
            .api()
            .post(&path, &self.secret(namespace, name))
            .map(drop)
    }

    /// A SealedSecret that only this key opens.
    pub(crate) fn sealed(&self, solo: &Solo, name: &str) -> anyhow::Result<Value> {
        seal(
            &self.certificate,
            &signet::secret(&solo.namespace, name, &[("k", name)]),
            &[],
        )
    }
}

/// The labelled key Secrets of the controller.
pub(crate) fn key_secrets(solo: &Solo) -> anyhow::Result<Vec<Value>> {
    signet_tests::replicas::key_secrets(solo.plane, &solo.controller.namespace)
}

pub(crate) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub(crate) fn await_handed_out(solo: &Solo, key: &str) -> anyhow::Result<()> {
    eventually("the certificate is handed out", CAP, || {
        let pem = solo.controller.certificate()?;
        let found = Certificate::parse_pem(pem.as_bytes())?.key_id().to_string();
        anyhow::ensure!(found == key, "{found} is");
        Ok(())
    })
}

pub(crate) fn await_metric(solo: &Solo, series: &str, value: f64) -> anyhow::Result<()> {
    eventually(&format!("{series} {value}"), CAP, || {
        let found = solo.controller.metric(series)?;
        anyhow::ensure!(found == value, "{found}");
        Ok(())
    })
}

/// The id of the key that a certificate is for.
pub(crate) fn key_of(solo: &Solo) -> anyhow::Result<String> {
    let certificate = Certificate::parse_pem(solo.certificate.as_bytes())?;
    Ok(certificate.key_id().to_string())
}

#[test]
fn a_newer_key_opens_what_waited_for_it_and_is_handed_out() -> anyhow::Result<()> {
    let mut solo = Solo::start("newer", &[])?;
    let (first, second) = (key_of(&solo)?, key(SignedDuration::from_secs(60))?);
    solo.make("old", &[("k", "old")])?;
    solo.apply(&second.sealed(&solo, "new")?)?;
    solo.reason("new", "NoKey")?;
    second.add(&solo, "second")?;
    let new = solo.reason("new", "Unsealed")?;
    assert_eq!(text(&new, "/status/items/k/key"), second.id);
    await_handed_out(&solo, &second.id)?;
    await_metric(&solo, "signet_keys{state=\"usable\"}", 2.0)?;
    // The old key opens what was sealed with it, now and after a change.
    solo.make("old", &[("k", "older")])?;
    let old = solo.reason("old", "Unsealed")?;
    assert_eq!(text(&old, "/status/items/k/key"), first);
    solo.take_certificate()?;
    solo.make("newest", &[("k", "v")])?;
    Ok(())
}

#[test]
fn an_older_key_opens_and_changes_nothing_else() -> anyhow::Result<()> {
    let solo = Solo::start("older", &[])?;
    let first = key_of(&solo)?;
    solo.make("db", &[("k", "v")])?;
    let touched = solo.edit_secret("db", &json!({"metadata": {"labels": {"theirs": "1"}}}))?;
    let older = key(hours(-24))?;
    older.add(&solo, "older")?;
    solo.apply(&older.sealed(&solo, "restored")?)?;
    solo.reason("restored", "Unsealed")?;
    await_handed_out(&solo, &first)?;
    // Tags come from the root: nothing is looked at again.
    solo.sentinel()?;
    solo.edit_sealed("db", &json!({"metadata": {"labels": {"x": "y"}}}))?;
    solo.sentinel()?;
    let now = solo.secret("db")?;
    assert_eq!(
        now["metadata"]["resourceVersion"],
        touched["metadata"]["resourceVersion"]
    );
    assert_eq!(now["metadata"]["labels"], json!({"theirs": "1"}));
    Ok(())
}

#[test]
fn a_key_that_is_relabelled_or_deleted_is_not_handed_out_any_more() -> anyhow::Result<()> {
    let solo = Solo::start("retired", &[])?;
    let first = key_of(&solo)?;
    for (name, relabel) in [("relabelled", true), ("deleted", false)] {
        let second = key(SignedDuration::from_secs(60))?;
        second.add(&solo, name)?;
        await_handed_out(&solo, &second.id)?;
        solo.apply(&second.sealed(&solo, name)?)?;
        solo.reason(name, "Unsealed")?;
        let path = signet::secret_path(&solo.controller.namespace, name);
        if relabel {
            let label = json!({"metadata": {"labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "compromised"}}});
            solo.plane.api().merge_patch(&path, &label)?;
        } else {
            solo.plane.api().delete(&path)?;
        }
        await_handed_out(&solo, &first)?;
        await_metric(&solo, "signet_keys{state=\"usable\"}", 1.0)?;
        // What stands, stands; what is new does not open.
        solo.await_items(name, &[("k", name)])?;
        let lost = format!("{name}-lost");
        solo.apply(&second.sealed(&solo, &lost)?)?;
        solo.reason(&lost, "NoKey")?;
    }
    Ok(())
}

#[test]
fn the_last_key_is_never_dropped() -> anyhow::Result<()> {
    let solo = Solo::start("last", &[])?;
    let first = key_of(&solo)?;
    let namespace = &solo.controller.namespace;
    let name = text(&key_secrets(&solo)?[0], "/metadata/name");
    solo.plane
        .api()
        .delete(&signet::secret_path(namespace, &name))?;
    eventually("the controller says so", CAP, || {
        solo.controller
            .process
            .log()
            .contains("no usable key Secret is left")
    })?;
    await_handed_out(&solo, &first)?;
    solo.make("db", &[("k", "v")])?;
    let keys = key_secrets(&solo)?;
    assert_eq!(
        keys,
        Vec::<Value>::new(),
        "no key was made behind anybody's back"
    );
    Ok(())
}

#[test]
fn a_key_from_the_future_opens_and_is_never_handed_out() -> anyhow::Result<()> {
    let solo = Solo::start("future", &[])?;
    let first = key_of(&solo)?;
    let future = key(hours(1))?;
    future.add(&solo, "future")?;
    solo.apply(&future.sealed(&solo, "db")?)?;
    solo.reason("db", "Unsealed")?;
    await_metric(&solo, "signet_keys{state=\"usable\"}", 2.0)?;
    await_handed_out(&solo, &first)
}

#[test]
fn the_legacy_key_is_used_without_a_label() -> anyhow::Result<()> {
    let solo = Solo::start("legacy", &[])?;
    let legacy = key(hours(-24))?;
    let mut secret = legacy.secret(&solo.controller.namespace, "sealed-secrets-key");
    secret["metadata"]["labels"] = json!({});
    solo.apply(&legacy.sealed(&solo, "db")?)?;
    solo.reason("db", "NoKey")?;
    let path = format!("/api/v1/namespaces/{}/secrets", solo.controller.namespace);
    solo.plane.api().post(&path, &secret)?;
    solo.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn new_keys_carry_the_labels_and_annotations_that_are_asked_for() -> anyhow::Result<()> {
    let flags = [
        "--privatekey-labels=team=platform, example.com/tier=keys",
        "--privatekey-annotations=note=a=b",
    ];
    let solo = Solo::start("labelled", &flags)?;
    let metadata = &key_secrets(&solo)?[0]["metadata"];
    let id = key_of(&solo)?;
    assert_eq!(
        metadata["labels"],
        json!({
            "sealedsecrets.bitnami.com/sealed-secrets-key": "active",
            "signet.internal/key-id": id,
            "team": "platform",
            "example.com/tier": "keys",
        })
    );
    assert_eq!(metadata["annotations"]["note"], "a=b");
    let whole = text(metadata, "/annotations/signet.internal~1key-sha256");
    assert!(whole.len() == 64 && whole.starts_with(&id), "{whole}");
    Ok(())
}

#[test]
fn a_mistake_in_them_is_told_at_the_start() -> anyhow::Result<()> {
    let label = "sealedsecrets.bitnami.com/sealed-secrets-key";
    let retired = format!("--privatekey-labels={label}=retired");
    let table = [
        ("--privatekey-labels=team", "has no '='"),
        ("--privatekey-annotations=a=b,c", "has no '='"),
        (&retired, label),
    ];
    for (flag, says) in table {
        let mut command = Command::new(binary::path("signet-controller")?);
        command.arg(flag);
        let output = kubectl::run(command, "")?;
        assert_eq!(output.status.code(), Some(2), "{flag}");
        signet::ensure_contains(&output.stderr, says)?;
    }
    Ok(())
}

#[test]
fn a_certificate_that_ends_before_its_period_is_replaced_and_told_without_renewal()
-> anyhow::Result<()> {
    const END: &str = "signet_certificate_expiry_timestamp_seconds";
    let mut solo = Solo::start("ended", &[])?;
    solo.stop()?;
    let keys = format!("/api/v1/namespaces/{}/secrets", solo.controller.namespace);
    solo.plane.api().delete(&keys)?;
    let ended = key_for(hours(-48), Duration::from_secs(24 * 3600))?;
    ended.add(&solo, "ended")?;
    let now = || f64::from(u32::try_from(Timestamp::now().as_second()).expect("this century"));

    // As upstream: nobody wants a new key. It is told once.
    solo.begin_again(&["--key-renew-period=0"])?;
    await_handed_out(&solo, &ended.id)?;
    let age = now() - solo.controller.metric(END)?;
    assert!((23.0..25.0).contains(&(age / 3600.0)), "{age}");
    let log = solo.controller.process.log();
    assert_eq!(
        log.matches("has expired, so nothing can be sealed").count(),
        1
    );

    solo.stop()?;
    solo.begin_again(&["--key-renew-period=8760h"])?;
    let pem = solo.controller.certificate()?;
    let fresh = Certificate::parse_pem(pem.as_bytes())?;
    assert_ne!(fresh.key_id().to_string(), ended.id);
    assert!(solo.controller.metric(END)? > now());
    await_metric(&solo, "signet_keys{state=\"usable\"}", 2.0)?;
    solo.take_certificate()?;
    solo.make("db", &[("k", "v")])?;
    Ok(())
}

#[test]
fn a_replaced_key_goes_on_decrypting_and_one_bad_answer_takes_no_key() -> anyhow::Result<()> {
    let mut solo = Solo::start("replaced", &[])?;
    solo.stop()?;
    let proxy = FaultProxy::start(solo.plane, 1)?;
    let namespace = solo.controller.namespace.clone();
    solo.controller = SignetController::spawn_behind(&proxy, solo.plane, &namespace, &[])?;
    let api = solo.plane.api();
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");

    // One 500 about the legacy key, which is the oldest.
    let legacy = key(hours(-48))?;
    let mut secret = legacy.secret(&namespace, "sealed-secrets-key");
    secret["metadata"]["labels"] = json!({});
    api.post(&secrets, &secret)?;
    solo.apply(&legacy.sealed(&solo, "legacy")?)?;
    solo.reason("legacy", "Unsealed")?;
    let path = signet::secret_path(&namespace, "sealed-secrets-key");
    proxy.lay([Trap {
        method: "GET",
        path: path.clone(),
        harm: Harm::Answered(500),
    }]);
    api.merge_patch(
        &path,
        &json!({"metadata": {"annotations": {"touched": "1"}}}),
    )?;
    eventually("the answer 500", CAP, || proxy.traps().is_empty())?;
    solo.sentinel()?;
    solo.apply(&legacy.sealed(&solo, "legacy-again")?)?;
    solo.reason("legacy-again", "Unsealed")?;

    // Replaced by a newer pair, by an older one, and by what cannot be read.
    let first = key_of(&solo)?;
    for (name, age) in [("newer", Some(60)), ("older", Some(-3600)), ("cut", None)] {
        let old = key(hours(-1))?;
        let mut secret = old.secret(&namespace, name);
        // The API server refuses pairs that do not fit in Secrets of type TLS.
        secret["type"] = "Opaque".into();
        api.post(&secrets, &secret)?;
        solo.apply(&old.sealed(&solo, name)?)?;
        solo.reason(name, "Unsealed")?;
        let new = key(SignedDuration::from_secs(age.unwrap_or_default()))?;
        let mut held = new.secret(&namespace, name)["stringData"].clone();
        if age.is_none() {
            held = json!({"tls.key": "cut"});
        }
        let path = signet::secret_path(&namespace, name);
        let before = solo.controller.metric("signet_keys{state=\"unstored\"}")?;
        let replaced = api.merge_patch(&path, &json!({"stringData": held}))?;
        await_metric(&solo, "signet_keys{state=\"unstored\"}", before + 1.0)?;
        let event = eventually("an event about the key", CAP, || {
            let uid = text(&replaced, "/metadata/uid");
            let events = signet::events(solo.plane, &namespace, &uid).ok()?;
            let mut events = events.into_iter();
            events.find(|event| event["reason"] == "SealingKeyReplaced")
        })?;
        let note = text(&event, "/message");
        signet::ensure_contains(&note, &old.id)?;
        signet::ensure_contains(&note, "1 SealedSecrets need it")?;
        if age.is_some() {
            signet::ensure_contains(&note, &new.id)?;
        }
        // It makes what is deleted again, and what is new; nobody is given it to seal with.
        solo.delete_secret(name)?;
        solo.await_items(name, &[("k", name)])?;
        let again = format!("{name}-again");
        solo.apply(&old.sealed(&solo, &again)?)?;
        solo.reason(&again, "Unsealed")?;
        let served = Certificate::parse_pem(solo.controller.certificate()?.as_bytes())?;
        anyhow::ensure!(served.key_id().to_string() != old.id, "{name} is served");
        if age == Some(60) {
            await_handed_out(&solo, &new.id)?;
            api.delete(&path)?;
            await_handed_out(&solo, &first)?;
        }
        if age.is_none() {
            // After a restart it is gone, as was said.
            solo.stop()?;
            solo.begin_again(&[])?;
            await_metric(&solo, "signet_keys{state=\"unstored\"}", 0.0)?;
            solo.apply(&old.sealed(&solo, "after")?)?;
            solo.reason("after", "NoKey")?;
        }
    }
    Ok(())
}
