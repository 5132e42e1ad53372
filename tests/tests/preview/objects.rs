//! A hundred and more mixed objects, made under upstream's controller, and what people did to their Secrets.

use anyhow::Context;
use serde_json::{Value, json};
use signet_common::{Certificate, Plaintext, SealTarget};
use signet_harness::{ControlPlane, eventually};
use signet_tests::signet::{CAP, apply, merge, seal, sealed_path, secret, secret_path};

pub(crate) const NAMESPACES: [&str; 3] = ["shop", "bank", "lab"];
const PREFIX: &str = "sealedsecrets.bitnami.com";

/// Makes objects with names of their own, in turn in each namespace.
pub(crate) struct Maker<'a> {
    plane: &'a ControlPlane,
    certificate: &'a str,
    made: Vec<(String, String)>,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(plane: &'a ControlPlane, certificate: &'a str) -> anyhow::Result<Self> {
        for namespace in NAMESPACES {
            plane.api().ensure_namespace(namespace)?;
        }
        Ok(Self {
            plane,
            certificate,
            made: Vec::new(),
        })
    }

    /// Seals `count` Secrets, lets `change` edit each, and applies them. Returns their places.
    fn make(
        &mut self,
        kind: &str,
        count: usize,
        flags: &[&str],
        mut change: impl FnMut(&mut Value),
    ) -> anyhow::Result<Vec<(String, String)>> {
        let mut places = Vec::new();
        for number in 0..count {
            let namespace = NAMESPACES[self.made.len() % NAMESPACES.len()];
            let name = format!("{kind}-{number}");
            let clear = secret(
                namespace,
                &name,
                &[("user", "alice"), ("password", "pw-in-clear")],
            );
            let mut sealed = seal(self.certificate, &clear, flags)?;
            change(&mut sealed);
            apply(self.plane, &sealed).with_context(|| format!("{kind}: {sealed}"))?;
            let place = (namespace.to_owned(), name);
            self.made.push(place.clone());
            places.push(place);
        }
        Ok(places)
    }

    /// A Secret that is there before its SealedSecret.
    fn before(&mut self, kind: &str, count: usize, annotations: &Value) -> anyhow::Result<()> {
        for number in 0..count {
            let namespace = NAMESPACES[(self.made.len() + number) % NAMESPACES.len()];
            let mut clear = secret(namespace, &format!("{kind}-{number}"), &[("theirs", "x")]);
            clear["metadata"]["annotations"] = annotations.clone();
            let path = format!("/api/v1/namespaces/{namespace}/secrets");
            self.plane.api().post(&path, &clear)?;
        }
        self.make(kind, count, &[], |_| {}).map(drop)
    }

    fn edit(&self, (namespace, name): &(String, String), patch: &Value) -> anyhow::Result<()> {
        let path = secret_path(namespace, name);
        self.plane.api().merge_patch(&path, patch).map(drop)
    }

    fn edit_sealed(
        &self,
        (namespace, name): &(String, String),
        patch: &Value,
    ) -> anyhow::Result<()> {
        let path = sealed_path(namespace, name);
        self.plane.api().merge_patch(&path, patch).map(drop)
    }

    /// Awaits that upstream's controller has said something about every object as it is now.
    fn settle(&self) -> anyhow::Result<()> {
        for (namespace, name) in &self.made {
            eventually(&format!("{namespace}/{name} is processed"), CAP, || {
                let object = self.plane.api().get(&sealed_path(namespace, name)).ok()?;
                let status = &object["status"];
                let current = status["observedGeneration"] == object["metadata"]["generation"];
                (current && status["conditions"][0]["status"].is_string()).then_some(())
            })?;
        }
        Ok(())
    }

    /// Everything. Upstream's controller runs with `--skip-recreate`, so that deleted Secrets stay away.
    pub(crate) fn all(mut self) -> anyhow::Result<Vec<(String, String)>> {
        self.ordinary()?;
        self.failing()?;
        let edited = self.make("edited", 14, &[], dressed)?;
        let deleted = self.make("deleted", 4, &[], |_| {})?;
        let respecified = self.make("respecified", 2, &[], |_| {})?;
        let frozen = self.make("frozen", 2, &[], |sealed| {
            template(sealed, json!({"immutable": true}))
        })?;
        let late = self.late()?;
        let ending = self.make("ending", 2, &[], |sealed| {
            sealed["metadata"]["finalizers"] = json!(["example.invalid/wait"]);
        })?;
        self.settle()?;
        self.by_hand(&edited)?;
        for (namespace, name) in &deleted {
            self.plane.api().delete(&secret_path(namespace, name))?;
        }
        let broken = json!({"spec": {"encryptedData": {"password": foreign(self.certificate)?}}});
        for place in &respecified {
            self.edit_sealed(place, &broken)?;
        }
        for place in &frozen {
            self.edit_sealed(
                place,
                &json!({"spec": {"encryptedData": {"password": null}}}),
            )?;
        }
        // Upstream does not look at annotations that come later.
        let wide = format!("{PREFIX}/namespace-wide");
        for place in &late {
            self.edit_sealed(
                place,
                &json!({"metadata": {"annotations": {wide.clone(): "true"}}}),
            )?;
        }
        self.settle()?;
        for (namespace, name) in &ending {
            self.plane.api().delete(&sealed_path(namespace, name))?;
        }
        Ok(self.made)
    }

    fn ordinary(&mut self) -> anyhow::Result<()> {
        self.make("strict", 14, &[], |_| {})?;
        self.make("namespace-wide", 5, &["--scope", "namespace-wide"], |_| {})?;
        self.make("cluster-wide", 5, &["--scope", "cluster-wide"], |_| {})?;
        self.make("dressed", 4, &[], dressed)?;
        self.make("plain-template", 3, &[], |sealed| {
            template(sealed, json!({"data": {"plain": "text"}}));
        })?;
        self.make("template", 5, &[], |sealed| {
            template(
                sealed,
                json!({"data": {"url": "db://{{ .user }}:{{ .password }}@host"}}),
            );
        })?;
        self.make("bad-template", 2, &[], |sealed| {
            template(sealed, json!({"data": {"url": "{{ .user | nothing }}"}}));
        })?;
        self.make("typed", 2, &[], |sealed| {
            template(sealed, json!({"type": "example.invalid/own"}))
        })?;
        self.make("basic-auth", 2, &[], |sealed| {
            template(
                sealed,
                json!({"type": "kubernetes.io/basic-auth", "data": {"username": "u"}}),
            );
        })?;
        self.make("immutable", 3, &[], |sealed| {
            template(sealed, json!({"immutable": true}))
        })?;
        let certificate = Certificate::parse_pem(self.certificate.as_bytes())?;
        self.make("v1", 4, &[], |sealed| v1(sealed, &certificate))?;
        self.make("skip-owner", 3, &[], |sealed| {
            let skip = format!("{PREFIX}/skip-set-owner-references");
            template(sealed, json!({"metadata": {"annotations": {skip: "true"}}}));
        })?;
        let (managed, patch) = (format!("{PREFIX}/managed"), format!("{PREFIX}/patch"));
        self.before("managed", 4, &json!({managed.clone(): "true"}))?;
        self.before("patch", 4, &json!({patch.clone(): "true"}))?;
        self.before("patch-managed", 2, &json!({patch: "true", managed: "true"}))
    }

    fn failing(&mut self) -> anyhow::Result<()> {
        let foreign = foreign(self.certificate)?;
        self.make("no-key", 3, &[], |sealed| {
            sealed["spec"]["encryptedData"]["password"] = foreign.clone().into();
        })?;
        self.make("bad-base64", 2, &[], |sealed| {
            sealed["spec"]["encryptedData"]["password"] = "no base64!".into();
        })?;
        self.make("cut-short", 2, &[], |sealed| {
            sealed["spec"]["encryptedData"]["password"] = "AgBhYmM=".into();
        })?;
        self.make("wrong-scope", 2, &["--scope", "cluster-wide"], |sealed| {
            sealed["metadata"]["annotations"] = json!({});
        })?;
        self.make("bad-item-name", 1, &[], |sealed| {
            let value = sealed["spec"]["encryptedData"]["user"].clone();
            sealed["spec"]["encryptedData"]["no/name"] = value;
        })?;
        self.make("sealing-key", 2, &[], |sealed| {
            let label = format!("{PREFIX}/sealed-secrets-key");
            template(sealed, json!({"metadata": {"labels": {label: "active"}}}));
        })?;
        self.make("helm", 2, &[], |sealed| {
            template(sealed, json!({"type": "helm.sh/release.v1"}))
        })?;
        self.make("half-tls", 2, &[], |sealed| {
            template(sealed, json!({"type": "kubernetes.io/tls"}))
        })?;
        self.make("bad-label", 1, &[], |sealed| {
            template(
                sealed,
                json!({"metadata": {"labels": {"tier": "no label"}}}),
            );
        })?;
        self.before("theirs", 4, &json!({"note": "somebody else's"}))
    }

    /// Sealed for a scope that the object does not say yet.
    fn late(&mut self) -> anyhow::Result<Vec<(String, String)>> {
        self.make("late-scope", 2, &["--scope", "namespace-wide"], |sealed| {
            sealed["metadata"]["annotations"] = json!({});
        })
    }

    /// What people do to Secrets, two of each.
    fn by_hand(&self, places: &[(String, String)]) -> anyhow::Result<()> {
        let edits = [
            json!({"data": {"password": "ZWRpdGVk"}}),
            json!({"data": {"user": null}}),
            json!({"data": {"extra": "bmV3"}}),
            json!({"metadata": {"labels": {"app": null}}}),
            json!({"metadata": {"annotations": {"note": "another"}, "labels": {"foreign": "stays"}}}),
            json!({"metadata": {"annotations": {"foreign": "stays"}}}),
        ];
        // The last of seven gets another owner, which lives: garbage collection must not take part.
        for (number, place) in places.iter().enumerate() {
            match edits.get(number % (edits.len() + 1)) {
                Some(edit) => self.edit(place, edit)?,
                None => self.give_away(place)?,
            }
        }
        Ok(())
    }

    fn give_away(&self, place: &(String, String)) -> anyhow::Result<()> {
        let (namespace, name) = place;
        let path = format!("/api/v1/namespaces/{namespace}/configmaps");
        let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
        let owner = self.plane.api().post(&path, &owner)?;
        let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": owner["metadata"]["uid"]}]);
        self.edit(place, &json!({"metadata": {"ownerReferences": owner}}))
    }
}

/// What is applied while no controller runs: two objects that change, two that find a Secret which they may have.
/// Returns the places of the new ones.
pub(crate) fn meanwhile(
    plane: &ControlPlane,
    certificate: &str,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut maker = Maker::new(plane, certificate)?;
    maker.before("awaited", 2, &json!({format!("{PREFIX}/managed"): "true"}))?;
    let label = json!({"spec": {"template": {"metadata": {"labels": {"changed": "yes"}}}}});
    for (number, namespace) in NAMESPACES.into_iter().enumerate().take(2) {
        maker.edit_sealed(&(namespace.to_owned(), format!("strict-{number}")), &label)?;
    }
    Ok(maker.made)
}

fn dressed(sealed: &mut Value) {
    let metadata = json!({"labels": {"app": "db"}, "annotations": {"note": "of the Secret"}});
    template(sealed, json!({"metadata": metadata}));
}

/// Merges fields into the template.
fn template(sealed: &mut Value, fields: Value) {
    merge(&mut sealed["spec"]["template"], fields);
}

/// A value that was sealed for somebody else.
fn foreign(certificate: &str) -> anyhow::Result<String> {
    let sealed = seal(
        certificate,
        &secret("elsewhere", "db", &[("p", "of somebody else")]),
        &[],
    )?;
    let text = sealed["spec"]["encryptedData"]["p"].as_str();
    text.map(str::to_owned).context("a ciphertext")
}

/// The deprecated form: the whole Secret as one blob.
fn v1(sealed: &mut Value, certificate: &Certificate) {
    let text = |field: &str| {
        sealed["metadata"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let (namespace, name) = (text("namespace"), text("name"));
    let clear = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": {"old": "form"}},
        "data": {"password": "cHctaW4tY2xlYXI="},
    });
    let target = SealTarget::strict(&namespace, &name).expect("a namespace and a name");
    let plaintext = Plaintext::new(clear.to_string().into_bytes());
    let blob = signet_common::seal(
        &mut rand::rng(),
        certificate.key(),
        &target,
        "data",
        &plaintext,
    );
    sealed["spec"]["data"] = blob.expect("a blob").to_base64().into();
    sealed["spec"]["encryptedData"] = json!({});
}
