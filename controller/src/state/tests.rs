//! What two watches tell of the same object, in any order.

use super::*;

const ONE: &str = "3f7a1a52-8f5e-4c0f-9d2b-7a6b0f1c2d3e";
const OTHER: &str = "3f7a1a52-8f5e-4c0f-9d2b-7a6b0f1c2d3f";

fn object(uid: &str, version: &str) -> RawSealedSecret {
    let object = serde_json::json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": {"namespace": "ns", "name": "db", "uid": uid, "resourceVersion": version},
        "spec": {"encryptedData": {}},
    });
    serde_json::from_str(&object.to_string()).expect("an object")
}

#[tokio::test]
async fn an_older_state_does_not_take_the_place_of_a_newer_one() {
    let state = State::with_key();
    state.see_sealed(object(ONE, "7"), Lane::Fresh);
    state.see_sealed(object(ONE, "5"), Lane::Sweep);
    state.queue.start_fresh();
    let job = state.queue.next().await.expect("a job");
    let carried = job.object.expect("the object that the event brought");
    assert_eq!(carried.metadata.resource_version.as_deref(), Some("7"));
}

#[tokio::test]
async fn the_end_of_an_object_ends_no_other_of_its_name_and_no_newer_state() {
    let state = State::with_key();
    let key = ObjectKey::of(&object(ONE, "1").metadata);
    let is_known = || state.index().sealed(&key).is_some();
    state.see_sealed(object(ONE, "7"), Lane::Fresh);
    state.end_sealed(&object(OTHER, "6").metadata);
    assert!(is_known(), "another object ended");
    state.end_sealed(&object(ONE, "6").metadata);
    assert!(is_known(), "it was seen since");
    state.end_sealed(&object(ONE, "8").metadata);
    assert!(!is_known(), "it ended");
}
