//! Where certificates come from, and which ones are refused.

use crate::server::{Answer, Server, answer};
use crate::support::{Place, Program, Ran, key, secret, words};

fn seal_with(program: Program, certificate: &str, extra: &[&str]) -> Ran {
    let mut arguments = match program {
        Program::Signet => words(&["seal", "--cert", certificate]),
        Program::Kubeseal => words(&["--cert", certificate]),
    };
    arguments.extend(words(extra));
    Place::new().run(program, &arguments, secret().as_bytes())
}

#[track_caller]
fn check_refused(certificate: &str, expected: &str) {
    for program in Program::BOTH {
        let ran = seal_with(program, certificate, &[]);
        assert_eq!(ran.code, program.trouble(), "{program:?} {}", ran.said());
        assert_eq!(ran.stdout, "");
        ran.assert_says(expected).assert_no_canary();
    }
}

fn pem(name: &str) -> Vec<u8> {
    std::fs::read(key(name)).expect("a test key")
}

#[test]
fn unfit_certificates_are_refused_and_the_cause_is_named() {
    let table = [
        (
            "expired.crt",
            "failed to encrypt using an expired certificate on February 3, 2021",
        ),
        (
            "ec.crt",
            "expected RSA public key but found an elliptic curve key",
        ),
        ("rsa1024.crt", "the RSA key has 1024 bits"),
        (
            "not-a-certificate.txt",
            "data does not contain any valid RSA or ECDSA certificates",
        ),
        ("seal.key", "the input contains a private key"),
        ("with-private-key.pem", "the input contains a private key"),
        ("missing.crt", "missing.crt: no such file or directory"),
    ];
    for (name, expected) in table {
        check_refused(&key(name), expected);
    }
    check_refused("/dev/zero", "/dev/zero is larger than 10 MiB");
    check_refused(
        "ftp://127.0.0.1/cert.pem",
        "only http, https and file are supported",
    );
}

#[test]
fn of_two_certificates_in_a_file_the_first_is_used() {
    for program in Program::BOTH {
        let sealed = seal_with(program, &key("two.crt"), &[]);
        sealed.assert_done();
        crate::support::unseal(&Place::new(), &sealed.stdout);
    }
}

#[test]
fn a_file_address_is_a_file() {
    for program in Program::BOTH {
        let address = format!("file://{}", key("seal.crt"));
        seal_with(program, &address, &[]).assert_done();
    }
}

#[test]
fn kubeseal_fetches_over_http_and_signet_only_with_a_pin() {
    let server = Server::start(&[("GET /cert.pem?x=1", answer("200 OK", pem("seal.crt")))]);
    let url = format!("{}/cert.pem?x=1", server.address);
    seal_with(Program::Kubeseal, &url, &[]).assert_done();
    let refused = seal_with(Program::Signet, &url, &[]);
    assert_eq!(refused.code, Some(2));
    refused.assert_says("plain http, where anybody on the way can replace it");
    let right = format!("sha256:{}", fingerprint());
    seal_with(Program::Signet, &url, &["--pin", &right]).assert_done();
    let wrong = format!("sha256:{}", "0".repeat(64));
    let refused = seal_with(Program::Signet, &url, &["--pin", &wrong]);
    assert_eq!(refused.code, Some(2));
    refused.assert_says(&format!("it is {right}"));
    assert_eq!(
        server.requests().len(),
        3,
        "signet without a pin does not even ask"
    );
}

/// What `openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum` gives for `seal.crt`.
fn fingerprint() -> String {
    "aecbaf7cd99d2b20bbb0b97adb9b2c45179e7a2b56627592b6fff83903c4d778".to_owned()
}

#[test]
fn answers_that_are_no_certificate_are_refused() {
    let page = "\n <!DOCTYPE html><title>Log in</title>";
    let server = Server::start(&[
        ("GET /html", answer("200 OK", page)),
        ("GET /large", answer("200 OK", vec![b'a'; 65 * 1024])),
        ("GET /teapot", answer("418 I'm a teapot", "")),
        ("GET /text", answer("200 OK", "hello")),
    ]);
    let table = [
        ("html", "the answer is a web page, not a certificate"),
        ("large", "larger than 65536 bytes"),
        ("teapot", "/teapot\": 418 I'm a teapot"),
        ("missing", "/missing\": 404 Not Found"),
        (
            "text",
            "data does not contain any valid RSA or ECDSA certificates",
        ),
    ];
    for (path, expected) in table {
        let ran = seal_with(
            Program::Kubeseal,
            &format!("{}/{path}", server.address),
            &[],
        );
        assert_eq!(ran.code, Some(1), "{}", ran.said());
        assert_eq!(ran.stdout, "");
        ran.assert_says(expected).assert_no_canary();
    }
}

#[test]
fn redirects_are_followed_a_few_times() {
    let to = |location: &str| Answer {
        status: "302 Found",
        headers: format!("location: {location}\r\n"),
        body: Vec::new(),
    };
    let server = Server::start(&[
        ("GET /a/first", to("second")),
        ("GET /a/second", to("/cert.pem")),
        ("GET /cert.pem", answer("200 OK", pem("seal.crt"))),
        ("GET /loop", to("/loop")),
    ]);
    seal_with(
        Program::Kubeseal,
        &format!("{}/a/first", server.address),
        &[],
    )
    .assert_done();
    let ran = seal_with(Program::Kubeseal, &format!("{}/loop", server.address), &[]);
    assert_eq!(ran.code, Some(1));
    ran.assert_says("too many redirects");
}

#[test]
fn nobody_listening_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    for (program, scheme) in [(Program::Kubeseal, "http"), (Program::Signet, "https")] {
        let ran = seal_with(program, &format!("{scheme}://{address}/x"), &[]);
        assert_eq!(ran.code, program.trouble());
        ran.assert_says("connection refused").assert_no_canary();
    }
}

#[test]
fn fetching_prints_the_bytes_and_warns_about_an_expired_certificate() {
    let place = Place::new();
    let signet = |name: &str| words(&["cert", "fetch", "--cert", &key(name)]);
    let kubeseal = |name: &str| words(&["--fetch-cert", "--cert", &key(name)]);
    let two = String::from_utf8(pem("two.crt")).expect("text");
    let ran = place.run(Program::Signet, &signet("two.crt"), b"");
    assert_eq!(ran.assert_done().stdout, two);
    ran.assert_says("key aecbaf7cd99d2b20, valid until 21");
    let ran = place.run(Program::Kubeseal, &kubeseal("two.crt"), b"");
    assert_eq!(ran.assert_done().stdout, two);
    assert_eq!(ran.stderr, "");
    place
        .run(Program::Signet, &signet("expired.crt"), b"")
        .assert_done()
        .assert_says("expired on 2021-02-03");
    place
        .run(Program::Kubeseal, &kubeseal("expired.crt"), b"")
        .assert_done();
    for (program, arguments) in [
        (Program::Signet, signet("with-private-key.pem")),
        (Program::Kubeseal, kubeseal("with-private-key.pem")),
    ] {
        let ran = place.run(program, &arguments, b"");
        assert_eq!((ran.code, ran.stdout.as_str()), (program.trouble(), ""));
    }
}
