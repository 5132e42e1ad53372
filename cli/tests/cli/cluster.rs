//! The controller behind the API server's service proxy, played by a server on 127.0.0.1. The real ones have their own tests.

use serde_json::{Value, json};

use crate::server::{Answer, Server, answer};
use crate::support::{Place, Program, Ran, item, key, secret, unseal, words};

const SERVICE: &str = "/api/v1/namespaces/kube-system/services/sealed-secrets-controller";
const PROXY: &str =
    "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:web/proxy";

/// An API server whose controller answers as given.
fn cluster(respond: impl Fn(&str, &str) -> Option<Answer> + Send + 'static) -> Server {
    Server::start_with(move |request, body| {
        let (method, path) = request.split_once(' ')?;
        if path == SERVICE {
            return Some(answer(
                "200 OK",
                r#"{"spec":{"ports":[{"name":"web","port":8080}]}}"#,
            ));
        }
        let endpoint = path.strip_prefix(PROXY)?;
        if endpoint == "/v1/cert.pem" {
            return Some(answer(
                "200 OK",
                std::fs::read(key("seal.crt")).expect("a test key"),
            ));
        }
        respond(&format!("{method} {endpoint}"), body)
    })
}

fn run(place: &Place, server: &Server, program: Program, arguments: &[&str], input: &str) -> Ran {
    place.write(
        "config",
        format!("apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: '{}'}}}}]\ncontexts: [{{name: c, context: {{cluster: c}}}}]\n", server.address),
    );
    let mut all = words(arguments);
    all.extend(words(&["--kubeconfig", "config"]));
    place.run(program, &all, input.as_bytes())
}

fn sealed(certificate: &str) -> String {
    let arguments = words(&["seal", "--cert", &key(certificate)]);
    let ran = Place::new().run(Program::Signet, &arguments, secret().as_bytes());
    ran.assert_done();
    ran.stdout
}

#[test]
fn the_certificate_comes_through_the_service_proxy() {
    let server = cluster(|_, _| None);
    let place = Place::new();
    let ran = run(&place, &server, Program::Kubeseal, &["--fetch-cert"], "");
    assert_eq!(
        ran.assert_done().stdout,
        std::fs::read_to_string(key("seal.crt")).expect("a test key")
    );
    let ran = run(&place, &server, Program::Signet, &["seal"], &secret());
    ran.assert_done()
        .assert_says("certificate from service kube-system/sealed-secrets-controller, key ");
    unseal(&place, &ran.stdout);
    let paths: Vec<String> = server
        .requests()
        .into_iter()
        .map(|(request, _)| request)
        .collect();
    let once = [format!("GET {SERVICE}"), format!("GET {PROXY}/v1/cert.pem")];
    assert_eq!(paths, [once.clone(), once].concat());
}

#[test]
fn an_unknown_service_is_named_with_upstreams_advice() {
    let status =
        json!({"kind": "Status", "message": "services \"nope\" not\u{1b} found"}).to_string();
    let server = Server::start(&[(
        "GET /api/v1/namespaces/other/services/nope",
        answer("404 Not Found", status),
    )]);
    let commands = [(Program::Kubeseal, vec![]), (Program::Signet, vec!["seal"])];
    for (program, mut arguments) in commands {
        arguments.extend([
            "--controller-name",
            "nope",
            "--controller-namespace",
            "other",
        ]);
        let ran = run(&Place::new(), &server, program, &arguments, &secret());
        assert_eq!(ran.code, program.trouble());
        ran.assert_says("cannot get sealed secret service: services \"nope\" not\\u{1b} found.\nPlease, use the flag --controller-name and --controller-namespace")
            .assert_no_canary();
    }
    let ran = run(
        &Place::new(),
        &server,
        Program::Signet,
        &["seal", "--controller-name", "../../secrets"],
        &secret(),
    );
    ran.assert_says("invalid resource name \"../../secrets\": [may not contain '/']");
}

#[test]
fn verify_answers_yes_no_or_could_not_find_out() {
    let table = [
        ("200 OK", Some(0), Some(0)),
        ("409 Conflict", Some(1), Some(1)),
        ("500 Internal Server Error", Some(2), Some(1)),
        ("429 Too Many Requests", Some(2), Some(1)),
    ];
    for (status, signet_code, kubeseal_code) in table {
        let server = cluster(move |request, body| {
            let sent: Value = serde_json::from_str(body).ok()?;
            let complete = sent["kind"] == "SealedSecret"
                && sent["spec"]["encryptedData"]["password"].is_string();
            (request == "POST /v1/verify" && complete).then(|| answer(status, ""))
        });
        let place = Place::new();
        let signet = run(
            &place,
            &server,
            Program::Signet,
            &["verify"],
            &sealed("seal.crt"),
        );
        assert_eq!(signet.code, signet_code, "{status} {}", signet.said());
        let kubeseal = run(
            &place,
            &server,
            Program::Kubeseal,
            &["--validate"],
            &sealed("seal.crt"),
        );
        assert_eq!(
            (kubeseal.code, kubeseal.stdout.as_str()),
            (kubeseal_code, ""),
            "{status}"
        );
        match status {
            "200 OK" => assert_eq!(signet.stdout, "pay/db: opens\n"),
            "409 Conflict" => {
                assert_eq!(signet.stdout, "pay/db: does not open\n");
                kubeseal.assert_says("error: unable to decrypt sealed secret: db\n");
            }
            _ => {
                kubeseal.assert_says("error: cannot validate sealed secret: ");
            }
        }
    }
}

/// A controller that rotates by sealing the secret's value anew.
fn rotating(change: impl Fn(&mut Value) + Send + 'static) -> Server {
    cluster(move |request, body| {
        if request != "POST /v1/rotate" {
            return None;
        }
        let mut object: Value = serde_json::from_str(body).ok()?;
        let fresh = Place::new().run(
            Program::Signet,
            &words(&["seal", "-o", "json", "--cert", &key("seal.crt")]),
            secret().as_bytes(),
        );
        let fresh: Value = serde_json::from_str(&fresh.stdout).ok()?;
        object["spec"]["encryptedData"] = fresh["spec"]["encryptedData"].clone();
        change(&mut object);
        Some(answer("200 OK", object.to_string()))
    })
}

#[test]
fn re_encrypting_a_file_changes_its_ciphertexts_and_nothing_else() {
    let server = rotating(|object| {
        object["spec"]["template"] =
            json!({"type": "evil", "metadata": {"labels": {"evil": "true"}}});
        object["metadata"]["annotations"] = json!({"evil": "true"});
        object["spec"]["encryptedData"]["extra"] =
            object["spec"]["encryptedData"]["password"].clone();
    });
    for flag in ["--re-encrypt", "--rotate"] {
        let place = Place::new();
        let before = format!(
            "# head\n{}",
            sealed("other.crt").replace("spec:\n", "spec: # what is sealed\n")
        );
        place.write("t.yaml", &before);
        run(
            &place,
            &server,
            Program::Kubeseal,
            &[flag, "-f", "t.yaml"],
            "",
        )
        .assert_done();
        let after = place.read("t.yaml");
        let others = |text: &str| {
            text.lines()
                .filter(|line| !line.contains("password:"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(others(&after), others(&before));
        assert_ne!(after, before);
        unseal(&place, &after);
    }
}

#[test]
fn a_file_that_changes_while_the_controller_works_keeps_the_change() {
    let place = Place::new();
    let file = place.path("t.yaml");
    let theirs = format!("# theirs\n{}", sealed("other.crt"));
    let change = (file, theirs.clone());
    let server = rotating(move |_| std::fs::write(&change.0, &change.1).expect("a write"));
    place.write("t.yaml", sealed("other.crt"));
    let arguments = ["--re-encrypt", "-f", "t.yaml"];
    let ran = run(&place, &server, Program::Kubeseal, &arguments, "");
    assert_eq!(ran.code, Some(1), "{}", ran.said());
    ran.assert_says("error: t.yaml was changed by another program meanwhile")
        .assert_says("hint: nothing was written; run it again");
    assert_eq!(place.read("t.yaml"), theirs);
}

#[test]
fn what_is_re_encrypted_from_a_pipe_goes_to_stdout() {
    let server = rotating(|_| {});
    let place = Place::new();
    let arguments = ["--re-encrypt", "-f", "/dev/stdin"];
    let input = sealed("other.crt");
    let ran = run(&place, &server, Program::Kubeseal, &arguments, &input);
    assert!(
        ran.assert_done().stdout.starts_with("{\n"),
        "{}",
        ran.said()
    );
}

#[test]
fn re_encrypting_stdin_prints_in_the_format_that_is_asked_for() {
    let server = rotating(|_| {});
    let place = Place::new();
    let json = run(
        &place,
        &server,
        Program::Kubeseal,
        &["--re-encrypt"],
        &sealed("other.crt"),
    );
    assert!(
        json.assert_done().stdout.starts_with("{\n"),
        "{}",
        json.stdout
    );
    assert_eq!(
        item(&unseal(&place, &json.stdout), "password"),
        crate::support::CANARY.as_bytes()
    );
    let yaml = run(
        &place,
        &server,
        Program::Kubeseal,
        &["--re-encrypt", "-o", "yaml"],
        &sealed("other.crt"),
    );
    assert!(yaml.assert_done().stdout.starts_with("---\n"));
}

#[test]
fn an_answer_that_is_not_what_was_asked_for_leaves_the_file() {
    let shorter = |object: &mut Value| {
        object["spec"]["encryptedData"]["password"] = object["spec"]["encryptedData"]["password"]
            .as_str()
            .map_or(Value::Null, |text| json!(text[..text.len() - 4]));
    };
    let servers = [
        (
            rotating(shorter),
            "the controller's answer for item password is not what was asked for",
        ),
        (
            rotating(|object| object["spec"]["encryptedData"] = json!({})),
            "the controller's answer for item password",
        ),
        (
            rotating(|object| *object = json!({"kind": "Secret"})),
            "the controller's answer is not a SealedSecret",
        ),
        (
            cluster(|_, _| Some(answer("409 Conflict", ""))),
            "unable to rotate secret",
        ),
        (
            cluster(|_, _| Some(answer("500 Internal Server Error", ""))),
            "cannot re-encrypt secret: 500 Internal Server Error",
        ),
    ];
    for (server, expected) in servers {
        let place = Place::new();
        let before = sealed("other.crt");
        place.write("t.yaml", &before);
        let ran = run(
            &place,
            &server,
            Program::Kubeseal,
            &["--re-encrypt", "-f", "t.yaml"],
            "",
        );
        assert_eq!(ran.code, Some(1), "{}", ran.said());
        ran.assert_says(expected);
        assert_eq!(place.read("t.yaml"), before);
    }
}

#[test]
fn without_any_configuration_upstreams_text_is_shown() {
    for (program, arguments) in [
        (Program::Kubeseal, vec![]),
        (Program::Signet, words(&["seal"])),
    ] {
        let ran = Place::new().run(program, &arguments, secret().as_bytes());
        assert_eq!(ran.code, program.trouble());
        let (cause, advice) = match program {
            Program::Kubeseal => (
                "invalid configuration: no configuration has been provided",
                "KUBERNETES_MASTER is not read",
            ),
            Program::Signet => (
                "there is no kubeconfig that names a cluster",
                "set KUBECONFIG, or write ~/.kube/config; sealing needs no cluster with --cert",
            ),
        };
        ran.assert_says(cause)
            .assert_says(advice)
            .assert_no_canary();
    }
}

#[test]
fn what_keeps_from_the_service_is_named_with_advice_that_fits_it() {
    let table = [
        (
            "401 Unauthorized",
            "the credential of the kubeconfig is wrong or has expired",
        ),
        ("403 Forbidden", "ask for the right to get this Service"),
        ("404 Not Found", "kubectl get services -A"),
        ("503 Service Unavailable", "try again later"),
    ];
    for (status, advice) in table {
        let server = Server::start_with(move |_, _| Some(answer(status, "{}")));
        assert_advice(&server.address, advice);
    }
    assert_advice("http://127.0.0.1:1", "can this machine reach it?");
}

/// What both programs say when they look for the Service at this address.
fn assert_advice(address: &str, advice: &str) {
    for program in Program::BOTH {
        let place = Place::new();
        place.write(
            "config",
            format!(
                "current-context: c\nclusters: [{{name: c, cluster: {{server: '{address}'}}}}]\ncontexts: [{{name: c, context: {{cluster: c}}}}]\n"
            ),
        );
        let verb = match program {
            Program::Signet => "verify",
            Program::Kubeseal => "--validate",
        };
        let ran = place.run(program, &words(&[verb, "--kubeconfig", "config"]), b"");
        assert_eq!(ran.code, program.trouble(), "{}", ran.said());
        ran.assert_says("cannot get sealed secret service: ")
            .assert_says(advice);
        assert!(!ran.stderr.contains("--cert"), "{}", ran.said());
        // Upstream says this of every cause; it fits one.
        let names_flags = ran.stderr.contains("Please, use the flag");
        let fits = advice.contains("get services");
        assert_eq!(names_flags, fits || program == Program::Kubeseal);
    }
}

#[test]
fn a_kubeconfig_that_is_broken_is_named_and_not_quoted() {
    let place = Place::new();
    place.write(
        "config",
        "users: [{name: a, user: {token: canary-4711-hunter2}}, {\n",
    );
    for program in Program::BOTH {
        let mut arguments = if program == Program::Signet {
            words(&["seal"])
        } else {
            Vec::new()
        };
        arguments.extend(words(&["--kubeconfig", "config"]));
        let ran = place.run(program, &arguments, secret().as_bytes());
        assert_eq!(ran.code, program.trouble());
        ran.assert_says("error loading config file \"config\": not a kubeconfig")
            .assert_no_canary();
    }
}

#[test]
fn a_controller_that_is_busy_is_asked_again() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = cluster(move |_, _| {
        let before = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let busy = Answer {
            headers: "retry-after: 0\r\n".to_owned(),
            ..answer("429 Too Many Requests", "")
        };
        Some(if before < 2 {
            busy
        } else {
            answer("200 OK", "")
        })
    });
    let ran = run(
        &Place::new(),
        &server,
        Program::Kubeseal,
        &["--validate"],
        &sealed("seal.crt"),
    );
    ran.assert_done();
}
