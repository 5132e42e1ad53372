//! The controller, reached as upstream reaches it: its Service, then the API server's service proxy.

mod why;

use std::path::Path;

use http::uri::Scheme;
use http::{Method, Request, StatusCode};
use kube::Config;
use kube::config::ExecInteractiveMode;
use serde_json::Value;
use signet_common::Printable;
use zeroize::Zeroizing;

use crate::certificate::MAX_CERTIFICATE_BYTES;
use crate::error::Failure;
use crate::fetch::looks_like_html;
use crate::http_client::{Answer, HttpClient, proxy_for};
use crate::known_keys::ControllerName;
use crate::kubeconfig::check::{check, no_configuration};
use crate::kubeconfig::timeout::timeout;
use crate::kubeconfig::{self, KubeOptions};
use crate::session::{Program, Session};
use why::Why;

/// Answers to verify and rotate, and objects of the API server.
const MAX_ANSWER_BYTES: usize = 10 * 1024 * 1024;

/// Which controller, in which cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controller {
    /// Name of its Service.
    pub name: String,
    /// Namespace of its Service.
    pub namespace: String,
    /// How to reach the cluster.
    pub kube: KubeOptions,
}

/// A controller whose Service was found.
pub struct Connection {
    name: ControllerName,
    http: HttpClient,
    proxy: String,
}

impl Connection {
    /// Looks the Service up.
    ///
    /// # Errors
    /// No usable configuration, no API server, or no such Service: upstream's text and advice.
    pub fn open(session: &Session<'_>, controller: &Controller) -> Result<Self, Failure> {
        let config = config(session, &controller.kube)?;
        let server = address(&config.cluster_url);
        let limit = timeout(&controller.kube.request_timeout)?;
        let program = session.program;
        let http = HttpClient::new(config, limit)
            .map_err(|failure| no_service(program, Why::NoClient, &failure.message))?;
        let Controller {
            name, namespace, ..
        } = controller;
        check_names(program, namespace, name)?;
        let path = format!("/api/v1/namespaces/{namespace}/services/{name}");
        let request = request(Method::GET, &path, Vec::new())?;
        let answer = http.send(request, MAX_ANSWER_BYTES).map_err(|why| {
            let url = format!("{server}{path}");
            let text = format!("Get \"{}\": {why}", Printable(&url));
            no_service(program, Why::of_network(&why), &text)
        })?;
        if answer.status != StatusCode::OK {
            let why = Why::of_answer(answer.status);
            return Err(no_service(program, why, &api_message(&answer)));
        }
        let port = port_name(&answer.body).ok_or_else(|| {
            let text = format!("service \"{name}\" has no port that can be used");
            no_service(program, Why::NotThere, &text)
        })?;
        let proxy = format!(
            "{path_base}:{port}/proxy",
            path_base = proxied(namespace, name)
        );
        let name = ControllerName {
            server,
            service: format!("{namespace}/{name}"),
        };
        Ok(Self { name, http, proxy })
    }

    /// What the controller is remembered as.
    pub fn name(&self) -> &ControllerName {
        &self.name
    }

    /// GET of an endpoint of the controller.
    ///
    /// # Errors
    /// It does not answer; the text is what happened.
    pub fn get(&self, endpoint: &str, limit: usize) -> Result<(StatusCode, Vec<u8>), Failure> {
        self.exchange(
            request(Method::GET, &self.path(endpoint), Vec::new())?,
            limit,
        )
    }

    /// POST of JSON to an endpoint of the controller.
    ///
    /// # Errors
    /// It does not answer; the text is what happened.
    pub fn post(&self, endpoint: &str, body: Vec<u8>) -> Result<(StatusCode, Vec<u8>), Failure> {
        let request = request(Method::POST, &self.path(endpoint), body)?;
        self.exchange(request, MAX_ANSWER_BYTES)
    }

    /// The certificate that the controller hands out.
    ///
    /// # Errors
    /// Upstream's `cannot fetch certificate`, with the cause.
    pub fn certificate(&self) -> Result<Vec<u8>, Failure> {
        let failed = |why: &dyn std::fmt::Display| {
            Failure::trouble(format_args!("cannot fetch certificate: {why}")).hint(
                "is the controller running, and may you use its Service through the API server?",
            )
        };
        let (status, body) = self
            .get("/v1/cert.pem", MAX_CERTIFICATE_BYTES)
            .map_err(|failure| failed(&failure.message))?;
        if status != StatusCode::OK {
            return Err(failed(&error_text(status, &body)));
        }
        if looks_like_html(&body) {
            return Err(failed(&"the answer is a web page, not a certificate"));
        }
        Ok(body)
    }

    fn path(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.proxy)
    }

    fn exchange(
        &self,
        request: Request<Vec<u8>>,
        limit: usize,
    ) -> Result<(StatusCode, Vec<u8>), Failure> {
        let answer = self.http.send(request, limit).map_err(Failure::trouble)?;
        Ok((answer.status, answer.body))
    }
}

/// The certificate of a controller, and what it is remembered as.
///
/// # Errors
/// The controller is not found or does not answer.
pub fn fetch_certificate(
    session: &Session<'_>,
    controller: &Controller,
) -> Result<(Vec<u8>, ControllerName), Failure> {
    let connection = Connection::open(session, controller).map_err(|failure| Failure {
        hint: failure
            .hint
            .map(|hint| format!("{hint}; sealing needs no cluster with --cert")),
        ..failure
    })?;
    let certificate = connection.certificate()?;
    Ok((certificate, connection.name))
}

/// Without a user name, which may stand before an `@`, and without a slash at the end.
fn address(url: &http::Uri) -> String {
    let authority = url.authority().map_or("", http::uri::Authority::as_str);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let scheme = url.scheme_str().unwrap_or("http");
    let path = url.path().trim_end_matches('/');
    format!("{scheme}://{host}{path}")
}

fn config(session: &Session<'_>, options: &KubeOptions) -> Result<Config, Failure> {
    const HINT: &str = "give --kubeconfig or set KUBECONFIG";
    let Some(mut kubeconfig) = kubeconfig::load(session, options)? else {
        let mut config = Config::incluster().map_err(|_| no_configuration(session.program))?;
        read_token(&mut config)?;
        return Ok(config);
    };
    check(session.program, &kubeconfig)?;
    kubeconfig::complete_address(&mut kubeconfig);
    let own_proxy = kubeconfig::proxy_url(&kubeconfig);
    let mut config = Config::try_from(kubeconfig).map_err(|error| {
        let text = error.to_string();
        Failure::trouble(format_args!("invalid configuration: {}", Printable(&text))).hint(HINT)
    })?;
    if own_proxy.is_none() {
        config.proxy_url = proxy_for(session, &config.cluster_url);
    }
    if config.cluster_url.scheme() != Some(&Scheme::HTTPS) {
        without_credentials(&mut config);
    }
    if !session.stdin_is_terminal
        && let Some(plugin) = &mut config.auth_info.exec
    {
        // Stdin is the input, and is read after the plugin has run.
        plugin.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    read_token(&mut config)?;
    Ok(config)
}

/// As kubectl: nothing that proves who somebody is goes over plain http, where anybody on the way can read it.
fn without_credentials(config: &mut Config) {
    let user = std::mem::take(&mut config.auth_info);
    config.auth_info.impersonate = user.impersonate;
    config.auth_info.impersonate_uid = user.impersonate_uid;
    config.auth_info.impersonate_groups = user.impersonate_groups;
    config.auth_info.impersonate_user_extra = user.impersonate_user_extra;
}

/// A token from a file, without the newline at its end, which the library would send.
fn read_token(config: &mut Config) -> Result<(), Failure> {
    let user = &mut config.auth_info;
    let Some(path) = user.token_file.take().filter(|_| user.token.is_none()) else {
        return Ok(());
    };
    let path = Path::new(&path);
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::file("open", path, &error))?;
    user.token = Some(text.trim().to_owned().into());
    Ok(())
}

fn request(method: Method, path: &str, body: Vec<u8>) -> Result<Request<Vec<u8>>, Failure> {
    let content_type = (method == Method::POST).then_some("application/json");
    let mut builder = Request::builder().method(method).uri(path);
    builder = builder.header(http::header::ACCEPT, "application/x-pem-file, */*");
    if let Some(content_type) = content_type {
        builder = builder.header(http::header::CONTENT_TYPE, content_type);
    }
    builder.body(body).map_err(Failure::trouble)
}

fn proxied(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/services/http:{name}")
}

/// The first port's name, which may be empty. `None` if there is no port or its name would change the path.
fn port_name(service: &[u8]) -> Option<String> {
    let service: Value = serde_json::from_slice(service).ok()?;
    let port = service.get("spec")?.get("ports")?.get(0)?;
    let name = port.get("name").and_then(Value::as_str).unwrap_or_default();
    (name.is_empty() || is_path_segment(name)).then(|| name.to_owned())
}

/// The names become part of a path. The words are those of Kubernetes' own clients.
fn check_names(program: Program, namespace: &str, name: &str) -> Result<(), Failure> {
    let no_service = |text: &dyn std::fmt::Display| no_service(program, Why::NotThere, text);
    if name.is_empty() {
        return Err(no_service(&"resource name may not be empty"));
    }
    for (what, text) in [("resource name", name), ("namespace", namespace)] {
        if let Some(mark) = ['/', '%'].into_iter().find(|mark| text.contains(*mark)) {
            let text = Printable(text);
            return Err(no_service(&format_args!(
                "invalid {what} \"{text}\": [may not contain '{mark}']"
            )));
        }
        if matches!(text, "." | "..") {
            return Err(no_service(&format_args!(
                "invalid {what} \"{text}\": [may not be '{text}']"
            )));
        }
    }
    if namespace.is_empty() {
        // A Service without a namespace is no path that the API server knows.
        return Err(no_service(
            &"the server could not find the requested resource",
        ));
    }
    if !is_path_segment(name) || !is_path_segment(namespace) {
        return Err(no_service(&"not a valid name for a Service or a namespace"));
    }
    Ok(())
}

fn is_path_segment(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !text.is_empty() && text.bytes().all(allowed) && !text.starts_with('.')
}

/// Upstream's words for `kubeseal`, whose advice fits one cause only; the hint fits the cause.
fn no_service(program: Program, why: Why, text: &dyn std::fmt::Display) -> Failure {
    let message = match (program, why) {
        (Program::Kubeseal, _) | (_, Why::NotThere) => format!(
            "cannot get sealed secret service: {text}.\nPlease, use the flag --controller-name and \
             --controller-namespace to set up the name and namespace of the sealed secrets controller"
        ),
        (Program::Signet, _) => format!("cannot get sealed secret service: {text}"),
    };
    Failure::trouble(message).hint(why.advice())
}

fn api_message(answer: &Answer) -> String {
    error_text(answer.status, &answer.body)
}

/// The message of a Kubernetes `Status`, else a short plain answer, else the HTTP status.
pub fn error_text(status: StatusCode, body: &[u8]) -> String {
    let message = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|value| value.get("message")?.as_str().map(str::to_owned))
        .filter(|message| !message.is_empty());
    match message.as_deref().or_else(|| short_text(body)) {
        Some(message) => Printable(message).to_string(),
        None => status.to_string(),
    }
}

/// A body that is one short line of text and no markup, as the controller explains a refusal.
fn short_text(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let plain =
        !text.starts_with(['<', '{', '[']) && text.lines().count() == 1 && text.len() <= 200;
    plain.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controllers_words_are_shown_and_pages_are_not() {
        let table = [
            (
                "expected one document, found 2\n",
                "expected one document, found 2",
            ),
            (r#"{"message": "not found"}"#, "not found"),
            ("<html>login</html>", "400 Bad Request"),
            ("two\nlines", "400 Bad Request"),
            ("", "400 Bad Request"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
        ];
        for (body, shown) in table {
            assert_eq!(error_text(StatusCode::BAD_REQUEST, body.as_bytes()), shown);
        }
    }

    #[test]
    fn the_port_of_the_service_may_have_no_name_but_must_not_leave_the_path() {
        let service = |ports: &str| format!("{{\"spec\": {{\"ports\": {ports}}}}}").into_bytes();
        let table = [
            (r#"[{"name": "http"}]"#, Some("http")),
            (r#"[{"port": 8080}]"#, Some("")),
            ("[]", None),
            (r#"[{"name": "../../x"}]"#, None),
        ];
        for (ports, expected) in table {
            assert_eq!(port_name(&service(ports)).as_deref(), expected, "{ports}");
        }
    }
}
