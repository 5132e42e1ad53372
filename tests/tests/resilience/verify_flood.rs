//! A flood of requests that cost private operations, beside objects that come (docs/trust.md rows 7 and 12): the flood has its
//! budget and no more, whatever it says about where it comes from, and the objects are served.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, ensure};
use signet_harness::upstream::SERVICE;
use signet_harness::{ControlPlane, Options};
use signet_tests::signet::{SignetController, cli};
use signet_tests::{fresh_namespace, start};

use crate::batch::{await_all, create, seal_many};
use crate::wire::Wire;

/// More than may wait for their turn.
const FLOODERS: u8 = 24;
const OBJECTS: usize = 60;
/// Items of an object, and with one key private operations for it.
const ITEMS: usize = 2;

/// What the flood got.
#[derive(Default)]
struct Got {
    opened: usize,
    refused: usize,
}

fn flood(port: u16, body: &str, who: u8, stop: &AtomicBool) -> anyhow::Result<Got> {
    let mut got = Got::default();
    while !stop.load(Ordering::Relaxed) {
        // Each request claims to come from somebody else.
        let (a, b) = (got.refused / 256 % 256, got.refused % 256);
        let from = format!(
            "X-Forwarded-For: 10.{who}.{a}.{b}\r\nX-Real-IP: 10.{who}.{a}.{b}\r\nForwarded: for=10.{who}.{a}.{b}"
        );
        let mut wire = Wire::open(port)?;
        let length = body.len();
        wire.send(
            format!(
                "POST /v1/verify HTTP/1.1\r\nHost: s\r\n{from}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        );
        let answer = wire.answer()?;
        match answer.status {
            200 => got.opened += 1,
            429 => {
                let wait = answer.header("retry-after").context("no Retry-After")?;
                ensure!(wait.parse::<u64>()? > 0, "Retry-After: {wait}");
                got.refused += 1;
            }
            other => anyhow::bail!("{other}: {}", answer.body),
        }
    }
    Ok(got)
}

#[test]
fn a_flood_of_verify_has_its_budget_and_objects_are_served_meanwhile() -> anyhow::Result<()> {
    let plane = start(Options {
        controller_manager: false,
        ..Options::default()
    })?;
    let controller = SignetController::start(&plane, "kube-system", &[])?;
    let certificate = controller.certificate()?;
    let namespace = fresh_namespace(&plane, "flooded")?;
    let objects = seal_many(&certificate, &namespace, "db", OBJECTS)?;
    let body = seal_many(&certificate, &namespace, "never-applied", 1)?
        .remove(0)
        .to_string();

    let before = controller.private_operations()?;
    let stop = AtomicBool::new(false);
    let (port, body) = (controller.port, body.as_str());
    let got = thread::scope(|scope| {
        let flooders: Vec<_> = (0..FLOODERS)
            .map(|who| {
                scope.spawn({
                    let stop = &stop;
                    move || flood(port, body, who, stop)
                })
            })
            .collect();
        let served = create(&plane, &objects)
            .and_then(|()| await_all(&plane, &namespace, OBJECTS, "Unsealed"));
        stop.store(true, Ordering::Relaxed);
        let got: Vec<_> = flooders.into_iter().map(|flooder| flooder.join()).collect();
        served.map(|()| got)
    })?;
    let mut all = Got::default();
    for one in got {
        let one = one.map_err(|_| anyhow::anyhow!("a flooder panicked"))??;
        all.opened += one.opened;
        all.refused += one.refused;
    }
    let spent = controller.private_operations()? - before;
    println!(
        "beside {OBJECTS} objects: {} requests were judged, {} refused; {spent} private operations",
        all.opened, all.refused
    );
    ensure!(all.refused > 0, "nothing was refused");
    assert_eq!(spent, (ITEMS * (OBJECTS + all.opened)) as f64);
    validate_beside_small_requests(&plane, port, body)
}

/// 4 that send what is no object, as fast as they are answered: half of them through the service proxy, where `kubeseal` has
/// the same address.
fn validate_beside_small_requests(
    plane: &ControlPlane,
    port: u16,
    sealed: &str,
) -> anyhow::Result<()> {
    const TIMES: usize = 20;
    let proxied =
        format!("/api/v1/namespaces/kube-system/services/http:{SERVICE}:/proxy/v1/verify");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let flooders: Vec<_> = (0..4)
            .map(|number| {
                let (stop, proxied) = (&stop, &proxied);
                scope.spawn(move || -> anyhow::Result<usize> {
                    let mut sent = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let status = match number % 2 {
                            0 => {
                                let asked =
                                    plane
                                        .api()
                                        .request("POST", proxied, "application/json", "{}");
                                asked?.status
                            }
                            _ => {
                                crate::http::post(
                                    &format!("http://127.0.0.1:{port}/v1/verify"),
                                    "{}",
                                )?
                                .0
                            }
                        };
                        ensure!(status == 400, "{status}");
                        sent += 1;
                    }
                    Ok(sent)
                })
            })
            .collect();
        let validated = (0..TIMES)
            .map(|_| {
                cli(plane, "kubeseal", &["--validate"], sealed)?.success("kubeseal --validate")
            })
            .collect::<anyhow::Result<Vec<_>>>();
        stop.store(true, Ordering::Relaxed);
        for flooder in flooders {
            let sent = flooder
                .join()
                .map_err(|_| anyhow::anyhow!("a flooder panicked"))??;
            println!("beside {TIMES} times --validate: {sent} small requests");
            ensure!(sent > TIMES, "{sent} are no flood");
        }
        validated.map(drop)
    })
}
