//! What an operator sees of Signet's controller: its request limit, its metrics, its log.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use signet_harness::upstream::NAMESPACE;
use signet_harness::{ControlPlane, Options, eventually};
use signet_tests::signet::{
    CAP, SignetController, apply, await_items, await_reason, seal, secret, sentinel,
};
use signet_tests::{fresh_namespace, start};

use crate::request::{moved, send};
use crate::world::{self, Cli, KEY_LABEL};

/// A controller with upstream's default limits, which are tight, and with a log in JSON.
struct Observed {
    plane: ControlPlane,
    controller: SignetController,
}

/// One test at a time: they count.
fn observed() -> anyhow::Result<(&'static Observed, MutexGuard<'static, ()>)> {
    static OBSERVED: OnceLock<Result<Observed, String>> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let observed = OBSERVED
        .get_or_init(|| {
            let begin = || {
                let plane = start(Options::default())?;
                let controller =
                    SignetController::start(&plane, NAMESPACE, &["--log-format", "json"])?;
                anyhow::Ok(Observed { plane, controller })
            };
            begin().map_err(|error| format!("{error:#}"))
        })
        .as_ref()
        .map_err(|error| anyhow!("the observed controller did not start: {error}"))?;
    Ok((observed, turn))
}

/// More clients at once than the limit and the line before it take, with objects that cost nothing. The first who is sent away.
fn exhaust(controller: &SignetController) -> anyhow::Result<crate::request::Reply> {
    let object = json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": {"namespace": "nowhere", "name": "db"},
        "spec": {"encryptedData": {"password": "AA=="}},
    });
    let object = object.to_string();
    let ask = |n: usize| {
        // A client that names another origin each time is the same client.
        let origin = format!("10.0.0.{n}");
        let path = ["/v1/verify", "/v1/rotate"][n % 2];
        let headers = [("X-Forwarded-For", origin.as_str())];
        send(controller, "POST", path, &headers, &object)
    };
    let replies: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = (0..24).map(|n| scope.spawn(move || ask(n))).collect();
        asked.into_iter().map(|asked| asked.join()).collect()
    });
    for reply in replies {
        match reply {
            Ok(Ok(reply)) if reply.status != 429 => {}
            Ok(reply) => return reply,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    anyhow::bail!("24 requests at once were served")
}

#[test]
fn too_many_requests_are_told_when_to_come_back_and_probes_are_not_among_them() -> anyhow::Result<()>
{
    let (observed, _turn) = observed()?;
    let reply = exhaust(&observed.controller)?;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (429, "limit exceeded\n")
    );
    let wait: u64 = reply.header("retry-after").parse()?;
    assert!((1..=10).contains(&wait), "{wait}");
    for path in ["/healthz", "/readyz", "/v1/cert.pem"] {
        for _ in 0..10 {
            assert_eq!(
                send(&observed.controller, "GET", path, &[], "")?.status,
                200,
                "{path}"
            );
        }
    }
    Ok(())
}

/// A file with more objects than the limit lets through at once is ordinary.
#[test]
fn each_kubeseal_passes_while_the_limit_is_used_up() -> anyhow::Result<()> {
    let (observed, _turn) = observed()?;
    let clear = secret("nowhere", "db", &[("password", "pw-in-clear")]);
    let sealed = seal(&observed.controller.certificate()?, &clear, &[])?;
    let documents = vec![sealed.to_string(); 4].join("\n");
    for cli in Cli::BOTH {
        assert_eq!(exhaust(&observed.controller)?.status, 429);
        let output = cli.run(&observed.plane, &["--validate"], &documents)?;
        output.success(&format!("{cli:?}"))?;
    }
    exhaust(&observed.controller)?;
    Cli::Signet
        .run(&observed.plane, &["--re-encrypt"], &documents)?
        .success("re-encrypt")
        .map(drop)
}

#[test]
fn metrics_count_private_operations_passes_objects_queue_and_requests() -> anyhow::Result<()> {
    let (observed, _turn) = observed()?;
    let (plane, controller) = (&observed.plane, &observed.controller);
    let namespace = fresh_namespace(plane, "metrics")?;
    let series = [
        "signet_private_operations_total",
        "signet_reconciles_total{result=\"Unsealed\"}",
        "signet_reconciles_total{result=\"Renamed\"}",
        "signet_secret_writes_total",
        "signet_sealedsecrets",
        "signet_keys{state=\"usable\"}",
        "signet_queue_length{lane=\"fresh\"}",
        "signet_queue_length{lane=\"sweep\"}",
    ];
    let read = || {
        series
            .iter()
            .map(|name| controller.metric(name))
            .collect::<Result<Vec<_>, _>>()
    };
    let before = read()?;
    assert_eq!(before[5..], [1.0, 0.0, 0.0]);

    let items = [("a", "1"), ("b", "2"), ("c", "3")];
    let sealed = seal(
        &controller.certificate()?,
        &secret(&namespace, "db", &items),
        &[],
    )?;
    apply(plane, &sealed)?;
    await_items(plane, &namespace, "db", &items)?;
    await_reason(plane, &namespace, "db", "Unsealed")?;
    eventually("the pass is counted", CAP, || {
        controller
            .metric(series[1])
            .is_ok_and(|now| now == before[1] + 1.0)
    })?;
    let after = read()?;
    let grown: Vec<f64> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after - before)
        .collect();
    assert_eq!(
        grown,
        [3.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0],
        "{series:?}"
    );

    apply(plane, &moved(&sealed, &namespace, "other"))?;
    await_reason(plane, &namespace, "other", "Renamed")?;
    eventually("the refusal is counted", CAP, || {
        controller
            .metric(series[2])
            .is_ok_and(|now| now >= before[2] + 1.0)
    })?;
    let now = read()?;
    assert!(
        now[0] > after[0],
        "diagnosis costs private operations too: {now:?}"
    );
    assert_eq!(now[3], after[3], "nothing was written");

    let certificates = "signet_http_requests_total{path=\"/v1/cert.pem\",code=\"200\"}";
    let before = controller.metric(certificates)?;
    controller.certificate()?;
    assert_eq!(controller.metric(certificates)?, before + 1.0);
    let missing = send(controller, "GET", "/v1/quoted-canary", &[], "")?;
    assert_eq!(missing.status, 404);
    let text = controller.fetch(controller.metrics_port, "/metrics")?;
    assert!(
        !text.contains("quoted-canary"),
        "a stranger's path is no label"
    );
    assert!(text.ends_with('\n') && !text.contains("# EOF"));
    Ok(())
}

#[test]
fn a_key_secret_that_cannot_be_used_is_counted_until_it_is_gone() -> anyhow::Result<()> {
    let (observed, _turn) = observed()?;
    let bad = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "bad-key", "namespace": NAMESPACE, "labels": {KEY_LABEL: "active"}},
        "stringData": {"tls.key": "no key", "tls.crt": "no certificate"},
    });
    observed.plane.api().apply(&bad)?;
    let invalid = |expected: f64| {
        let name = "signet_keys{state=\"invalid\"}";
        observed
            .controller
            .metric(name)
            .is_ok_and(|now| now == expected)
    };
    eventually("the bad key is counted", CAP, || invalid(1.0))?;
    assert_eq!(
        observed
            .controller
            .metric("signet_keys{state=\"usable\"}")?,
        1.0
    );
    let path = signet_tests::signet::secret_path(NAMESPACE, "bad-key");
    observed.plane.api().delete(&path)?;
    eventually("it is forgotten", CAP, || invalid(0.0))
}

/// What is written now may end in half a line.
fn whole_lines(log: &str) -> Vec<&str> {
    let end = log.rfind('\n').map_or(0, |end| end + 1);
    log[..end].lines().collect()
}

#[test]
fn every_line_of_a_json_log_is_an_object_with_time_level_and_message() -> anyhow::Result<()> {
    let (observed, _turn) = observed()?;
    let namespace = fresh_namespace(&observed.plane, "log")?;
    sentinel(&observed.plane, &observed.controller, &namespace)?;
    let log = observed.controller.process.log();
    let lines = whole_lines(&log);
    assert!(lines.len() >= 5, "{log}");
    for line in &lines {
        let object: Value = serde_json::from_str(line).with_context(|| format!("{line:?}"))?;
        for field in ["time", "level", "msg"] {
            assert!(object[field].is_string(), "{field} in {line}");
        }
    }
    assert!(log.contains(&namespace), "it tells of the object:\n{log}");
    Ok(())
}

#[test]
fn every_line_of_a_text_log_begins_with_time_and_level() -> anyhow::Result<()> {
    let world = world::signet()?;
    let namespace = fresh_namespace(&world.plane, "log")?;
    // A refusal has several lines of explanation in its status.
    let clear = secret(&namespace, "db", &[("k", "v")]);
    let sealed = seal(&world.certificate, &clear, &[])?;
    apply(&world.plane, &moved(&sealed, &namespace, "renamed"))?;
    await_reason(&world.plane, &namespace, "renamed", "Renamed")?;
    sentinel(&world.plane, &world.controller, &namespace)?;
    let log = world.controller.process.log();
    let lines = whole_lines(&log);
    assert!(lines.len() >= 5, "{log}");
    for line in lines {
        let mut words = line.split_whitespace();
        let (time, level) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        assert!(
            time.len() > 20 && time.starts_with("time=") && time.ends_with('Z'),
            "{line}"
        );
        assert!(
            ["level=DEBUG", "level=INFO", "level=WARN", "level=ERROR"].contains(&level),
            "{line}"
        );
    }
    Ok(())
}
