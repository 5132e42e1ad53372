//! Nowhere to write: upstream's controller once died where its root file system was read-only.

use std::path::Path;

use anyhow::ensure;
use signet_harness::upstream::{SERVICE, apply_upstream_rbac, in_cluster_command};
use signet_harness::{ControlPlane, Process, binary, port};
use signet_tests::signet::{CAP, SignetController, apply, await_items, await_reason, seal, secret};
use signet_tests::{fresh_namespace, shared};

use crate::http::send;

/// Makes every file system read-only, shows that it is, and goes on with the program.
const READ_ONLY: &str = r#"
while read -r _ point _; do mount -o remount,bind,ro "$point" 2>/dev/null || true; done </proc/self/mounts
for folder in / /tmp /var/tmp /run /var/run/secrets /dev/shm "$HOME" .; do
    ! test -d "$folder" || ! touch "$folder/probe" 2>/dev/null || { echo "$folder can be written" >&2; exit 98; }
done
exec "$@"
"#;

fn start_read_only(plane: &ControlPlane, namespace: &str) -> anyhow::Result<SignetController> {
    apply_upstream_rbac(plane, namespace, SERVICE)?;
    let (port, metrics_port) = (port::free()?, port::free()?);
    let mut command = in_cluster_command(plane, namespace, SERVICE, Path::new("sh"))?;
    command
        .args(["-c", READ_ONLY, "read-only"])
        .arg(binary::path("signet-controller")?)
        .arg(format!("--listen-addr=:{port}"))
        .arg(format!("--listen-metrics-addr=:{metrics_port}"))
        .arg("--key-size=2048");
    let mut process = Process::spawn("signet-read-only", command, &plane.log_dir())?;
    process.wait_for_http("127.0.0.1", port, "/readyz", CAP)?;
    Ok(SignetController {
        process,
        namespace: namespace.to_owned(),
        port,
        metrics_port,
    })
}

#[test]
fn the_controller_works_where_nothing_can_be_written() -> anyhow::Result<()> {
    let plane = shared()?;
    let keys = fresh_namespace(plane, "read-only-keys")?;
    let mut controller = start_read_only(plane, &keys)?;
    let namespace = fresh_namespace(plane, "read-only")?;
    let clear = secret(&namespace, "db", &[("k", "v")]);
    let sealed = seal(&controller.certificate()?, &clear, &[])?;
    apply(plane, &sealed)?;
    await_items(plane, &namespace, "db", &[("k", "v")])?;
    await_reason(plane, &namespace, "db", "Unsealed")?;
    for path in ["verify", "rotate"] {
        let url = format!("{}/v1/{path}", controller.url());
        assert_eq!(send("POST", &url, &sealed.to_string())?.0, 200, "{path}");
    }
    let status = controller.process.terminate(CAP)?;
    ensure!(status.success(), "{}", controller.process.log_tail());
    Ok(())
}
