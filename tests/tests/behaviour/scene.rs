//! Where a behaviour test plays: a plane, a controller, a namespace of its own.
//!
//! Most tests share one controller. A test that counts what the controller does, restarts it or gives it other flags
//! takes the [`Solo`] plane, which one test at a time has to itself.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use serde_json::Value;
use signet_harness::upstream::SERVICE;
use signet_harness::{ControlPlane, Marker, Options, Record, eventually};
use signet_tests::signet::{
    self, CAP, SignetController, await_reason, clear_items, condition, merge, seal, sealed_path,
    secret_path,
};
use signet_tests::{fresh_namespace, shared, start};

pub(crate) const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";
pub(crate) const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";
pub(crate) const MANAGED: &str = "sealedsecrets.bitnami.com/managed";
pub(crate) const PATCH: &str = "sealedsecrets.bitnami.com/patch";
pub(crate) const SKIP_OWNER: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";

/// A plane, the certificate of the controller that works on it, and a namespace that is nobody else's.
pub(crate) struct Scene {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) certificate: String,
    pub(crate) namespace: String,
}

/// A scene on the shared plane, where one controller serves many tests at once.
pub(crate) fn scene(stem: &str) -> anyhow::Result<Scene> {
    static CONTROLLER: OnceLock<Result<SignetController, String>> = OnceLock::new();
    let plane = shared()?;
    let controller = CONTROLLER
        .get_or_init(|| {
            SignetController::start(plane, "kube-system", &[]).map_err(|error| format!("{error:#}"))
        })
        .as_ref()
        .map_err(|error| anyhow!("the shared controller did not start: {error}"))?;
    Ok(Scene {
        plane,
        certificate: controller.certificate()?,
        namespace: fresh_namespace(plane, stem)?,
    })
}

impl Scene {
    /// A Secret sealed offline. `flags` are kubeseal's.
    pub(crate) fn sealed(
        &self,
        name: &str,
        items: &[(&str, &str)],
        flags: &[&str],
    ) -> anyhow::Result<Value> {
        seal(
            &self.certificate,
            &signet::secret(&self.namespace, name, items),
            flags,
        )
    }

    /// A Secret sealed offline whose template has other fields merged in.
    pub(crate) fn sealed_as(
        &self,
        name: &str,
        items: &[(&str, &str)],
        template: Value,
    ) -> anyhow::Result<Value> {
        let mut sealed = self.sealed(name, items, &[])?;
        merge(&mut sealed["spec"]["template"], template);
        Ok(sealed)
    }

    pub(crate) fn apply(&self, sealed: &Value) -> anyhow::Result<Value> {
        signet::apply(self.plane, sealed)
    }

    /// Seals, applies and awaits success. Returns the SealedSecret.
    pub(crate) fn make(&self, name: &str, items: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.apply(&self.sealed(name, items, &[])?)?;
        self.reason(name, "Unsealed")
    }

    /// Awaits a reason. Returns the SealedSecret.
    pub(crate) fn reason(&self, name: &str, reason: &str) -> anyhow::Result<Value> {
        await_reason(self.plane, &self.namespace, name, reason)
    }

    /// Awaits a reason and a message that contains `part`. Returns the SealedSecret.
    pub(crate) fn says(&self, name: &str, reason: &str, part: &str) -> anyhow::Result<Value> {
        let mut last = String::new();
        eventually(&format!("{name} is {reason}: {part}"), CAP, || {
            let object = self.find_sealed(name).ok()??;
            last = object["status"].to_string();
            let current =
                object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let synced = condition(&object, "Synced")?;
            let fits = synced["reason"] == reason && synced["message"].as_str()?.contains(part);
            (current && fits).then_some(object)
        })
        .with_context(|| format!("the last status was {last}"))
    }

    pub(crate) fn sealed_path(&self, name: &str) -> String {
        sealed_path(&self.namespace, name)
    }

    pub(crate) fn secret_path(&self, name: &str) -> String {
        secret_path(&self.namespace, name)
    }

    pub(crate) fn find_sealed(&self, name: &str) -> anyhow::Result<Option<Value>> {
        self.plane.api().find(&self.sealed_path(name))
    }

    pub(crate) fn find_secret(&self, name: &str) -> anyhow::Result<Option<Value>> {
        self.plane.api().find(&self.secret_path(name))
    }

    pub(crate) fn secret(&self, name: &str) -> anyhow::Result<Value> {
        self.plane.api().get(&self.secret_path(name))
    }

    /// Creates a Secret by hand, with this metadata besides name and namespace.
    pub(crate) fn create_secret(
        &self,
        name: &str,
        items: &[(&str, &str)],
        metadata: Value,
    ) -> anyhow::Result<Value> {
        let mut secret = signet::secret(&self.namespace, name, items);
        merge(&mut secret["metadata"], metadata);
        let path = format!("/api/v1/namespaces/{}/secrets", self.namespace);
        self.plane.api().post(&path, &secret)
    }

    /// Changes a Secret by hand.
    pub(crate) fn edit_secret(&self, name: &str, patch: &Value) -> anyhow::Result<Value> {
        self.plane.api().merge_patch(&self.secret_path(name), patch)
    }

    /// Changes a SealedSecret by hand.
    pub(crate) fn edit_sealed(&self, name: &str, patch: &Value) -> anyhow::Result<Value> {
        self.plane.api().merge_patch(&self.sealed_path(name), patch)
    }

    pub(crate) fn delete_secret(&self, name: &str) -> anyhow::Result<()> {
        self.plane.api().delete(&self.secret_path(name)).map(drop)
    }

    pub(crate) fn delete_sealed(&self, name: &str) -> anyhow::Result<()> {
        self.plane.api().delete(&self.sealed_path(name)).map(drop)
    }

    /// Awaits a Secret of which this is true.
    pub(crate) fn await_secret(
        &self,
        what: &str,
        name: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let mut last = Value::Null;
        eventually(what, CAP, || {
            last = self.find_secret(name).ok()??;
            fits(&last).then(|| last.clone())
        })
        .with_context(|| format!("the Secret was {last:#}"))
    }

    /// Awaits a Secret whose items are exactly these.
    pub(crate) fn await_items(&self, name: &str, items: &[(&str, &str)]) -> anyhow::Result<Value> {
        signet::await_items(self.plane, &self.namespace, name, items)
    }

    /// Shows that nothing made a Secret at once: as upstream's specs do, it is looked at for 100 ms.
    pub(crate) fn stays_absent_at_first(&self, name: &str) -> anyhow::Result<()> {
        let early = eventually("no Secret", Duration::from_millis(100), || {
            self.find_secret(name).ok()?
        });
        ensure!(
            early.is_err(),
            "the Secret {name} was there at once: {early:?}"
        );
        Ok(())
    }

    /// Shows that the controller has taken in every SealedSecret and Secret up to now: an object made now was opened,
    /// and its Secret, deleted by hand, was made again.
    pub(crate) fn sentinel(&self) -> anyhow::Result<()> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("sentinel-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.make(&name, &[("k", "v")])?;
        let first = self.secret(&name)?;
        self.delete_secret(&name)?;
        self.await_secret("the sentinel again", &name, |secret| {
            secret["metadata"]["uid"] != first["metadata"]["uid"]
        })
        .map(drop)
    }

    /// Reason and message of every event about an object, oldest first.
    pub(crate) fn events(&self, object: &Value) -> anyhow::Result<Vec<(String, String)>> {
        let uid = text(object, "/metadata/uid");
        let events = signet::events(self.plane, &self.namespace, &uid)?;
        Ok(events
            .iter()
            .map(|event| (text(event, "/reason"), text(event, "/message")))
            .collect())
    }

    /// Awaits an event about an object. Returns its message.
    pub(crate) fn await_event(&self, object: &Value, reason: &str) -> anyhow::Result<String> {
        eventually(&format!("an event {reason}"), CAP, || {
            let events = self.events(object).ok()?;
            events
                .into_iter()
                .find_map(|(found, message)| (found == reason).then_some(message))
        })
    }
}

/// A scene whose plane has no other test on it now.
pub(crate) struct Solo {
    scene: Scene,
    pub(crate) controller: SignetController,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Solo {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

impl Solo {
    /// Waits for its turn, removes what earlier tests left, and starts a controller with keys of its own.
    pub(crate) fn start(stem: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        static PLANE: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let plane = PLANE
            .get_or_init(|| start(Options::default()).map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|error| anyhow!("the solo plane did not start: {error}"))?;
        remove_sealed_secrets(plane)?;
        let keys = fresh_namespace(plane, &format!("{stem}-keys"))?;
        let controller = SignetController::start(plane, &keys, arguments)?;
        let scene = Scene {
            plane,
            certificate: controller.certificate()?,
            namespace: fresh_namespace(plane, stem)?,
        };
        Ok(Self {
            scene,
            controller,
            _turn: turn,
        })
    }

    /// Ends the controller; what follows happens while it is down.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        let status = self.controller.process.terminate(CAP)?;
        ensure!(
            status.success(),
            "{status}\n{}",
            self.controller.process.log_tail()
        );
        Ok(())
    }

    /// Starts the controller that was stopped.
    pub(crate) fn begin_again(&mut self, arguments: &[&str]) -> anyhow::Result<()> {
        let namespace = self.controller.namespace.clone();
        self.controller = SignetController::start_process(self.plane, &namespace, arguments)?;
        Ok(())
    }

    /// The certificate that is handed out now is used from now on.
    pub(crate) fn take_certificate(&mut self) -> anyhow::Result<()> {
        self.scene.certificate = self.controller.certificate()?;
        Ok(())
    }

    /// What the controller asked for since `marker`.
    pub(crate) fn requests(&self, marker: Marker) -> anyhow::Result<Vec<Record>> {
        let mut records = self.plane.audit().since(marker)?;
        records.retain(|r| r.is_by_service_account(&self.controller.namespace, SERVICE));
        Ok(records)
    }

    /// What the controller asked for since `marker` about the SealedSecret or Secret of this name: verb and resource.
    pub(crate) fn requests_about(&self, marker: Marker, name: &str) -> anyhow::Result<Vec<String>> {
        let records = self.requests(marker)?;
        let about = records
            .iter()
            .filter(|r| r.namespace == self.namespace && r.name == name && r.resource != "events");
        Ok(about.map(shown).collect())
    }
}

/// Verb, resource and subresource.
pub(crate) fn shown(record: &Record) -> String {
    let sub = if record.subresource.is_empty() {
        String::new()
    } else {
        format!("/{}", record.subresource)
    };
    format!("{} {}{sub}", record.verb, record.resource)
}

fn remove_sealed_secrets(plane: &ControlPlane) -> anyhow::Result<()> {
    // By kubectl: what some tests leave nests deeper than our JSON reader goes.
    let kubectl = plane.kubectl()?;
    kubectl.ok(&["delete", "sealedsecrets", "--all", "--all-namespaces"])?;
    Ok(())
}

/// The text at a JSON pointer, or empty.
pub(crate) fn text(object: &Value, pointer: &str) -> String {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// `Type=Status` of every condition, in order.
pub(crate) fn verdicts(object: &Value) -> Vec<String> {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .map(|c| format!("{}={}", text(c, "/type"), text(c, "/status")))
        .collect()
}

/// The message of `Synced`.
pub(crate) fn message(object: &Value) -> String {
    condition(object, "Synced")
        .map(|c| text(c, "/message"))
        .unwrap_or_default()
}

pub(crate) fn version(object: &Value) -> String {
    text(object, "/metadata/resourceVersion")
}

/// Whether a Secret's items are exactly these.
pub(crate) fn has_items(secret: &Value, items: &[(&str, &str)]) -> bool {
    clear_items(secret).is_ok_and(|found| {
        found
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .eq(items.iter().copied())
    })
}

/// The first owner of a Secret is this SealedSecret, as its controller, and there is no other.
pub(crate) fn is_owned_by(secret: &Value, sealed: &Value) -> bool {
    let owners = secret["metadata"]["ownerReferences"].as_array();
    owners.is_some_and(|owners| {
        owners.len() == 1
            && owners[0]["uid"] == sealed["metadata"]["uid"]
            && owners[0]["kind"] == "SealedSecret"
            && owners[0]["controller"] == true
    })
}
