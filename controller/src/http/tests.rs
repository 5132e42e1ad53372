//! The router, without a socket.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use signet_common::{Plaintext, Scope, SealTarget, seal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::*;
use crate::index::ObjectKey;

const MANY: NonZeroU32 = NonZeroU32::new(1000).expect("not zero");

fn settings(rate: NonZeroU32) -> HttpSettings {
    HttpSettings {
        rotate: Rotate::Any,
        rate,
        burst: rate,
        omit_secret_labels: false,
    }
}

fn state(with_key: bool) -> Arc<State> {
    let state = if with_key {
        State::with_key()
    } else {
        State::without_cluster()
    };
    Arc::new(state)
}

async fn send(
    router: &Router,
    method: &str,
    path: &str,
    body: Vec<u8>,
) -> (StatusCode, http::HeaderMap, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("X-Forwarded-For", "1.2.3.4");
    let request = request.body(Body::from(body)).expect("a request");
    let answer = router.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .expect("a body");
    (
        parts.status,
        parts.headers,
        String::from_utf8(bytes.to_vec()).expect("text"),
    )
}

#[tokio::test]
async fn the_certificate_is_handed_out_as_pem_and_only_if_there_is_one() {
    let router = Api::new(state(true), settings(MANY)).router();
    let (status, headers, body) = send(&router, "GET", "/v1/cert.pem", Vec::new()).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (
            StatusCode::OK,
            &"application/x-pem-file".parse().expect("a value")
        )
    );
    assert!(body.starts_with("-----BEGIN CERTIFICATE-----") && !body.contains("PRIVATE"));
    let router = Api::new(state(false), settings(MANY)).router();
    assert_eq!(
        send(&router, "GET", "/v1/cert.pem", Vec::new()).await.0,
        StatusCode::INTERNAL_SERVER_ERROR
    );
}

#[tokio::test]
async fn wrong_methods_unknown_paths_and_large_bodies_are_refused() {
    let router = Api::new(state(true), settings(MANY)).router();
    let table = [
        ("GET", "/v1/verify", 0, StatusCode::METHOD_NOT_ALLOWED),
        ("POST", "/v1/cert.pem", 0, StatusCode::METHOD_NOT_ALLOWED),
        ("GET", "/v1/nothing", 0, StatusCode::NOT_FOUND),
        ("GET", "/metrics", 0, StatusCode::NOT_FOUND),
        ("POST", "/v1/verify", 10, StatusCode::BAD_REQUEST),
        (
            "POST",
            "/v1/rotate",
            MAX_BODY + 1,
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ];
    for (method, path, length, expected) in table {
        assert_eq!(
            send(&router, method, path, vec![b'x'; length]).await.0,
            expected,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn verify_and_rotate_share_one_bucket_that_no_header_widens() {
    let router = Api::new(state(true), settings(NonZeroU32::MIN)).router();
    // One has its turn, eight wait for theirs, and the others are refused, or one more has a turn meanwhile.
    let mut asked = JoinSet::new();
    for number in 0..20 {
        let (router, path) = (router.clone(), ["/v1/verify", "/v1/rotate"][number % 2]);
        asked.spawn(async move { send(&router, "POST", path, unopenable("a")).await });
    }
    let mut judged = 0;
    for _ in 0..10 {
        let (status, headers, _) = asked
            .join_next()
            .await
            .expect("twenty were sent")
            .expect("no panic");
        if status == StatusCode::CONFLICT {
            judged += 1;
            continue;
        }
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        let seconds = headers["retry-after"].to_str().expect("text");
        assert!(seconds.parse::<u64>().expect("a number") > 1, "{seconds}");
    }
    assert!(judged < 10, "none was refused");
    // What cannot be opened, and what is free, waits for nobody.
    let unreadable = send(&router, "POST", "/v1/verify", b"{}".to_vec()).await;
    assert_eq!(unreadable.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        send(&router, "GET", "/v1/cert.pem", Vec::new()).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn rotate_turned_off_refuses_and_takes_nobodys_turn() {
    let one = NonZeroU32::MIN;
    let router = Api::new(
        state(true),
        HttpSettings {
            rotate: Rotate::Off,
            ..settings(one)
        },
    )
    .router();
    for _ in 0..3 {
        let (status, _, body) = send(&router, "POST", "/v1/rotate", b"x".to_vec()).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(body.contains("--rotate=off"), "{body}");
    }
    assert_eq!(
        send(&router, "POST", "/v1/verify", b"x".to_vec()).await.0,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn rotate_of_live_objects_says_when_the_cluster_cannot_be_asked() {
    let router = Api::new(
        state(true),
        HttpSettings {
            rotate: Rotate::Live,
            ..settings(MANY)
        },
    )
    .router();
    let answer = send(&router, "POST", "/v1/rotate", b"x".to_vec()).await;
    assert_eq!(answer.0, StatusCode::BAD_REQUEST);
    let table = [
        ("a", StatusCode::SERVICE_UNAVAILABLE),
        // No name of an object: nobody is asked, and there are no ciphertexts.
        ("..", StatusCode::FORBIDDEN),
        ("a?watch=1", StatusCode::FORBIDDEN),
        ("A", StatusCode::FORBIDDEN),
    ];
    for (name, expected) in table {
        assert_eq!(
            send(&router, "POST", "/v1/rotate", unopenable(name))
                .await
                .0,
            expected,
            "{name}"
        );
    }
}

/// A SealedSecret of this name that no key opens.
fn unopenable(name: &str) -> Vec<u8> {
    let body = serde_json::json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": {"name": name, "namespace": "b"}, "spec": {"encryptedData": {"a": "AgBh"}},
    });
    body.to_string().into_bytes()
}

/// A server on loopback with this router.
async fn serving(router: Router) -> std::net::SocketAddr {
    let address = "127.0.0.1:0".parse().expect("an address");
    let listener = server::listen(&address).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let timeouts = server::Timeouts::new(Duration::ZERO, Duration::ZERO);
    tokio::spawn(server::serve(listener, router, timeouts));
    address
}

/// The first bytes of the answer to what a client sends.
async fn head_of_answer(address: std::net::SocketAddr, said: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(said).await.expect("sent");
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.expect("an answer");
    String::from_utf8_lossy(&head).into_owned()
}

#[tokio::test]
async fn bodies_that_do_not_come_stop_nobody() {
    let address = serving(Api::new(state(true), settings(MANY)).router()).await;
    let head =
        |length| format!("POST /v1/verify HTTP/1.1\r\nHost: s\r\nContent-Length: {length}\r\n\r\n");
    let asks = format!("{}{{}}", head(2));
    // Nothing of them came, or all but the last byte: then the one that waits longest gives way.
    for sent in [0, MAX_BODY - 1] {
        let mut slow = Vec::new();
        for _ in 0..9 {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            let said = [head(MAX_BODY).into_bytes(), vec![b'x'; sent]].concat();
            stream.write_all(&said).await.expect("sent");
            slow.push(stream);
        }
        for _ in 0..5 {
            let answer = head_of_answer(address, asks.as_bytes()).await;
            assert_eq!(
                answer, "HTTP/1.1 400",
                "beside bodies of which {sent} bytes came"
            );
        }
    }
}

#[tokio::test]
async fn those_who_ask_for_metrics_at_once_share_one_page() {
    let state = state(true);
    for number in 0..3_000 {
        let object = serde_json::json!({
            "metadata": {"name": format!("name-{number}"), "namespace": "b", "uid": "1", "resourceVersion": "1"},
        });
        let object = serde_json::from_value(object).expect("an object");
        state.see_sealed(object, crate::queue::Lane::Fresh);
    }
    let router = Api::new(Arc::clone(&state), settings(MANY)).metrics_router();
    let asked = (0..60).map(|_| {
        let request = Request::get("/metrics").body(Body::empty());
        router.clone().oneshot(request.expect("a request"))
    });
    // All of them are answered before one takes its answer.
    let answers = futures::future::join_all(asked).await;
    let mut length = None;
    for answer in answers {
        let answer = answer.expect("infallible");
        assert_eq!(answer.status(), StatusCode::OK);
        let answered = answer.headers()["content-length"].clone();
        assert_eq!(*length.get_or_insert(answered.clone()), answered);
    }
}

/// Those who ask and go away would otherwise have as many judged at once as they like, and nobody would count it.
/// A SealedSecret with so many items that open here, as JSON.
fn openable(state: &State, items: usize) -> String {
    let keys = state.keys().expect("keys");
    let current = keys.ring.current(Timestamp::now()).expect("a key");
    let target = SealTarget::new(Scope::Strict, "b", "a").expect("a target");
    let value = Plaintext::new(b"value".to_vec());
    let public = current.certificate.key();
    let blob = seal(&mut rand::rng(), public, &target, "item", &value).expect("sealed");
    let items: serde_json::Map<_, _> = (0..items)
        .map(|number| (number.to_string(), blob.to_base64().into()))
        .collect();
    let body = serde_json::json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": {"name": "a", "namespace": "b"}, "spec": {"encryptedData": items},
    });
    body.to_string()
}

/// Private operations so far.
fn spent(state: &State) -> usize {
    let text = state.metrics.render(&[]);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("signet_private_operations_total "));
    line.expect("a metric").parse().expect("a number")
}

#[tokio::test]
async fn a_judgement_goes_on_to_its_end_when_its_client_goes_away() {
    const ITEMS: usize = 3 * 64 + 1;
    let state = state(true);
    let body = openable(&state, ITEMS);
    let api = Api::new(Arc::clone(&state), settings(MANY));
    let request = Request::post("/v1/verify").body(Body::from(body));
    let answer = api.router().oneshot(request.expect("a request"));
    let mut answer = tokio::spawn(answer);
    let reaches = async |wanted| {
        while spent(&state) < wanted {
            tokio::task::yield_now().await;
        }
    };
    reaches(1).await;
    answer.abort();
    assert!(
        (&mut answer).await.is_err_and(|error| error.is_cancelled()),
        "it was too fast"
    );
    let patience = Duration::from_secs(60);
    let all = tokio::time::timeout(patience, reaches(ITEMS)).await;
    assert!(all.is_ok(), "{} of {ITEMS}", spent(&state));
}

#[tokio::test]
async fn many_large_requests_of_one_peer_hold_up_no_small_one() {
    const ITEMS: usize = 10 * 64;
    let state = state(true);
    let (large, small) = (openable(&state, ITEMS), openable(&state, 1));
    let api = Api::new(Arc::clone(&state), settings(MANY));
    let ask = |address: &str, body: &str| {
        let mut request = Request::post("/v1/verify")
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let address = address.parse().expect("an address");
        request.extensions_mut().insert(turns::Peer::of(address));
        tokio::spawn(api.clone().router().oneshot(request))
    };
    let asked: Vec<_> = (0..7).map(|_| ask("10.0.0.1", &large)).collect();
    while spent(&state) == 0 {
        tokio::task::yield_now().await;
    }
    // Of the same peer, too: behind the service proxy all are one.
    for address in ["10.0.0.2", "10.0.0.1"] {
        let answer = ask(address, &small).await.expect("no panic");
        assert_eq!(answer.map(|answer| answer.status()), Ok(StatusCode::OK));
        assert!(spent(&state) < ITEMS, "it came after a large one");
    }
    for answer in asked {
        let answer = answer.await.expect("no panic");
        assert_eq!(answer.map(|answer| answer.status()), Ok(StatusCode::OK));
    }
    assert_eq!(spent(&state), 7 * ITEMS + 2);
}

#[tokio::test]
async fn ready_waits_for_keys_and_lists_and_healthy_does_not() {
    let state = state(true);
    let router = Api::new(Arc::clone(&state), settings(MANY)).metrics_router();
    assert_eq!(
        send(&router, "GET", "/readyz", Vec::new()).await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(send(&router, "GET", "/healthz", Vec::new()).await.2, "ok\n");
    state.set_ready();
    assert_eq!(
        send(&router, "GET", "/readyz", Vec::new()).await.0,
        StatusCode::OK
    );
}

/// The metrics are a public surface: a change of a name, type, label or help text is a change for somebody's dashboard.
#[tokio::test]
async fn the_metrics_are_these() {
    let state = state(true);
    state.metrics.set_keys("usable", 1);
    state
        .metrics
        .count_http("/v1/verify", "POST", 200, Duration::ZERO);
    state
        .metrics
        .count_reconcile(signet_crds::Reason::NoKey, "b");
    let object = serde_json::json!({"metadata": {"name": "a", "namespace": "b", "uid": "1", "resourceVersion": "1"}});
    let object = serde_json::from_value(object).expect("an object");
    state.see_sealed(object, crate::queue::Lane::Fresh);
    let router = Api::new(Arc::clone(&state), settings(MANY)).metrics_router();
    let (_, headers, text) = send(&router, "GET", "/metrics", Vec::new()).await;
    assert_eq!(
        headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let described: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(
        described.join("\n"),
        include_str!("metrics.snapshot").trim_end()
    );
}

#[tokio::test]
async fn paths_and_methods_that_clients_choose_make_no_series() {
    // As in CVE-2022-21698: each new label is memory that stays.
    let state = state(true);
    let router = Api::new(Arc::clone(&state), settings(MANY)).router();
    let metrics = Api::new(Arc::clone(&state), settings(MANY)).metrics_router();
    let series = async || {
        let (_, _, text) = send(&metrics, "GET", "/metrics", Vec::new()).await;
        assert!(!text.contains("chosen") && !text.contains("CHOSEN"));
        text.lines().count()
    };
    let ask = async |number: usize| {
        let (path, method) = (format!("/chosen-{number}"), format!("CHOSEN{number}"));
        for (method, path) in [
            ("GET", path.as_str()),
            (&method, "/v1/verify"),
            (&method, "/v1/cert.pem"),
            ("GET", &format!("/v1/cert.pem?{path}")),
        ] {
            send(&router, method, path, Vec::new()).await;
        }
    };
    ask(0).await;
    let before = series().await;
    for number in 1..50 {
        ask(number).await;
    }
    assert_eq!(series().await, before);
}

#[tokio::test]
async fn names_of_objects_can_be_left_out_of_the_metrics() {
    let state = state(true);
    let object = serde_json::json!({
        "metadata": {"name": "a", "namespace": "b", "uid": "1", "resourceVersion": "1", "labels": {"app.kubernetes.io/instance": "c"}},
        "status": {"conditions": [{"type": "Synced", "status": "False"}]},
    });
    let object = serde_json::from_value(object).expect("an object");
    state.see_sealed(object, crate::queue::Lane::Fresh);
    let series = "sealed_secrets_controller_condition_info{condition=\"Synced\",name=\"a\",namespace=\"b\",ss_app_kubernetes_io_instance=\"c\"} -1\n";
    for omit_secret_labels in [false, true] {
        let settings = HttpSettings {
            omit_secret_labels,
            ..settings(MANY)
        };
        let router = Api::new(Arc::clone(&state), settings).metrics_router();
        let text = send(&router, "GET", "/metrics", Vec::new()).await.2;
        assert_eq!(text.contains(series), !omit_secret_labels, "{text}");
        assert_eq!(text.contains("condition_info"), !omit_secret_labels);
    }
    let key = ObjectKey::of(
        &serde_json::from_value(serde_json::json!({"name": "a", "namespace": "b"}))
            .expect("metadata"),
    );
    state.index().forget_sealed(&key);
    let router = Api::new(Arc::clone(&state), settings(MANY)).metrics_router();
    let text = send(&router, "GET", "/metrics", Vec::new()).await.2;
    assert!(!text.contains("condition_info"), "{text}");
}
