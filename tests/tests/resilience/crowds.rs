//! More clients than there are places, and more that they send than there is room (docs/trust.md row 12): objects and probes
//! are served meanwhile, memory is bounded, and afterwards everything is given back.

use std::fmt::Write as _;

use anyhow::ensure;
use signet_harness::eventually;
use signet_tests::fresh_namespace;
use signet_tests::signet::{CAP, sentinel};

use crate::http::send;
use crate::scene::{self, Scene};
use crate::wire::{Reach, Wire, memory, open_files};

/// More than a listener has places for.
const CLIENTS: usize = 300;
/// The largest body that is read.
const BODY: usize = 2 * 1024 * 1024;
/// What the process may grow by in KiB: the room for bodies, twice while they are put together, and the buffers of all
/// connections.
const GROWTH: usize = 64 * 1024;

/// What is measured before clients come.
struct Before {
    memory: usize,
    files: usize,
}

impl Before {
    fn note(scene: &Scene) -> anyhow::Result<Self> {
        let process = scene.controller.process.id();
        Ok(Self {
            memory: memory(process, "VmRSS")?,
            files: open_files(process)?,
        })
    }

    /// Objects, probes and the certificate are served now.
    fn others_are_served(scene: &Scene, namespace: &str) -> anyhow::Result<()> {
        sentinel(scene.plane, scene.controller, namespace)?;
        for port in [scene.controller.port, scene.controller.metrics_port] {
            for path in ["/healthz", "/readyz"] {
                let url = format!("http://127.0.0.1:{port}{path}");
                ensure!(send("GET", &url, "")?.0 == 200, "{url}");
            }
        }
        Ok(())
    }

    /// The clients are gone: so is what they took.
    fn everything_is_given_back(&self, scene: &Scene) -> anyhow::Result<()> {
        let process = scene.controller.process.id();
        let most = memory(process, "VmHWM")?;
        println!("{} KiB before, {most} KiB at most", self.memory);
        ensure!(
            most < self.memory + GROWTH,
            "it grew from {} KiB to {most} KiB",
            self.memory
        );
        // Connections to the API server come and go.
        eventually("the sockets are closed", CAP, || {
            let now = open_files(process)?;
            ensure!(now < self.files + 16, "{now}, before {}", self.files);
            anyhow::Ok(())
        })?;
        scene.ensure_same_process()
    }
}

#[test]
fn clients_that_say_nothing_on_both_ports_keep_nobody_waiting() -> anyhow::Result<()> {
    let scene = scene::enter()?;
    let namespace = fresh_namespace(scene.plane, "silent")?;
    let before = Before::note(&scene)?;
    let mut silent = Vec::new();
    for port in [scene.controller.port, scene.controller.metrics_port] {
        for _ in 0..CLIENTS {
            silent.push(Wire::open(port)?);
        }
    }
    Before::others_are_served(&scene, &namespace)?;
    drop(silent);
    before.everything_is_given_back(&scene)
}

#[test]
fn large_bodies_that_never_end_take_no_more_than_the_room_there_is() -> anyhow::Result<()> {
    let scene = scene::enter()?;
    let namespace = fresh_namespace(scene.plane, "large")?;
    let before = Before::note(&scene)?;
    let forms = [
        (
            "/v1/verify",
            format!("Content-Length: {BODY}\r\n\r\n"),
            BODY - 1,
        ),
        (
            "/v1/rotate",
            format!("Transfer-Encoding: chunked\r\n\r\n{BODY:x}\r\n"),
            BODY,
        ),
        // No path that reads a body.
        (
            "/v1/nothing",
            format!("Content-Length: {BODY}\r\n\r\n"),
            BODY - 1,
        ),
    ];
    let (mut clients, mut sent) = (Vec::new(), 0);
    for number in 0..CLIENTS {
        let (path, headers, bytes) = &forms[number % forms.len()];
        let mut text = format!("POST {path} HTTP/1.1\r\nHost: s\r\n{headers}");
        text.reserve(*bytes);
        let end = text.len() + bytes;
        while text.len() < end {
            text.push(' ');
        }
        let mut client = Wire::open(scene.controller.port)?;
        sent += usize::from(client.push(text.as_bytes())? == Reach::Sent);
        clients.push(client);
    }
    println!("{sent} of {CLIENTS} bodies of 2 MiB were taken");
    ensure!(sent > 0, "nobody was heard");
    Before::others_are_served(&scene, &namespace)?;
    drop(clients);
    before.everything_is_given_back(&scene)
}

#[test]
fn headers_that_never_end_and_answers_that_nobody_takes_are_bounded() -> anyhow::Result<()> {
    let scene = scene::enter()?;
    let namespace = fresh_namespace(scene.plane, "endless")?;
    let before = Before::note(&scene)?;
    let mut text = "GET /healthz HTTP/1.1\r\nHost: s\r\n".to_owned();
    for number in 0..60 {
        write!(text, "X-{number}: {}\r\n", "y".repeat(6_000))?;
    }
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = Wire::open(scene.controller.port)?;
        // Taken by the kernel's buffers or refused, as it comes.
        client.push(text.as_bytes())?;
        clients.push(client);
    }
    let question = "GET /metrics HTTP/1.1\r\nHost: s\r\n\r\n".repeat(200);
    for _ in 0..CLIENTS / 3 {
        let mut client = Wire::open(scene.controller.metrics_port)?;
        client.push(question.as_bytes())?;
        clients.push(client);
    }
    Before::others_are_served(&scene, &namespace)?;
    drop(clients);
    before.everything_is_given_back(&scene)
}
