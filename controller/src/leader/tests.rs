use std::sync::mpsc;

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::api::client;

const CAP: Duration = Duration::from_secs(60);

/// An API server that has one Lease and tells of each renewal.
async fn api_server(renewed: mpsc::Sender<()>) -> kube::Config {
    let stored = |body: Bytes| {
        let mut lease: Value = serde_json::from_slice(&body).expect("JSON");
        lease["metadata"]["uid"] = json!("uid");
        lease["metadata"]["resourceVersion"] = json!("1");
        lease.to_string()
    };
    let put = async move |body: Bytes| {
        // Nobody listens any more at the end of the test.
        let _ = renewed.send(());
        stored(body)
    };
    let missing = async || StatusCode::NOT_FOUND;
    let router = Router::new().fallback(get(missing).post(async move |body| stored(body)).put(put));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    kube::Config::new(format!("http://{address}").parse().expect("a URL"))
}

#[test]
fn the_lease_is_renewed_while_everything_else_stands_still() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build()
    };
    let (server, apart) = (runtime().expect("one"), runtime().expect("another"));
    let (renewed, renewals) = mpsc::channel();
    let config = server.block_on(api_server(renewed));
    let all = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    all.expect("a third").block_on(async {
        let state = Arc::new(State::without_cluster());
        let client = {
            let _entered = apart.enter();
            client(config).expect("a client")
        };
        let settings = LeaseSettings {
            mode: LeaderElect::On,
            timing: Timing {
                lease: 2 * CAP,
                renew: CAP,
                retry: Duration::from_millis(1),
            },
            namespace: "ns".to_owned(),
            name: "lease".to_owned(),
        };
        let apart = Apart {
            runtime: apart.handle().clone(),
            cluster: state.cluster.through(client),
        };
        let _leads = Leadership::begin(&state, settings, apart)
            .await
            .expect("it leads");
        // Nothing else runs here from now on: this thread waits.
        for count in 0..3 {
            let renewed = renewals.recv_timeout(CAP);
            assert!(renewed.is_ok(), "renewed {count} times");
        }
    });
}
