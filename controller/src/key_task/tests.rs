//! What an API server that answers with errors does to the keys.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use signet_common::{KeyOrder, KeySize};

use super::*;
use crate::api::Cluster;
use crate::keys::read_key;
use crate::keys::tests::secret_of;

const NOW: i64 = 1_700_000_000;
const LEGACY: &str = "/api/v1/namespaces/ns/secrets/key";
const SECRETS: &str = "/api/v1/namespaces/ns/secrets";

/// What is stored, which codes answer the next requests by method and path, and what was asked.
#[derive(Default)]
struct Server {
    secrets: Vec<Value>,
    faults: VecDeque<(Method, String, u16)>,
    asked: Vec<String>,
    written: Vec<Value>,
}

type Shared = Arc<Mutex<Server>>;

fn named(name: &str) -> impl Fn(&&Value) -> bool {
    move |secret| secret["metadata"]["name"] == name
}

fn lock(server: &Shared) -> std::sync::MutexGuard<'_, Server> {
    server.lock().unwrap_or_else(PoisonError::into_inner)
}

fn status(code: u16) -> (u16, Value) {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "AlreadyExists",
        _ => "InternalError",
    };
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "", "reason": reason, "code": code});
    (code, body)
}

impl Server {
    fn answer(&mut self, method: &Method, path: &str, query: &str, sent: &[u8]) -> (u16, Value) {
        self.asked.push(format!("{method} {path}"));
        let is_next = |fault: &(Method, String, u16)| fault.0 == *method && fault.1 == path;
        if self.faults.front().is_some_and(is_next)
            && let Some((_, _, code)) = self.faults.pop_front()
        {
            return status(code);
        }
        match (method.as_str(), path) {
            ("GET", SECRETS) => {
                let field = query.split("metadata.name%3D").nth(1);
                let items: Vec<_> = match field {
                    Some(name) => self.secrets.iter().filter(named(name)).cloned().collect(),
                    None => {
                        let labelled = |s: &&Value| s["metadata"]["labels"].is_object();
                        self.secrets.iter().filter(labelled).cloned().collect()
                    }
                };
                (
                    200,
                    json!({"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": items}),
                )
            }
            ("GET", _) => {
                let name = path.rsplit('/').next().unwrap_or_default();
                let found = self.secrets.iter().find(named(name));
                found.map_or_else(|| status(404), |secret| (200, secret.clone()))
            }
            _ => {
                let mut object: Value = serde_json::from_slice(sent).expect("JSON");
                self.written.push(object.clone());
                if path == SECRETS {
                    let name = object["metadata"]["name"]
                        .as_str()
                        .expect("a name")
                        .to_owned();
                    if self.secrets.iter().any(|secret| named(&name)(&secret)) {
                        return status(409);
                    }
                    object["metadata"]["uid"] = format!("uid-of-{name}").into();
                    object["metadata"]["resourceVersion"] = "7".into();
                    self.secrets.push(object.clone());
                }
                (201, object)
            }
        }
    }
}

fn client(server: &Shared) -> Client {
    let server = Arc::clone(server);
    let service = tower::service_fn(move |request: Request<Body>| {
        let server = Arc::clone(&server);
        async move {
            let (parts, body) = request.into_parts();
            let sent = body.collect_bytes().await.expect("a body");
            let query = parts.uri.query().unwrap_or_default();
            let (code, body) = lock(&server).answer(&parts.method, parts.uri.path(), query, &sent);
            let response = Response::builder().status(code);
            let body = Body::from(body.to_string().into_bytes());
            Ok::<_, Infallible>(response.body(body).expect("a response"))
        }
    });
    Client::new(service, "ns")
}

/// A key Secret as the API server shows it. Without a label it is the legacy key.
fn stored(name: &str, second: i64, version: u32) -> Value {
    let mut secret = serde_json::to_value(secret_of(name, second)).expect("JSON");
    secret["metadata"]["namespace"] = "ns".into();
    secret["metadata"]["uid"] = format!("uid-of-{name}").into();
    secret["metadata"]["resourceVersion"] = version.to_string().into();
    if name == "key" {
        secret["metadata"]["labels"] = Value::Null;
    }
    secret
}

fn id_of(secret: &Value) -> KeyId {
    let secret: Secret = serde_json::from_value(secret.clone()).expect("a Secret");
    read_key(&secret, KeyOrder::CertNotBefore)
        .expect("a key")
        .key_id()
}

fn settings() -> KeySettings {
    KeySettings {
        prefix: "key".to_owned(),
        size: KeySize::Rsa2048,
        valid_for: Duration::from_secs(3600),
        common_name: String::new(),
        order: KeyOrder::CertNotBefore,
        labels: Default::default(),
        annotations: Default::default(),
    }
}

const NO_RENEWAL: RenewalPolicy = RenewalPolicy {
    period: Duration::ZERO,
    cutoff: None,
};

fn state(server: &Shared) -> Arc<State> {
    let policy = State::without_cluster().policy;
    Arc::new(State::new(
        Cluster::new(client(server), None),
        policy,
        true,
        1,
    ))
}

/// A task that has begun with these Secrets.
async fn begun(secrets: Vec<Value>, leads: bool) -> (KeyTask, Shared) {
    let server = Shared::default();
    lock(&server).secrets = secrets;
    let state = state(&server);
    if leads {
        state.lead_alone();
    }
    let task = KeyTask::start(state, settings(), NO_RENEWAL).await;
    (task.expect("it begins"), server)
}

fn keys(task: &KeyTask) -> Vec<KeyId> {
    let keys = task.state.keys().expect("keys");
    keys.ring.entries().iter().map(KeyEntry::key_id).collect()
}

fn fail(server: &Shared, method: Method, path: &str, code: u16) {
    let fault = (method, path.to_owned(), code);
    lock(server).faults.push_back(fault);
}

#[tokio::test]
async fn the_legacy_key_goes_only_when_it_is_known_to_be_gone() {
    let (legacy, other) = (stored("key", NOW, 1), stored("other", NOW + 60, 1));
    let both = [id_of(&other), id_of(&legacy)];
    let (mut task, server) = begun(vec![legacy, other], true).await;
    assert_eq!(keys(&task), both);
    for code in [500, 403, 429] {
        fail(&server, Method::GET, LEGACY, code);
        task.on_legacy().await;
        assert_eq!(keys(&task), both, "{code}");
        assert_eq!(task.rest() == AGAIN, code != 403, "{code}");
        // It is read again by itself.
        task.on_time().await;
        assert_ne!(task.rest(), AGAIN);
    }
    // Nor does a take-over that fails take it away.
    fail(&server, Method::GET, LEGACY, 500);
    task.take_over().await;
    assert_eq!(keys(&task), both);
    lock(&server).secrets.remove(0);
    task.on_legacy().await;
    assert_eq!(keys(&task), both[..1]);
}

#[tokio::test]
async fn the_start_takes_no_answer_for_no_legacy_key() {
    let server = Shared::default();
    lock(&server).secrets = vec![stored("key", NOW, 1)];
    fail(&server, Method::GET, LEGACY, 500);
    let state = state(&server);
    state.lead_alone();
    let task = KeyTask::start(state, settings(), NO_RENEWAL).await;
    assert!(task.is_err(), "it made a key of its own");
    assert_eq!(lock(&server).written, Vec::<Value>::new());
}

#[tokio::test]
async fn a_take_over_that_failed_is_tried_again_from_storage() {
    let (mut task, server) = begun(vec![stored("one", NOW, 1)], false).await;
    let newer = stored("newer", NOW + 60, 1);
    lock(&server).secrets.push(newer.clone());
    task.state.lead_alone();
    fail(&server, Method::GET, SECRETS, 500);
    task.take_over().await;
    assert_eq!((task.rest(), keys(&task).len()), (AGAIN, 1));
    task.on_time().await;
    assert_eq!(keys(&task)[0], id_of(&newer));
    assert_ne!(task.rest(), AGAIN);
}

/// The events that were written: reason and note.
fn events(server: &Shared) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let written = &lock(server).written;
    let events = written.iter().filter(|object| object["kind"] == "Event");
    events
        .map(|event| (text(&event["reason"]), text(&event["message"])))
        .collect()
}

#[tokio::test]
async fn a_replaced_key_is_told_by_the_leader_and_goes_on_decrypting() {
    // The old pair is older, then newer than the new one.
    for (first, second) in [(NOW, NOW + 60), (NOW + 60, NOW)] {
        let old = stored("one", first, 1);
        let (mut task, server) = begun(vec![old.clone()], true).await;
        let probe = |task: &KeyTask| {
            let keys = task.state.keys().expect("keys");
            keys.memory.mac().tag([&b"probe"[..]])
        };
        let before = probe(&task);
        let new = stored("one", second, 2);
        let seen = serde_json::from_value(new.clone()).expect("a Secret");
        task.on_event(Event::Apply(seen), &mut Vec::new()).await;
        let ring = Arc::clone(&task.state.keys().expect("keys").ring);
        let now = Timestamp::from_second(NOW + 1000).expect("a time");
        assert_eq!(ring.current(now).map(KeyEntry::key_id), Some(id_of(&new)));
        assert!(keys(&task).contains(&id_of(&old)));
        assert_eq!(probe(&task), before);
        let told = events(&server);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0, "SealingKeyReplaced");
        for id in [id_of(&old), id_of(&new)] {
            assert!(told[0].1.contains(&id.to_string()), "{}", told[0].1);
        }
        assert!(told[0].1.contains("0 SealedSecrets"), "{}", told[0].1);
        // A process that starts later has what is stored.
        let (later, _) = begun(vec![new.clone()], true).await;
        assert_eq!(keys(&later), [id_of(&new)]);
    }
}

const ROOT_NAME: &str = "signet-root";

/// As upstream makes it.
fn without_ids(mut secret: Value) -> Value {
    secret["metadata"]["labels"] =
        json!({"sealedsecrets.bitnami.com/sealed-secrets-key": "active"});
    secret["metadata"]["annotations"] = Value::Null;
    secret
}

fn probe(task: &KeyTask) -> signet_common::Tag {
    let keys = task.state.keys().expect("keys");
    keys.tags.mac().tag([&b"probe"[..]])
}

fn stored_root(server: &Shared) -> Option<Value> {
    let secrets = &lock(server).secrets;
    let mut roots = secrets.iter().filter(named(ROOT_NAME));
    roots.next().cloned()
}

#[tokio::test]
async fn the_root_is_written_before_the_first_key_and_outlives_it() {
    let (task, server) = begun(Vec::new(), true).await;
    let kinds: Vec<_> = lock(&server)
        .written
        .iter()
        .map(|object| object["type"].clone())
        .collect();
    assert_eq!(kinds, ["signet.internal/root", "kubernetes.io/tls"]);
    let first = lock(&server).secrets[1].clone();
    let name = first["metadata"]["name"]
        .as_str()
        .expect("a name")
        .to_owned();
    assert!(
        name.starts_with("key-") && name.ends_with("-1") && !name.contains("first"),
        "{name}"
    );
    // A replica that follows makes the same tags, also when that key is gone.
    let root = stored_root(&server).expect("a root");
    let (follower, _) = begun(vec![root.clone(), first], false).await;
    assert_eq!(probe(&follower), probe(&task));
    let (other, _) = begun(vec![root, stored("other", NOW, 1)], false).await;
    assert_eq!(probe(&other), probe(&task));
}

#[tokio::test]
async fn an_installation_that_has_keys_keeps_its_tags() {
    let (old, new) = (stored("one", NOW, 1), stored("two", NOW + 60, 1));
    let (before, _) = begun(vec![old.clone(), new.clone()], false).await;
    let (leader, server) = begun(vec![old, new.clone()], true).await;
    assert_eq!(probe(&leader), probe(&before));
    let root = stored_root(&server).expect("a root");
    assert_eq!(
        root["metadata"]["annotations"]["signet.internal/derived-from"]
            .as_str()
            .map(str::len),
        Some(64)
    );
    // The oldest key goes; no tag is void.
    let (later, _) = begun(vec![root, new], true).await;
    assert_eq!(probe(&later), probe(&before));
}

#[tokio::test]
async fn a_root_that_is_deleted_is_written_again_with_the_same_bytes() {
    let (mut task, server) = begun(vec![stored("one", NOW, 1)], true).await;
    let before = stored_root(&server).expect("a root");
    lock(&server)
        .secrets
        .retain(|secret| secret["metadata"]["name"] != ROOT_NAME);
    task.on_legacy().await;
    assert_eq!(
        stored_root(&server).expect("a root")["data"],
        before["data"]
    );
}

#[tokio::test]
async fn without_rights_the_root_and_the_labels_are_done_without() {
    let server = Shared::default();
    let plain = without_ids(stored("one", NOW, 1));
    lock(&server).secrets = vec![plain.clone()];
    fail(&server, Method::PUT, &format!("{SECRETS}/one"), 403);
    fail(&server, Method::POST, SECRETS, 403);
    let state = state(&server);
    state.lead_alone();
    let mut task = KeyTask::start(state, settings(), NO_RENEWAL)
        .await
        .expect("it begins");
    assert_eq!(keys(&task).len(), 1);
    assert!(stored_root(&server).is_none());
    // It does not ask again for what it may not do.
    let mut changed = plain;
    changed["metadata"]["resourceVersion"] = "2".into();
    let seen = serde_json::from_value(changed).expect("a Secret");
    task.on_event(Event::Apply(seen), &mut Vec::new()).await;
    let puts = lock(&server)
        .asked
        .iter()
        .filter(|asked| asked.starts_with("PUT"))
        .count();
    assert_eq!(puts, 1);
}

#[tokio::test]
async fn a_key_that_others_made_gets_its_id_and_nobody_is_fought_over_it() {
    let mut plain = without_ids(stored("one", NOW, 1));
    let id = id_of(&plain).to_string();
    let (mut task, server) = begun(vec![plain.clone()], true).await;
    for version in 2..9 {
        plain["metadata"]["resourceVersion"] = version.to_string().into();
        let seen = serde_json::from_value(plain.clone()).expect("a Secret");
        task.on_event(Event::Apply(seen), &mut Vec::new()).await;
    }
    let server = lock(&server);
    let put: Vec<_> = server
        .written
        .iter()
        .filter(|secret| named("one")(secret))
        .collect();
    assert_eq!(put.len(), usize::from(CORRECTIONS));
    assert_eq!(put[0]["metadata"]["labels"]["signet.internal/key-id"], id);
    assert_eq!(put[0]["metadata"]["uid"], "uid-of-one");
    assert_eq!(put[0]["metadata"]["resourceVersion"], "1");
}
