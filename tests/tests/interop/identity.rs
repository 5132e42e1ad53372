//! As whom both `kubeseal`s reach the cluster: client certificates, tokens, credential plugins, impersonation, Pods.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::kubectl;
use signet_harness::upstream::in_cluster_command;
use signet_harness::{ControlPlane, binary};
use signet_tests::fresh_namespace;

use crate::world::{self, Cli};

/// Runs both programs with this environment and these flags, to fetch the certificate.
pub(crate) fn check(
    what: &str,
    variables: &[(&str, &str)],
    flags: &[&str],
    works: bool,
) -> anyhow::Result<()> {
    let world = world::signet()?;
    for cli in Cli::BOTH {
        let mut command = cli.command(&world.plane)?;
        command
            .env("HOME", "/nonexistent")
            .envs(variables.iter().copied())
            .arg("--fetch-cert")
            .args(flags);
        let output = kubectl::run(command, "")?;
        ensure!(
            output.status.success() == works && (output.stdout == world.certificate) == works,
            "{what}, {cli:?}: {output:?}"
        );
    }
    Ok(())
}

/// A folder for one test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> anyhow::Result<String> {
        let path = self.path(name).into_os_string();
        path.into_string().ok().context("a path in UTF-8")
    }

    /// A kubeconfig with one cluster and this user.
    pub(crate) fn kubeconfig(&self, cluster: &Value, user: &Value) -> anyhow::Result<String> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        });
        std::fs::write(self.path("config"), config.to_string())?;
        self.text("config")
    }

    fn script(&self, name: &str, text: &str) -> anyhow::Result<String> {
        std::fs::write(self.path(name), format!("#!/bin/sh\n{text}\n"))?;
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.path(name), executable)?;
        self.text(name)
    }
}

pub(crate) fn cluster(plane: &ControlPlane) -> Value {
    json!({"server": plane.url(), "certificate-authority": plane.ca_file()})
}

/// The key pair that the API server trusts: its own certificate is the authority.
pub(crate) fn client_pair() -> anyhow::Result<(PathBuf, PathBuf)> {
    static PAIR: std::sync::OnceLock<Result<tempfile::TempDir, String>> =
        std::sync::OnceLock::new();
    let made = PAIR.get_or_init(|| make_pair().map_err(|error| format!("{error:#}")));
    let folder = made
        .as_ref()
        .map_err(|error| anyhow::anyhow!("no client certificate: {error}"))?;
    Ok((
        folder.path().join("client.crt"),
        folder.path().join("client.key"),
    ))
}

fn make_pair() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(binary::path("signet")?);
    command
        .current_dir(folder.path())
        .args([
            "keys",
            "generate",
            "--bits",
            "2048",
            "--common-name",
            world::DEVELOPER,
        ])
        .args(["--out-key", "client.key", "--out-cert", "client.crt"]);
    kubectl::run(command, "")?.success("signet keys generate")?;
    Ok(folder)
}

#[test]
fn client_certificates_are_shown_by_flag_and_by_kubeconfig() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let folder = Folder::new()?;
    let (certificate, key) = client_pair()?;
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a path in UTF-8");
    let flags = [text(&certificate)?, text(&key)?];
    let flags = ["--client-certificate", &flags[0], "--client-key", &flags[1]];
    let nobody = folder.kubeconfig(&cluster(plane), &json!({}))?;
    check("nobody", &[("KUBECONFIG", &nobody)], &[], false)?;
    check("by flag", &[("KUBECONFIG", &nobody)], &flags, true)?;
    let files = json!({"client-certificate": certificate, "client-key": key});
    let by_file = folder.kubeconfig(&cluster(plane), &files)?;
    check("by file", &[("KUBECONFIG", &by_file)], &[], true)?;
    let data = |path: &Path| -> anyhow::Result<String> {
        use base64::Engine as _;
        Ok(base64::engine::general_purpose::STANDARD.encode(std::fs::read(path)?))
    };
    let inline =
        json!({"client-certificate-data": data(&certificate)?, "client-key-data": data(&key)?});
    let inline = folder.kubeconfig(&cluster(plane), &inline)?;
    check("inline", &[("KUBECONFIG", &inline)], &[], true)
}

#[test]
fn tokens_from_files_and_impersonation_of_the_kubeconfig_count() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let folder = Folder::new()?;
    std::fs::write(folder.path("token"), "token-of-admin\n")?;
    let file = folder.text("token")?;
    let table = [
        (json!({"tokenFile": file}), true),
        (json!({"token": "wrong"}), false),
        (
            json!({"token": "token-of-admin", "as": world::DEVELOPER}),
            true,
        ),
        (
            json!({"token": "token-of-admin", "as": "system:anonymous"}),
            false,
        ),
        (
            json!({"token": "token-of-admin", "as": "x", "as-uid": "7", "as-groups": ["system:authenticated"]}),
            true,
        ),
        (
            json!({"token": "token-of-admin", "as": "x", "as-groups": ["system:unauthenticated"]}),
            false,
        ),
    ];
    for (user, works) in table {
        let config = folder.kubeconfig(&cluster(plane), &user)?;
        check(&user.to_string(), &[("KUBECONFIG", &config)], &[], works)?;
    }
    Ok(())
}

#[test]
fn credential_plugins_are_run_and_told_about_the_cluster() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let folder = Folder::new()?;
    let seen = folder.text("seen")?;
    for version in ["v1", "v1beta1"] {
        let api_version = format!("client.authentication.k8s.io/{version}");
        let credential = json!({
            "apiVersion": api_version,
            "kind": "ExecCredential",
            "status": {"token": "token-of-admin"},
        });
        let plugin = folder.script(
            "plugin",
            &format!("printf '%s' \"$KUBERNETES_EXEC_INFO\" >\"$1\"\ntest \"$EXTRA\" = yes && echo '{credential}'"),
        )?;
        let exec = json!({
            "apiVersion": api_version,
            "command": plugin,
            "args": [seen],
            "env": [{"name": "EXTRA", "value": "yes"}],
            "interactiveMode": "Never",
            "provideClusterInfo": true,
        });
        let config = folder.kubeconfig(&cluster(plane), &json!({"exec": exec}))?;
        check(version, &[("KUBECONFIG", &config)], &[], true)?;
        let told: Value = serde_json::from_str(&std::fs::read_to_string(&seen)?)?;
        assert_eq!(told["apiVersion"], api_version);
        assert_eq!(told["spec"]["cluster"]["server"], plane.url());
    }
    Ok(())
}

/// In a Pod there is no kubeconfig: address, token, CA and namespace come from the service account.
#[test]
fn both_programs_work_in_a_pod() -> anyhow::Result<()> {
    let world = world::signet()?;
    let plane = &world.plane;
    let namespace = fresh_namespace(plane, "pod")?;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "builder", "namespace": namespace}});
    plane.api().apply(&account)?;
    let clear = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"k": "v"}});
    // What Kubernetes tells a Pod about a Service of the name that upstream's chart gives.
    let links = [
        ("SEALED_SECRETS_PORT", "tcp://10.0.0.7:8080"),
        ("SEALED_SECRETS_SERVICE_HOST", "10.0.0.7"),
        ("SEALED_SECRETS_SERVICE_PORT", "8080"),
        ("SEALED_SECRETS_SERVICE_PORT_HTTP", "8080"),
        ("SEALED_SECRETS_PORT_8080_TCP", "tcp://10.0.0.7:8080"),
        ("SEALED_SECRETS_PORT_8080_TCP_PROTO", "tcp"),
        ("SEALED_SECRETS_PORT_8080_TCP_PORT", "8080"),
        ("SEALED_SECRETS_PORT_8080_TCP_ADDR", "10.0.0.7"),
    ];
    for cli in Cli::BOTH {
        let run = |arguments: &[&str], stdin: &str| {
            let mut command = in_cluster_command(plane, &namespace, "builder", &cli.path(plane)?)?;
            command
                .env_remove("KUBECONFIG")
                .env("HOME", "/nonexistent")
                .envs(links)
                .args(arguments);
            kubectl::run(command, stdin)
        };
        let fetched = run(&["--fetch-cert"], "")?.success("kubeseal in a Pod")?;
        assert_eq!(fetched, world.certificate, "{cli:?}");
        let sealed = run(&[], &clear.to_string())?.success("kubeseal in a Pod")?;
        let sealed: Value = serde_json::from_str(&sealed)?;
        assert_eq!(
            sealed["metadata"]["namespace"],
            namespace.as_str(),
            "{cli:?}"
        );
        let overridden = run(&["-n", "ns/other"], &clear.to_string())?.success("kubeseal")?;
        let overridden: Value = serde_json::from_str(&overridden)?;
        assert_eq!(overridden["metadata"]["namespace"], "other", "{cli:?}");
    }
    Ok(())
}

/// Why a value without quotes is refused although upstream converts it: nothing else in Kubernetes takes it.
#[test]
fn kubectl_refuses_numbers_and_booleans_as_values_too() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    for scalar in ["0123", "yes", "1.0", "true", "12"] {
        let clear = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: unquoted, namespace: default}}\nstringData: {{pin: {scalar}}}\n"
        );
        let theirs = Cli::Upstream.run(plane, &[], &clear)?;
        assert!(theirs.status.success(), "{scalar}: {theirs:?}");
        let ours = Cli::Signet.run(plane, &[], &clear)?;
        if ["true", "12"].contains(&scalar) {
            // Text that Go keeps is taken.
            assert!(ours.status.success(), "{scalar}: {ours:?}");
        } else {
            assert_eq!(ours.status.code(), Some(1), "{scalar}");
            assert!(ours.stderr.contains("stringData.pin"), "{}", ours.stderr);
        }
        for validate in ["--validate=true", "--validate=false"] {
            let apply = ["create", "--dry-run=server", validate, "-f", "-"];
            let refused = plane.kubectl()?.run(&apply, &clear)?;
            assert!(
                !refused.status.success(),
                "{scalar} {validate}: {refused:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn impersonation_is_asked_for_by_flags() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let folder = Folder::new()?;
    let admin = folder.kubeconfig(&cluster(plane), &json!({"token": "token-of-admin"}))?;
    let table: &[(&[&str], bool)] = &[
        (&["--as", world::DEVELOPER], true),
        (&["--as", "system:anonymous"], false),
        (&["--as", "x", "--as-group", "system:authenticated"], true),
        (
            &["--as", "x", "--as-group", "system:unauthenticated"],
            false,
        ),
        (
            &[
                "--as",
                "x",
                "--as-uid",
                "7",
                "--as-group",
                "a",
                "--as-group",
                "system:masters",
            ],
            true,
        ),
    ];
    for (flags, works) in table {
        check(
            &format!("{flags:?}"),
            &[("KUBECONFIG", &admin)],
            flags,
            *works,
        )?;
    }
    // Who may not speak for others is told so.
    let dev = folder.kubeconfig(
        &cluster(plane),
        &json!({"token": format!("token-of-{}", world::DEVELOPER)}),
    )?;
    check("a developer", &[("KUBECONFIG", &dev)], &[], true)?;
    check(
        "a developer as admin",
        &[("KUBECONFIG", &dev)],
        &["--as", "admin"],
        false,
    )
}

#[test]
fn a_plugin_may_give_a_client_certificate_instead_of_a_token() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let folder = Folder::new()?;
    let (certificate, key) = client_pair()?;
    let api_version = "client.authentication.k8s.io/v1";
    let credential = json!({
        "apiVersion": api_version,
        "kind": "ExecCredential",
        "status": {
            "clientCertificateData": std::fs::read_to_string(certificate)?,
            "clientKeyData": std::fs::read_to_string(key)?,
        },
    });
    std::fs::write(folder.path("credential"), credential.to_string())?;
    let plugin = folder.script("plugin", &format!("cat '{}'", folder.text("credential")?))?;
    let exec = json!({"apiVersion": api_version, "command": plugin, "interactiveMode": "Never"});
    let config = folder.kubeconfig(&cluster(plane), &json!({"exec": exec}))?;
    check(
        "a certificate of a plugin",
        &[("KUBECONFIG", &config)],
        &[],
        true,
    )
}

#[test]
fn an_oidc_token_of_the_kubeconfig_is_sent() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let namespace = fresh_namespace(plane, "oidc")?;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ci", "namespace": namespace}});
    plane.api().apply(&account)?;
    // What an identity provider hands out is such a token too; here the API server itself is the issuer.
    let token = plane.service_account_token(&namespace, "ci")?;
    let folder = Folder::new()?;
    for (token, works) in [(token.clone(), true), (format!("{token}x"), false)] {
        let oidc = json!({"idp-issuer-url": "https://127.0.0.1:1", "client-id": "signet", "id-token": token});
        let user = json!({"auth-provider": {"name": "oidc", "config": oidc}});
        let config = folder.kubeconfig(&cluster(plane), &user)?;
        check("oidc", &[("KUBECONFIG", &config)], &[], works)?;
    }
    Ok(())
}

/// The first line that a program says, and its exit code.
pub(crate) fn told(
    cli: Cli,
    folder: &Folder,
    arguments: &[&str],
) -> anyhow::Result<(Option<i32>, String)> {
    let mut command = cli.command(&world::signet()?.plane)?;
    command
        .current_dir(folder.0.path())
        .env("HOME", "/nonexistent")
        .arg("--fetch-cert")
        .args(arguments);
    let output = kubectl::run(command, "")?;
    let line = output.stderr.lines().next().unwrap_or_default().to_owned();
    Ok((output.status.code(), line))
}

#[test]
fn what_is_wrong_with_a_kubeconfig_is_told_in_the_same_words() -> anyhow::Result<()> {
    let server = json!({"server": "https://127.0.0.1:1"});
    let basic = json!({"username": "a", "password": "b"});
    let none = json!({});
    let rows: &[(&Value, &Value, &[&str])] = &[
        (&server, &json!({"token": "t", "username": "a"}), &[]),
        (&server, &basic, &["--token", "t"]),
        (
            &server,
            &json!({"token": "t"}),
            &["--username", "a", "--password", "b"],
        ),
        (&server, &none, &["--as-group", "g"]),
        (&server, &none, &["--as-uid", "7"]),
        (&server, &none, &["--user", "nobody"]),
        (&server, &none, &["--cluster", "nowhere"]),
        (&server, &none, &["--context", "nothing"]),
        (&server, &none, &["--client-certificate", "config"]),
        (
            &server,
            &none,
            &["--client-certificate", "no.crt", "--client-key", "no.key"],
        ),
        (&server, &none, &["--certificate-authority", "no.crt"]),
        (&server, &none, &["--request-timeout", "soon"]),
        (
            &json!({"server": "https://127.0.0.1:1", "certificate-authority": "/no.crt"}),
            &basic,
            &["--token", "t"],
        ),
        (&none, &none, &[]),
        (&none, &basic, &["--token", "t"]),
    ];
    let folder = Folder::new()?;
    for (cluster, user, flags) in rows {
        folder.kubeconfig(cluster, user)?;
        let arguments = [&["--kubeconfig", "config"], *flags].concat();
        let theirs = told(Cli::Upstream, &folder, &arguments)?;
        assert_eq!(theirs.0, Some(1), "{cluster} {user} {flags:?}: {theirs:?}");
        assert_eq!(
            told(Cli::Signet, &folder, &arguments)?,
            theirs,
            "{cluster} {user} {flags:?}"
        );
    }
    let current =
        json!({"current-context": "gone", "clusters": [{"name": "c", "cluster": server}]});
    std::fs::write(folder.path("config"), current.to_string())?;
    for flags in [
        &[][..],
        &["--server", "https://127.0.0.1:1"],
        &["--cluster", "c"],
    ] {
        let arguments = [&["--kubeconfig", "config"], flags].concat();
        let theirs = told(Cli::Upstream, &folder, &arguments)?;
        assert!(theirs.1.contains("context was not found"), "{theirs:?}");
        assert_eq!(told(Cli::Signet, &folder, &arguments)?, theirs, "{flags:?}");
    }
    let no_cluster = json!({
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "gone", "user": "u"}}],
    });
    std::fs::write(folder.path("config"), no_cluster.to_string())?;
    for flags in [&[][..], &["--certificate-authority", "no.crt"]] {
        let arguments = [&["--kubeconfig", "config"], flags].concat();
        let theirs = told(Cli::Upstream, &folder, &arguments)?;
        assert_eq!(told(Cli::Signet, &folder, &arguments)?, theirs, "{flags:?}");
    }
    Ok(())
}
