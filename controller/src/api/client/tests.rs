use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::IntoResponse as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::StatusCode;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tower::service_fn;

use super::*;
use crate::api::{ApiFailure, Cluster};

/// A server that throttles the first request with this body and takes all others, and how many it got.
async fn throttling(body: &'static str) -> (Config, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let router = Router::new().fallback(async move || {
        if count.fetch_add(1, Ordering::SeqCst) > 0 {
            return (StatusCode::CREATED, "{}").into_response();
        }
        (StatusCode::TOO_MANY_REQUESTS, [("Retry-After", "1")], body).into_response()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("http://{address}").parse().expect("a URL");
    (Config::new(url), asked)
}

fn secret() -> Secret {
    Secret {
        metadata: ObjectMeta {
            namespace: Some("ns".to_owned()),
            name: Some("name".to_owned()),
            ..ObjectMeta::default()
        },
        ..Secret::default()
    }
}

#[tokio::test]
async fn a_write_that_is_throttled_is_not_sent_again_behind_a_fence_that_was_closed_meanwhile() {
    let (config, asked) = throttling("Too many requests, please try again later.").await;
    let cluster = Cluster::new(client(config).expect("a client"), None);
    cluster.fence().open();
    let secret = secret();
    let close = async {
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        cluster.fence().close();
    };
    let (result, ()) = tokio::join!(cluster.create_secret(&secret), close);
    let throttled = ApiFailure::Unavailable {
        shown: "429 TooManyRequests".to_owned(),
        retry_after: Some(Duration::from_secs(1)),
    };
    assert_eq!(result, Err(throttled));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "it was sent again");
}

#[tokio::test]
async fn what_an_error_says_is_kept_beside_when_to_come_again() {
    let (config, _) = throttling(r#"{"code":429,"reason":"Own","details":{"name":"x"}}"#).await;
    let cluster = Cluster::new(client(config).expect("a client"), None);
    cluster.fence().open();
    let failure = cluster.create_secret(&secret()).await.expect_err("refused");
    assert_eq!(
        failure.to_string(),
        "the API server cannot be used: 429 Own"
    );
    let [short, long] = [1, 700].map(Duration::from_millis);
    assert_eq!(failure.rest(short), Duration::from_secs(1));
    assert_eq!(failure.rest(20 * long), 20 * long, "ours is longer");
}

#[test]
fn a_server_cannot_put_off_an_attempt_for_ever() {
    let failure = ApiFailure::Unavailable {
        shown: String::new(),
        retry_after: Some(Duration::from_secs(1 << 31)),
    };
    assert_eq!(failure.rest(Duration::ZERO), Duration::from_secs(600));
}

/// A client of a server that answers with this.
fn asking<F>(answer: impl Fn() -> F + Send + 'static) -> Api<Secret>
where
    F: Future<Output = Body> + Send + 'static,
{
    let service = service_fn(move |_: Request<Asked>| {
        let body = answer();
        async { Ok::<_, BoxError>(Response::new(body.await)) }
    });
    let deadline = DEADLINE;
    Api::all(Client::new(Bounded { service, deadline }, "ns"))
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_is_ended() {
    let never = asking(std::future::pending);
    // Or it begins, and does not end.
    let begun = asking(|| async {
        let first = stream::once(async { Ok::<_, std::io::Error>("{") });
        Body::from_stream(first.chain(stream::pending()))
    });
    for api in [never, begun] {
        let all = ListParams::default();
        let list = tokio::time::timeout(2 * DEADLINE, api.list(&all)).await;
        let error = list.expect("it is ended").expect_err("no answer");
        let failure = ApiFailure::of(&error);
        assert_eq!(
            failure.to_string(),
            "the API server cannot be used: no answer in time"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_not_ended_while_it_says_nothing_new() {
    let event = r#"{"type":"ADDED","object":{"metadata":{"name":"late"}}}"#;
    let quiet = asking(move || async move {
        let late = async move {
            tokio::time::sleep(5 * DEADLINE).await;
            Ok::<_, std::io::Error>(format!("{event}\n"))
        };
        Body::from_stream(stream::once(late))
    });
    let events = quiet
        .watch(&WatchParams::default(), "1")
        .await
        .expect("a watch");
    let events: Vec<_> = events.try_collect().await.expect("no end");
    assert!(matches!(&events[..], [WatchEvent::Added(_)]), "{events:?}");
}
