//! `kubeseal` is silent where upstream's is: programs around it take any line on stderr for a failure.

use std::collections::BTreeMap;

use crate::server::{Server, answer};
use crate::support::{CANARY, Place, Program, key, secret, words};

/// Runs that succeed and have something to warn of: arguments, input, and what the warning says.
fn runs(server: &Server) -> Vec<(Vec<String>, String, &'static str)> {
    let url = format!("{}/cert.pem", server.address);
    let copied = secret().replace(
        "namespace: pay",
        &format!("namespace: pay, annotations: {{copy: {CANARY}}}"),
    );
    vec![
        (
            words(&["--cert", &url]),
            secret(),
            "the certificate comes over plain http",
        ),
        (
            Program::Kubeseal.sealing(),
            copied,
            "the value of password stands in clear",
        ),
        (
            words(&["--fetch-cert", "--cert", &key("expired.crt")]),
            String::new(),
            "the certificate expired on",
        ),
        (
            words(&[
                "--fetch-cert",
                "--cert",
                &key("seal.crt"),
                "--recovery-private-key",
                "x",
            ]),
            String::new(),
            "ignoring --recovery-private-key",
        ),
    ]
}

#[test]
fn kubeseal_warns_whoever_asks_for_it_and_nobody_else() {
    let certificate = std::fs::read(key("seal.crt")).expect("a test key");
    let server = Server::start(&[("GET /cert.pem", answer("200 OK", certificate))]);
    for (arguments, input, warning) in runs(&server) {
        for (value, speaks) in [(None, false), (Some("on"), true), (Some("off"), false)] {
            let place = Place::new();
            let variables: BTreeMap<&str, String> = value
                .map(|value| ("SIGNET_WARNINGS", value.to_owned()))
                .into_iter()
                .collect();
            let ran = place.run_with(Program::Kubeseal, &arguments, input.as_bytes(), &variables);
            ran.assert_done();
            let said = ran.stderr.contains(&format!("warning: {warning}"));
            assert_eq!(said, speaks, "{value:?} {}", ran.said());
            assert_eq!(ran.stderr.is_empty(), !speaks, "{value:?} {}", ran.said());
        }
    }
}
