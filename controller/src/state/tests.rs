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
async fn work_whose_caller_went_away_keeps_its_core_to_its_end() {
    let state = State::without_cluster();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..state.cores.free() {
        let (begun, gate) = (begun.clone(), Arc::clone(&gate));
        let work = state.on_cores(move || {
            begun.send(()).expect("the test goes on");
            // An error is the end of the test.
            let _ = gate.lock().map(|gate| gate.recv().is_err());
        });
        tokio::select! {
            () = work => panic!("the gate is closed"),
            _ = has_begun.recv() => {}
        }
    }
    assert_eq!(state.cores.free(), 0);
    drop(open);
    state.on_cores(|| ()).await;
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

#[tokio::test]
async fn large_objects_wait_for_room_and_small_ones_do_not() {
    let state = State::without_cluster();
    let held = state.room_for(room::ROOM - 100_000).await;
    let mut large = Box::pin(state.room_for(1_000_000));
    assert!(futures::poll!(&mut large).is_pending());
    assert!(state.room_for(30_000).await.is_none(), "it takes none");
    drop(held);
    drop(large.await);
    let whole = state.room_for(2 * room::ROOM).await;
    assert!(whole.is_some() && state.room.available_permits() == 0);
}
