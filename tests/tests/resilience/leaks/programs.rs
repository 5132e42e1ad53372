//! The command line, run into its errors with canaries at hand.

use std::path::Path;

use anyhow::ensure;
use serde_json::json;
use signet_harness::ControlPlane;
use signet_tests::signet::{cli, seal};
use tempfile::TempDir;

use super::canaries::{NOT_A_KEY, TEXT};
use super::objects::{GOOD_KEY, MISMATCHED_KEY, clear};
use super::sinks::Sinks;

/// Files that the command lines name.
struct Files {
    dir: TempDir,
}

impl Files {
    fn new(certificate: &str) -> anyhow::Result<Self> {
        let files = Self {
            dir: tempfile::tempdir()?,
        };
        let sealed = seal(GOOD_KEY.0, &clear("leaks", "lost"), &[])?;
        let contents = [
            ("cert.pem", certificate),
            ("key-as-cert.pem", GOOD_KEY.1),
            ("both.pem", &format!("{}{}", GOOD_KEY.1, GOOD_KEY.0)),
            ("canary.pem", NOT_A_KEY),
            ("wrong.key", MISMATCHED_KEY.1),
            (
                "no.key",
                &format!(
                    "-----BEGIN RSA PRIVATE KEY-----\n{NOT_A_KEY}\n-----END RSA PRIVATE KEY-----\n"
                ),
            ),
            ("cut.key", &GOOD_KEY.1[..GOOD_KEY.1.len() / 2]),
            ("sealed.json", &sealed.to_string()),
            ("clear.json", &clear("leaks", "clear").to_string()),
        ];
        for (name, content) in contents {
            std::fs::write(files.dir.path().join(name), content)?;
        }
        Ok(files)
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(Path::new(name)).display().to_string()
    }
}

/// Runs both programs with inputs that they must refuse, and with good ones; notes all that they say.
pub(super) fn run_into_errors(
    sinks: &Sinks,
    plane: &ControlPlane,
    certificate: &str,
) -> anyhow::Result<()> {
    let files = Files::new(certificate)?;
    let good = clear("leaks", "cli").to_string();
    for (arguments, stdin) in refused_inputs(&good) {
        for (program, verb) in [("kubeseal", None), ("signet", Some("seal"))] {
            let cert = files.path("cert.pem");
            let mut line: Vec<&str> = verb.into_iter().collect();
            line.extend(["--cert", &cert]);
            line.extend(arguments);
            run(sinks, plane, program, &line, &stdin, false)?;
        }
    }
    for bad in [
        "key-as-cert.pem",
        "both.pem",
        "canary.pem",
        "clear.json",
        "sealed.json",
        "none.pem",
    ] {
        run(
            sinks,
            plane,
            "kubeseal",
            &["--cert", &files.path(bad)],
            &good,
            false,
        )?;
        run(
            sinks,
            plane,
            "signet",
            &["seal", "--cert", &files.path(bad)],
            &good,
            false,
        )?;
    }
    for key in [
        "wrong.key",
        "no.key",
        "cut.key",
        "canary.pem",
        "clear.json",
        "none.key",
    ] {
        let sealed = std::fs::read_to_string(files.path("sealed.json"))?;
        let line = [
            "--recovery-unseal",
            "--recovery-private-key",
            &files.path(key),
        ];
        run(sinks, plane, "kubeseal", &line, &sealed, false)?;
    }
    for mode in ["--validate", "--re-encrypt"] {
        let sealed = std::fs::read_to_string(files.path("sealed.json"))?;
        for stdin in [
            sealed.replace("\"lost\"", "\"other\""),
            good.clone(),
            TEXT.to_owned(),
        ] {
            run(sinks, plane, "kubeseal", &[mode], &stdin, false)?;
        }
    }
    // A value that also stands where it would be published: kubeseal only warns.
    let mut copied = clear("leaks", "cli");
    copied["metadata"]["annotations"] = json!({"copy": TEXT});
    let line = ["seal", "--cert", &files.path("cert.pem")];
    run(sinks, plane, "signet", &line, &copied.to_string(), false)?;
    run(
        sinks,
        plane,
        "kubeseal",
        &["--cert", &files.path("cert.pem")],
        &good,
        true,
    )?;
    run(
        sinks,
        plane,
        "signet",
        &["seal", "--cert", &files.path("cert.pem")],
        &good,
        true,
    )
}

/// Further arguments and inputs that nobody can seal.
fn refused_inputs(good: &str) -> Vec<(&'static [&'static str], String)> {
    let mut config_map = clear("leaks", "cli");
    config_map["kind"] = json!("ConfigMap");
    let mut no_base64 = clear("leaks", "cli");
    no_base64["data"]["text"] = json!(TEXT);
    let mut wrong_type = clear("leaks", "cli");
    wrong_type["stringData"]["text"] = json!({TEXT: [TEXT]});
    let mut wrong_data = clear("leaks", "cli");
    wrong_data["data"] = json!(TEXT);
    let mut nameless = clear("leaks", "cli");
    nameless["metadata"] = json!({});
    vec![
        (&[], config_map.to_string()),
        (&[], no_base64.to_string()),
        (&[], wrong_type.to_string()),
        (&[], wrong_data.to_string()),
        (&[], nameless.to_string()),
        (&[], format!("{good}\n---\n{no_base64}")),
        (&[], format!("{good}\n---\nkind: Secret\n\t{TEXT}")),
        (&[], TEXT.to_owned()),
        (&[], format!("text: {TEXT}\n  - {TEXT}")),
        (&[], format!("*{TEXT}")),
        (&["-n", "elsewhere"], good.to_owned()),
        (&["-w", "/nonexistent/folder/file.yaml"], good.to_owned()),
        (
            &["--merge-into", "/nonexistent/folder/file.yaml"],
            good.to_owned(),
        ),
        (&["--scope", "nowhere"], good.to_owned()),
        (&["--raw"], TEXT.to_owned()),
    ]
}

fn run(
    sinks: &Sinks,
    plane: &ControlPlane,
    program: &str,
    arguments: &[&str],
    stdin: &str,
    expected: bool,
) -> anyhow::Result<()> {
    let output = cli(plane, program, arguments, stdin)?;
    let line = format!("{program} {}", arguments.join(" "));
    ensure!(
        output.status.success() == expected,
        "{line} ended with {}: {}",
        output.status,
        output.stderr
    );
    sinks.note(
        "cli",
        &format!("{line}\n{}\n{}", output.stdout, output.stderr),
    )
}
