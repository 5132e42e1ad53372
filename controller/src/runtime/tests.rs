use std::sync::Mutex;

use super::*;
use crate::index::ObjectKey;
use crate::queue::Lane;

#[tokio::test]
async fn a_panic_ends_the_attempt_and_not_the_process() {
    assert_eq!(unless_it_panics(async { 1 }).await, Some(1));
    let panicking = async {
        tokio::task::yield_now().await;
        // A slice panic, as a defect in a parser would be.
        let text = "ä".to_owned();
        text.split_at(1).0.len()
    };
    assert_eq!(unless_it_panics(panicking).await, None);
    assert_eq!(unless_it_panics(async { 2 }).await, Some(2));
}

fn key(name: &str) -> ObjectKey {
    let metadata = serde_json::json!({"name": name, "namespace": "ns"});
    ObjectKey::of(&serde_json::from_value(metadata).expect("metadata"))
}

/// Turns as they were taken.
static TURNS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn panics_over_bad_ones(state: Arc<State>, job: Job) -> BoxFuture<'static, Next> {
    async move {
        TURNS.lock().expect("no panic").push(job.key.to_string());
        assert!(!job.key.to_string().contains("bad"), "a defect");
        if state.queue.is_idle() || job.key.to_string().contains("last") {
            state.queue.close();
        }
        Next::Idle
    }
    .boxed()
}

#[tokio::test]
async fn a_worker_goes_on_with_the_next_object_after_a_panic() {
    let state = Arc::new(State::without_cluster());
    state.queue.start();
    for name in ["bad-1", "good", "bad-2", "last"] {
        state.queue.push(key(name), Lane::Fresh, None);
    }
    // One worker has all of them.
    let mut workers = JoinSet::new();
    workers.spawn(work(Arc::clone(&state), panics_over_bad_ones));
    let ended = workers.join_next().await.expect("one worker");
    ended.expect("it ended because the queue was closed");
    let turns = TURNS.lock().expect("no panic");
    assert_eq!(*turns, ["ns/bad-1", "ns/good", "ns/bad-2", "ns/last"]);
}

/// A set of tasks of which one does this, beside one that goes on for ever.
fn tasks(one: impl Future<Output = ()> + Send + 'static) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(std::future::pending());
    tasks.spawn(one);
    tasks
}

#[tokio::test]
async fn a_task_or_a_worker_that_ends_ends_the_process() {
    use std::future::{pending, ready};
    async fn panic() {
        tokio::task::yield_now().await;
        panic!("a defect");
    }
    let table = [
        (
            tasks(panic()),
            tasks(pending()),
            "a background task ended: it panicked",
        ),
        (
            tasks(ready(())),
            tasks(pending()),
            "a background task ended: it returned",
        ),
        (
            tasks(pending()),
            tasks(panic()),
            "a worker ended: it panicked",
        ),
        (
            tasks(pending()),
            tasks(ready(())),
            "a worker ended: it returned",
        ),
    ];
    for (mut tasks, mut workers, expected) in table {
        let ended = until_one_ends(&mut tasks, &mut workers).await;
        assert_eq!(ended.to_string(), expected);
    }
}
