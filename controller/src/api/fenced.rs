//! Nothing is written through a fence that is closed, whatever it is. A process that was frozen shows this only if a write
//! is faster than the task that notices, so it is shown here.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use http::{Request, Response};
use kube::client::Body;

use super::*;

/// Method and path of each request that was sent.
type Sent = Arc<Mutex<Vec<String>>>;

/// A cluster that notes what it is asked, and is in trouble.
fn cluster(queries_per_second: Option<(NonZeroU32, NonZeroU32)>) -> (Cluster, Sent) {
    let sent = Sent::default();
    let noted = Arc::clone(&sent);
    let service = tower::service_fn(move |request: Request<Body>| {
        let line = format!("{} {}", request.method(), request.uri().path());
        noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    let client = Client::new(service, "ns");
    (Cluster::new(client, queries_per_second), sent)
}

fn metadata() -> ObjectMeta {
    ObjectMeta {
        namespace: Some("ns".to_owned()),
        name: Some("name".to_owned()),
        uid: Some("uid".to_owned()),
        resource_version: Some("1".to_owned()),
        ..ObjectMeta::default()
    }
}

fn key() -> ObjectKey {
    ObjectKey::of(&metadata())
}

/// Every kind of write, and what came of it.
async fn write_everything(cluster: &Cluster) -> [Option<ApiFailure>; 5] {
    let secret = Secret {
        metadata: metadata(),
        ..Secret::default()
    };
    let event = Event {
        metadata: metadata(),
        ..Event::default()
    };
    let sealed = serde_json::json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": metadata(),
    });
    let sealed: RawSealedSecret = serde_json::from_value(sealed).expect("a SealedSecret");
    [
        cluster.create_secret(&secret).await.err(),
        cluster.replace_secret(&secret).await.err(),
        cluster.delete_secret(&secret).await.err(),
        cluster.replace_status(&sealed).await.err(),
        cluster.create_event(&event).await.err(),
    ]
}

fn lines(sent: &Sent) -> Vec<String> {
    std::mem::take(&mut *sent.lock().unwrap_or_else(PoisonError::into_inner))
}

#[tokio::test]
async fn every_write_passes_the_fence_and_no_read_does() {
    let (cluster, sent) = cluster(None);
    let refused = [const { Some(ApiFailure::NotLeading) }; 5];
    assert_eq!(write_everything(&cluster).await, refused);
    assert_eq!(lines(&sent), Vec::<String>::new(), "closed at first");
    let _ = cluster.secret(&key()).await;
    let secret = "/api/v1/namespaces/ns/secrets/name";
    assert_eq!(lines(&sent), [format!("GET {secret}")]);

    cluster.fence().open_until(Duration::MAX);
    write_everything(&cluster).await;
    let status = "/apis/bitnami.com/v1alpha1/namespaces/ns/sealedsecrets/name/status";
    let writes = [
        "POST /api/v1/namespaces/ns/secrets".to_owned(),
        format!("PUT {secret}"),
        format!("DELETE {secret}"),
        format!("PUT {status}"),
        "POST /api/v1/namespaces/ns/events".to_owned(),
    ];
    assert_eq!(lines(&sent), writes);

    // Its time is up, and it slept meanwhile.
    cluster.fence().open_until(boot_time());
    assert_eq!(write_everything(&cluster).await, refused);
    assert_eq!(lines(&sent), Vec::<String>::new(), "too late");
}

#[tokio::test]
async fn the_fence_is_looked_at_after_the_wait_for_a_turn() {
    let one = NonZeroU32::MIN;
    let (cluster, sent) = cluster(Some((one, one)));
    cluster.fence().open();
    // It takes the only turn of this second.
    let _ = cluster.secret(&key()).await;
    let secret = Secret {
        metadata: metadata(),
        ..Secret::default()
    };
    let write = cluster.create_secret(&secret);
    futures::pin_mut!(write);
    assert!(futures::poll!(&mut write).is_pending(), "it waits");
    cluster.fence().close();
    assert_eq!(write.await.err(), Some(ApiFailure::NotLeading));
    assert_eq!(lines(&sent), ["GET /api/v1/namespaces/ns/secrets/name"]);
}
