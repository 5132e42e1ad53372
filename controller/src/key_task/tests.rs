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
