//! Keys of controllers are remembered, and a new one is announced once.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use crate::server::{Server, answer};
use crate::support::{Place, Program, Ran, key, secret, words};

const NEW: &str = "has the new key ";
const FILE: &str = ".config/signet/known-keys";

/// A cluster with two controllers, whose certificate can be exchanged.
fn cluster() -> (Server, Arc<Mutex<&'static str>>) {
    let current = Arc::new(Mutex::new("seal.crt"));
    let shown = Arc::clone(&current);
    let server = Server::start_with(move |request, _| {
        if request.ends_with("/cert.pem") {
            let name = *shown.lock().expect("no panic while locked");
            let certificate = std::fs::read(key(name)).expect("a test key");
            return Some(answer("200 OK", certificate));
        }
        Some(answer("200 OK", r#"{"spec":{"ports":[{"port":8080}]}}"#))
    });
    (server, current)
}

fn run(place: &Place, program: Program, server: &Server, extra: &[&str]) -> Ran {
    let config = format!(
        "current-context: c\nclusters: [{{name: c, cluster: {{server: '{}'}}}}]\ncontexts: [{{name: c, context: {{cluster: c}}}}]\n",
        server.address
    );
    place.write("config", config);
    let verb: &[&str] = match program {
        Program::Signet => &["seal"],
        Program::Kubeseal => &[],
    };
    let arguments = [verb, &["--kubeconfig", "config"], extra].concat();
    let variables = BTreeMap::from([("SIGNET_WARNINGS", "on".to_owned())]);
    let input = secret();
    let ran = place.run_with(program, &words(&arguments), input.as_bytes(), &variables);
    ran.assert_done().assert_no_canary();
    ran
}

fn exchange(current: &Mutex<&'static str>, name: &'static str) {
    *current.lock().expect("no panic while locked") = name;
}

fn mode(place: &Place, name: &str) -> u32 {
    let metadata = std::fs::metadata(place.path(name)).expect("metadata");
    metadata.permissions().mode() & 0o7777
}

#[test]
fn a_new_key_of_a_known_controller_is_announced_once() {
    for program in Program::BOTH {
        let place = Place::new();
        let (server, current) = cluster();
        let announced = |extra: &[&str]| run(&place, program, &server, extra).stderr.contains(NEW);
        assert!(!announced(&[]), "the first key");
        assert!(!announced(&[]), "the same key");
        exchange(&current, "other.crt");
        let ran = run(&place, program, &server, &[]);
        ran.assert_says("warning: kube-system/sealed-secrets-controller at http://127.0.0.1:")
            .assert_says(NEW)
            .assert_says("the last one seen here was aecbaf7cd99d2b20, since 2")
            .assert_says("controllers renew their key, every 30 days by default");
        if program == Program::Kubeseal {
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        }
        assert!(!announced(&[]), "once");
        exchange(&current, "seal.crt");
        assert!(!announced(&[]), "a key that is known");
        assert!(
            !announced(&["--controller-name", "another"]),
            "another controller"
        );
    }
}

#[test]
fn the_file_is_private_and_has_a_line_for_each_key() {
    let place = Place::new();
    let (server, current) = cluster();
    run(&place, Program::Kubeseal, &server, &["--fetch-cert"]);
    exchange(&current, "other.crt");
    run(&place, Program::Kubeseal, &server, &["--fetch-cert"]).assert_says(NEW);
    assert_eq!(
        (mode(&place, FILE), mode(&place, ".config/signet")),
        (0o600, 0o700)
    );
    let text = place.read(FILE);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for line in lines {
        let expected = format!(
            "{} kube-system/sealed-secrets-controller sha256:",
            server.address
        );
        assert!(line.starts_with(&expected), "{line}");
    }
    assert_eq!(
        std::fs::read_dir(place.path(".config/signet"))
            .expect("a folder")
            .count(),
        1
    );
}

#[test]
fn runs_at_the_same_time_lose_no_key() {
    let place = Place::new();
    let (server, _) = cluster();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (place, server) = (&place, &server);
            scope.spawn(move || {
                let name = format!("c{number}");
                let arguments = ["--server", &server.address, "--controller-name", &name];
                let arguments = [&arguments[..], &["--fetch-cert"]].concat();
                place
                    .run(Program::Kubeseal, &words(&arguments), b"")
                    .assert_done();
            });
        }
    });
    assert_eq!(place.read(FILE).lines().count(), 9, "{}", place.read(FILE));
}

#[test]
fn runs_at_the_same_time_write_one_key_once() {
    let place = Place::new();
    let (server, _) = cluster();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let (place, server) = (&place, &server);
            let arguments = words(&["--server", &server.address, "--fetch-cert"]);
            scope.spawn(move || {
                place.run(Program::Kubeseal, &arguments, b"").assert_done();
            });
        }
    });
    assert_eq!(place.read(FILE).lines().count(), 2, "{}", place.read(FILE));
}

#[test]
fn a_new_key_that_nobody_was_told_of_is_told_by_the_next_run_that_may_speak() {
    let place = Place::new();
    let (server, current) = cluster();
    run(&place, Program::Kubeseal, &server, &[]);
    exchange(&current, "other.crt");
    let arguments = words(&["--kubeconfig", "config"]);
    for _ in 0..2 {
        let ran = place.run(Program::Kubeseal, &arguments, secret().as_bytes());
        assert_eq!(ran.assert_done().stderr, "");
    }
    run(&place, Program::Signet, &server, &[]).assert_says(NEW);
}

#[test]
fn an_offline_run_leaves_no_trace() {
    for program in Program::BOTH {
        let place = Place::new();
        place
            .run(program, &program.sealing(), secret().as_bytes())
            .assert_done();
        assert_eq!(place.names(), [""; 0]);
    }
}

#[test]
fn what_cannot_be_remembered_or_must_not_be_is_no_error() {
    let (server, _) = cluster();
    let place = Place::new();
    place.write("file", "");
    let below_a_file = place.path("file/x").to_string_lossy().into_owned();
    let elsewhere = place.path("xdg").to_string_lossy().into_owned();
    let table = [
        (("XDG_CONFIG_HOME", below_a_file), None),
        (("SIGNET_KNOWN_KEYS", "off".to_owned()), None),
        (
            ("XDG_CONFIG_HOME", elsewhere),
            Some("xdg/signet/known-keys"),
        ),
        (("XDG_CONFIG_HOME", "relative".to_owned()), Some(FILE)),
    ];
    for (variable, written) in table {
        let arguments = words(&["--server", &server.address, "--fetch-cert"]);
        let variables = BTreeMap::from([variable.clone()]);
        let ran = place.run_with(Program::Kubeseal, &arguments, b"", &variables);
        assert_eq!(ran.assert_done().stderr, "", "{variable:?}");
        for file in ["xdg/signet/known-keys", FILE] {
            assert_eq!(
                place.path(file).exists(),
                Some(file) == written,
                "{variable:?} {file}"
            );
        }
        if let Some(file) = written {
            std::fs::remove_file(place.path(file)).expect("remove");
        }
    }
}

#[test]
fn a_key_that_is_refused_is_not_remembered() {
    let place = Place::new();
    let (server, current) = cluster();
    run(&place, Program::Signet, &server, &[]);
    let before = place.read(FILE);
    exchange(&current, "other.crt");
    let pin = format!("sha256:{}", "0".repeat(64));
    let arguments = words(&["seal", "--kubeconfig", "config", "--pin", &pin]);
    let ran = place.run(Program::Signet, &arguments, secret().as_bytes());
    assert_eq!(ran.code, Some(2));
    ran.assert_says("not one of the pinned ones");
    assert_eq!(place.read(FILE), before);
}
