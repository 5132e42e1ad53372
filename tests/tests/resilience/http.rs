//! A request to the controller's port, as somebody sends it who reaches it: N of the trust boundaries.

use std::time::Duration;

/// Status and body of the answer to a POST.
pub(crate) fn post(url: &str, body: &str) -> anyhow::Result<(u16, String)> {
    send("POST", url, body)
}

/// Status and body of the answer to any request.
pub(crate) fn send(method: &str, url: &str, body: &str) -> anyhow::Result<(u16, String)> {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .new_agent();
    let request = ureq::http::Request::builder().method(method).uri(url);
    let mut answer = agent.run(request.body(body.to_owned())?)?;
    let text = answer
        .body_mut()
        .with_config()
        .lossy_utf8(true)
        .read_to_string()?;
    Ok((answer.status().as_u16(), text))
}
