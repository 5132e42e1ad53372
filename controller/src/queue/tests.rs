use signet_crds::V1Data;

use super::*;

fn key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        namespace: namespace.into(),
        name: name.into(),
    }
}

async fn take(queue: &Queue) -> ObjectKey {
    queue.next().await.expect("the queue is open").key
}

fn started() -> Queue {
    let queue = Queue::new(100);
    queue.start();
    queue
}

#[tokio::test]
async fn fresh_objects_come_before_the_sweep_and_namespaces_take_turns() {
    let queue = started();
    for name in ["1", "2", "3"] {
        queue.push(key("sweep", name), Lane::Sweep, None);
    }
    for name in ["1", "2", "3"] {
        queue.push(key("loud", name), Lane::Fresh, None);
    }
    queue.push(key("quiet", "1"), Lane::Fresh, None);
    let order: Vec<_> = [
        take(&queue).await,
        take(&queue).await,
        take(&queue).await,
        take(&queue).await,
        take(&queue).await,
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    assert_eq!(order, ["loud/1", "quiet/1", "loud/2", "loud/3", "sweep/1"]);
}

#[tokio::test]
async fn the_sweep_takes_the_highest_rank_first_and_namespaces_take_turns() {
    let queue = started();
    let ranked = [("a", "1", 1), ("a", "2", 5), ("b", "3", 9), ("b", "4", 2)];
    for (namespace, name, _) in ranked {
        queue.push(key(namespace, name), Lane::Sweep, None);
    }
    queue.sort_sweep(|key| {
        let found = ranked.iter().find(|(_, name, _)| **name == *key.name);
        found.expect("it was pushed").2
    });
    queue.push(key("c", "later"), Lane::Sweep, None);
    let mut order = Vec::new();
    for _ in 0..5 {
        order.push(take(&queue).await.to_string());
    }
    assert_eq!(order, ["b/3", "a/2", "c/later", "b/4", "a/1"]);
}

#[tokio::test]
async fn an_object_of_the_sweep_that_changes_moves_up_and_has_one_turn() {
    let queue = started();
    queue.push(key("a", "1"), Lane::Sweep, None);
    queue.push(key("b", "1"), Lane::Sweep, None);
    queue.push(key("b", "1"), Lane::Fresh, None);
    assert_eq!(take(&queue).await, key("b", "1"));
    queue.done(&key("b", "1"), Next::Idle);
    assert_eq!(take(&queue).await, key("a", "1"));
    queue.done(&key("a", "1"), Next::Idle);
    assert!(queue.is_idle());
}

#[tokio::test]
async fn a_change_during_a_turn_gives_one_more_turn_and_never_two_at_once() {
    let queue = started();
    queue.push(key("a", "1"), Lane::Fresh, None);
    let first = take(&queue).await;
    queue.push(first.clone(), Lane::Fresh, None);
    queue.push(first.clone(), Lane::Sweep, None);
    queue.push(key("z", "sentinel"), Lane::Sweep, None);
    assert_eq!(take(&queue).await, key("z", "sentinel"));
    queue.done(&first, Next::Idle);
    assert_eq!(take(&queue).await, first);
    queue.done(&first, Next::Idle);
    queue.done(&key("z", "sentinel"), Next::Idle);
    assert!(queue.is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_was_put_off_comes_in_time_and_an_event_brings_it_forward() {
    let queue = started();
    queue.push_after(key("a", "late"), Lane::Fresh, Duration::from_secs(60));
    queue.push_after(key("a", "soon"), Lane::Fresh, Duration::from_secs(5));
    queue.push_after(key("a", "late"), Lane::Fresh, Duration::from_secs(90));
    assert_eq!(take(&queue).await, key("a", "soon"));
    queue.push(key("a", "late"), Lane::Fresh, None);
    assert_eq!(take(&queue).await, key("a", "late"));
    assert_eq!(queue.state().next_due(), None);
}

#[tokio::test]
async fn a_paused_queue_gives_nothing_and_a_closed_one_ends() {
    let queue = Queue::new(100);
    queue.push(key("a", "1"), Lane::Fresh, None);
    assert!(queue.state().take(Instant::now()).is_none());
    queue.close();
    assert!(queue.next().await.is_none());
}

#[tokio::test]
async fn one_namespace_never_holds_every_worker() {
    let queue = Queue::new(2);
    queue.start();
    for name in ["1", "2", "3"] {
        queue.push(key("loud", name), Lane::Fresh, None);
    }
    queue.push(key("quiet", "1"), Lane::Sweep, None);
    let first = take(&queue).await;
    assert_eq!(take(&queue).await, key("loud", "2"));
    assert_eq!(take(&queue).await, key("quiet", "1"));
    assert!(queue.state().take(Instant::now()).is_none());
    queue.done(&first, Next::Idle);
    assert_eq!(take(&queue).await, key("loud", "3"));
}

#[tokio::test]
async fn a_nudge_keeps_the_object_that_waits_and_a_push_replaces_it() {
    let queue = Queue::new(16);
    let object = || serde_json::from_str(r#"{"metadata":{"name":"1"},"spec":{}}"#).map(Box::new);
    for name in ["kept", "replaced"] {
        queue.push(key("a", name), Lane::Sweep, Some(object().unwrap()));
    }
    queue.nudge(key("a", "kept"), Lane::Sweep);
    queue.nudge(key("a", "new"), Lane::Sweep);
    queue.push(key("a", "replaced"), Lane::Sweep, None);
    queue.start();
    let mut carried = Vec::new();
    for _ in 0..3 {
        let job = queue.next().await.expect("three wait");
        carried.push((job.key.name.to_string(), job.object.is_some()));
    }
    let expected = [("kept", true), ("replaced", false), ("new", false)];
    assert_eq!(carried, expected.map(|(name, is)| (name.to_owned(), is)));
    assert_eq!(queue.state().carried, 0);
}

#[tokio::test]
async fn large_objects_are_not_carried_and_small_ones_within_a_bound() {
    let queue = Queue::new(16);
    let object = |bytes: usize| {
        let spec = "x".repeat(bytes);
        let text = format!(r#"{{"metadata":{{"name":"1"}},"spec":"{spec}"}}"#);
        serde_json::from_str(&text).map(Box::new)
    };
    let large = object(CARRIED_OBJECT).unwrap();
    queue.push(key("a", "large"), Lane::Sweep, Some(large));
    assert_eq!(queue.state().carried, 0);
    for number in 0..1000 {
        let small = object(CARRIED_OBJECT / 2).unwrap();
        queue.push(key("a", &number.to_string()), Lane::Sweep, Some(small));
    }
    let carried = queue.state().carried;
    assert!(
        (CARRIED_BYTES / 2..=CARRIED_BYTES).contains(&carried),
        "{carried}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_comes_after_what_is_new_when_its_time_is_over() {
    let queue = started();
    let (old, new) = (key("a", "old"), key("a", "new"));
    queue.push(old.clone(), Lane::Fresh, None);
    assert_eq!(take(&queue).await, old);
    queue.done(&old, Next::LookAgain(Duration::from_secs(60)));
    tokio::time::advance(Duration::from_secs(61)).await;
    queue.push(new.clone(), Lane::Fresh, None);
    assert_eq!(take(&queue).await, new);
    assert_eq!(take(&queue).await, old);
}

fn ring() -> Arc<KeyRing> {
    static RING: std::sync::OnceLock<Arc<KeyRing>> = std::sync::OnceLock::new();
    let ring = || KeyRing::new(vec![crate::tags::tests::entry(1)]).expect("a ring");
    Arc::clone(RING.get_or_init(|| Arc::new(ring())))
}

fn unfinished() -> Unfinished {
    let object = serde_json::json!({"metadata": {"name": "1", "namespace": "a"}, "spec": {"encryptedData": {}}});
    let object: RawSealedSecret = serde_json::from_value(object).unwrap();
    let opening = Opening::new(
        &object.decode().unwrap(),
        &BTreeMap::new(),
        V1Data::Accepted,
    );
    Unfinished {
        opening: Box::new(opening.unwrap_or_else(|_| panic!("it has no items"))),
        object: Box::new(object),
        ring: ring(),
    }
}

#[tokio::test]
async fn few_openings_wait_half_done_and_all_of_them_end() {
    let queue = started();
    let all: Vec<_> = (0..20)
        .map(|number| key("a", &number.to_string()))
        .collect();
    for key in &all {
        queue.push(key.clone(), Lane::Fresh, None);
    }
    let mut turns: HashMap<ObjectKey, usize> = HashMap::new();
    let mut ended = Vec::new();
    while !queue.is_idle() {
        let job = queue.next().await.expect("the queue is open");
        let kept = |waiting: &Waiting| waiting.opening.is_some();
        let held = queue.state().waiting.values().filter(|w| kept(w)).count();
        assert!(held <= HALF_DONE, "{held}");
        // Three turns in a row that keep what was opened.
        let done = turns.entry(job.key.clone()).or_default();
        *done = if job.opening.is_some() { *done + 1 } else { 0 };
        let next = if *done == 2 {
            ended.push(job.key.clone());
            Next::Idle
        } else {
            Next::GoOn(unfinished())
        };
        queue.done(&job.key, next);
    }
    ended.sort();
    let mut all = all;
    all.sort();
    assert_eq!(ended, all);
}

#[tokio::test]
async fn an_object_that_is_gone_lets_the_next_opening_in() {
    let queue = started();
    let mut running = Vec::new();
    for number in 0..=HALF_DONE {
        queue.push(key("a", &number.to_string()), Lane::Fresh, None);
        running.push(take(&queue).await);
    }
    for key in &running {
        queue.done(key, Next::GoOn(unfinished()));
    }
    assert_eq!(queue.state().parked.len, 1);
    queue.forget(&key("a", "0"));
    assert_eq!(queue.state().parked.len, 0);
    let parked = key("a", &HALF_DONE.to_string());
    assert!(queue.state().half_done.contains(&parked));
}

#[tokio::test]
async fn a_change_of_the_secret_keeps_an_unfinished_unsealing_and_one_of_the_object_does_not() {
    let queue = started();
    let key = key("a", "1");
    for (nudged_first, changed, kept) in [
        (true, false, true),
        (false, false, true),
        (true, true, false),
        (false, true, false),
    ] {
        queue.push(key.clone(), Lane::Fresh, None);
        take(&queue).await;
        let happen = || {
            queue.nudge(key.clone(), Lane::Fresh);
            if changed {
                queue.push(key.clone(), Lane::Fresh, None);
            }
        };
        // While it runs, or while it waits for its next turn.
        if nudged_first {
            happen();
        }
        queue.done(&key, Next::GoOn(unfinished()));
        if !nudged_first {
            happen();
        }
        let job = queue.next().await.expect("a job");
        assert_eq!(job.opening.is_some(), kept, "{nudged_first} {changed}");
        queue.done(&key, Next::Idle);
    }
    assert!(queue.is_idle());
}
