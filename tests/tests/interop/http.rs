//! The HTTP API as strangers may use it: the paths kubeseal knows, and requests that no kubeseal would send.

use serde_json::{Value, json};
use signet_tests::signet::ensure_contains;

use crate::request::{moved, post, proxied, sealed, send, verify};
use crate::world;

const LARGEST_BODY: usize = 2 << 20;

#[test]
fn certificate_probes_verify_and_rotate_answer_through_the_service_proxy() -> anyhow::Result<()> {
    let world = world::signet()?;
    let get = |path: &str| world.plane.api().request("GET", &proxied(path), "", "");
    let certificate = get("/v1/cert.pem")?;
    assert_eq!(
        (certificate.status, &certificate.body),
        (200, &world.certificate)
    );
    for probe in ["/healthz", "/readyz"] {
        let answer = get(probe)?;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "ok\n"),
            "{probe}"
        );
    }
    let direct = send(&world.controller, "GET", "/v1/cert.pem", &[], "")?;
    assert_eq!(direct.header("content-type"), "application/x-pem-file");
    assert_eq!(direct.body.matches("BEGIN CERTIFICATE").count(), 1);

    let object = sealed(world, &[])?;
    assert_eq!(
        post(world, "/v1/verify", &object.to_string())?,
        (200, String::new())
    );
    let (status, body) = post(world, "/v1/rotate", &object.to_string())?;
    assert_eq!(status, 200);
    assert_eq!(serde_json::from_str::<Value>(&body)?, object);
    Ok(())
}

#[test]
fn a_wrong_method_is_refused_and_the_right_one_is_named() -> anyhow::Result<()> {
    let world = world::signet()?;
    let object = sealed(world, &[])?.to_string();
    let table = [
        ("GET", "/v1/verify", 405, "POST"),
        ("PUT", "/v1/verify", 405, "POST"),
        ("DELETE", "/v1/rotate", 405, "POST"),
        ("GET", "/v1/rotate", 405, "POST"),
        ("POST", "/v1/cert.pem", 405, "GET,HEAD"),
        ("POST", "/healthz", 405, "GET,HEAD"),
        ("TRACE", "/readyz", 405, "GET,HEAD"),
        ("POST", "/v1/unseal", 404, ""),
        ("GET", "/metrics", 404, ""),
    ];
    for (method, path, status, allow) in table {
        let body = if method == "TRACE" { "" } else { &object };
        let reply = send(&world.controller, method, path, &[], body)?;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (status, allow),
            "{method} {path}"
        );
    }
    Ok(())
}

#[test]
fn a_body_that_is_no_sealed_secret_gets_an_error_that_does_not_quote_it() -> anyhow::Result<()> {
    let world = world::signet()?;
    let object = sealed(world, &[])?;
    let two = format!("{object}\n---\n{object}\n");
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "quoted-canary"}, "data": {}});
    let nested = "[".repeat(100_000);
    let table = [
        ("empty", "", 400),
        ("no YAML", "quoted-canary: [", 400),
        ("a text", "quoted-canary", 400),
        ("a list", "[1, 2, 3]", 400),
        ("deep", &nested, 400),
        ("another kind", &other.to_string(), 400),
        ("two documents", &two, 400),
        ("too large", &"x".repeat(LARGEST_BODY + 1), 413),
    ];
    for (what, body, expected) in table {
        for endpoint in ["/v1/verify", "/v1/rotate"] {
            let (status, text) = post(world, endpoint, body)?;
            assert_eq!(status, expected, "{what} to {endpoint}: {text}");
            assert!(!text.contains("quoted-canary"), "{what}: {text}");
            assert!(text.len() < 500, "{what}: {text}");
        }
    }
    Ok(())
}

#[test]
fn verify_reads_yaml_as_well_as_json() -> anyhow::Result<()> {
    let world = world::signet()?;
    let yaml = sealed_yaml(world)?;
    ensure_contains(&yaml, "\nkind: SealedSecret\n")?;
    assert_eq!(post(world, "/v1/verify", &yaml)?, (200, String::new()));
    let foreign = yaml.replace("namespace: nowhere", "namespace: elsewhere");
    assert_eq!(post(world, "/v1/verify", &foreign)?.0, 409);
    Ok(())
}

fn sealed_yaml(world: &world::SignetWorld) -> anyhow::Result<String> {
    let clear = signet_tests::signet::secret("nowhere", "db", &[("password", "pw-in-clear")]);
    let arguments = ["--format", "yaml"];
    world::Cli::Upstream
        .run(&world.plane, &arguments, &clear.to_string())?
        .success("kubeseal")
}

/// The answer is the scope's, and it is the same whatever does not fit.
#[test]
fn verify_says_conflict_for_what_does_not_open_in_its_place() -> anyhow::Result<()> {
    let world = world::signet()?;
    let strict = sealed(world, &[])?;
    let namespace_wide = sealed(world, &["--scope", "namespace-wide"])?;
    let cluster_wide = sealed(world, &["--scope", "cluster-wide"])?;
    let mut unmarked = cluster_wide.clone();
    unmarked["metadata"]["annotations"] = json!({});
    let mut broken = strict.clone();
    broken["spec"]["encryptedData"]["user"] = "AgBhYmM=".into();
    let mut swapped_namespace = moved(&namespace_wide, "elsewhere", "db");
    swapped_namespace["spec"]["template"]["metadata"]["namespace"] = "nowhere".into();
    let table = [
        ("strict at home", strict.clone(), 200),
        ("strict, renamed", moved(&strict, "nowhere", "other"), 409),
        ("strict, moved", moved(&strict, "elsewhere", "db"), 409),
        ("one item is broken", broken, 409),
        (
            "namespace-wide, renamed",
            moved(&namespace_wide, "nowhere", "other"),
            200,
        ),
        ("namespace-wide, moved", swapped_namespace, 409),
        (
            "cluster-wide, moved",
            moved(&cluster_wide, "elsewhere", "other"),
            200,
        ),
        ("cluster-wide without its annotation", unmarked, 409),
    ];
    for (what, object, expected) in table {
        let answer = post(world, "/v1/verify", &object.to_string())?;
        assert_eq!(answer, (expected, String::new()), "{what}");
    }
    Ok(())
}

/// A name with a slash would be the label of another namespace's object; an empty one that of every object.
#[test]
fn verify_takes_no_name_that_imitates_another_label() -> anyhow::Result<()> {
    let world = world::signet()?;
    let strict = sealed(world, &[])?;
    let namespace_wide = sealed(world, &["--scope", "namespace-wide"])?;
    let mut imitation = moved(&strict, "nowhere/db", "x");
    imitation["metadata"]["annotations"] =
        json!({"sealedsecrets.bitnami.com/namespace-wide": "true"});
    let empty = moved(&namespace_wide, "", "db");
    for (what, object) in [("a slash", imitation), ("no namespace", empty)] {
        assert_eq!(verify(world, &object)?, 400, "{what}");
    }
    Ok(())
}

#[test]
fn verify_renders_no_template() -> anyhow::Result<()> {
    let world = world::signet()?;
    let mut object = sealed(world, &[])?;
    object["spec"]["template"]["data"] = json!({
        "broken": "{{ nosuchfunction }}",
        "failing": "{{ fail .password }}",
    });
    let answer = post(world, "/v1/verify", &object.to_string())?;
    assert_eq!(answer, (200, String::new()));
    Ok(())
}
