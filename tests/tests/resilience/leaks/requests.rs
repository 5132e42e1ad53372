//! Every question that the controller's ports answer, well put and badly.

use serde_json::{Value, json};
use signet_tests::signet::SignetController;

use super::canaries::TEXT;
use super::objects::{GOOD_KEY, clear};
use super::sinks::Sinks;
use crate::http;

/// Asks everything, and notes all answers.
pub(super) fn ask_everything(
    sinks: &Sinks,
    controller: &SignetController,
    sealed: &Value,
) -> anyhow::Result<()> {
    let mut tampered = sealed.clone();
    tampered["metadata"]["name"] = json!("another");
    let mut wrong_type = sealed.clone();
    wrong_type["spec"]["encryptedData"]["text"] = json!({TEXT: TEXT});
    let in_clear = clear("leaks", "in-clear");
    let bodies = [
        sealed.to_string(),
        tampered.to_string(),
        wrong_type.to_string(),
        in_clear.to_string(),
        format!("[{in_clear}, {in_clear}]"),
        TEXT.to_owned(),
        format!("a: {TEXT}\n\tb: {TEXT}"),
        format!("\"{TEXT}\""),
        GOOD_KEY.1.to_owned(),
        String::new(),
    ];
    let ports = [controller.port, controller.metrics_port];
    for port in ports {
        let paths = [
            "/v1/cert.pem",
            "/v1/verify",
            "/v1/rotate",
            "/healthz",
            "/readyz",
            "/metrics",
            "/",
            "/other",
        ];
        for path in paths {
            let url = format!("http://127.0.0.1:{port}{path}");
            for method in ["GET", "PUT", "DELETE"] {
                ask(sinks, method, &url, "")?;
            }
            for body in &bodies {
                ask(sinks, "POST", &url, body)?;
            }
        }
    }
    Ok(())
}

fn ask(sinks: &Sinks, method: &str, url: &str, body: &str) -> anyhow::Result<()> {
    let (code, answer) = http::send(method, url, body)?;
    sinks.note("http", &format!("{method} {url}: HTTP {code}\n{answer}"))
}
