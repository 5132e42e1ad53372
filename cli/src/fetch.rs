//! Fetching a certificate from an http or https address.

use http::{Request, Uri, uri};
use kube::Config;
use signet_common::Printable;

use crate::certificate::MAX_CERTIFICATE_BYTES;
use crate::error::Failure;
use crate::forward_proxy;
use crate::http_client::{Answer, DEFAULT_TIMEOUT, Deadline, HttpClient, proxy_for};
use crate::session::Session;

const MAX_REDIRECTS: usize = 10;

/// What is done about addresses that anybody on the way could answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlPolicy {
    /// https only, at every step.
    SecureOnly,
    /// Plain http is used, with a warning: what `kubeseal` does.
    WarnInsecure,
    /// The certificate is pinned, so its way does not matter.
    Any,
}

/// The body of the address, at most 64 KiB, after redirects, all of them within the time of one exchange.
///
/// # Errors
/// The address is refused, does not answer, answers something other than 200, or answers with a web page.
pub fn fetch(session: &mut Session<'_>, url: &Uri, policy: UrlPolicy) -> Result<Vec<u8>, Failure> {
    fetch_until(session, url, policy, Deadline::after(DEFAULT_TIMEOUT))
}

fn fetch_until(
    session: &mut Session<'_>,
    url: &Uri,
    policy: UrlPolicy,
    deadline: Deadline,
) -> Result<Vec<u8>, Failure> {
    let mut at = url.clone();
    for _ in 0..=MAX_REDIRECTS {
        check_scheme(session, url, &at, policy)?;
        let answer = get(session, &at, deadline)?;
        if !answer.status.is_redirection() {
            return body(url, answer);
        }
        at = next(&at, &answer).ok_or_else(|| {
            failed(
                url,
                format_args!("{} without an address to go to", answer.status),
            )
        })?;
    }
    Err(failed(url, "too many redirects"))
}

fn failed(url: &Uri, why: impl std::fmt::Display) -> Failure {
    Failure::trouble(format_args!(
        "cannot fetch \"{}\": {why}",
        Printable(&url.to_string())
    ))
}

fn check_scheme(
    session: &mut Session<'_>,
    first: &Uri,
    at: &Uri,
    policy: UrlPolicy,
) -> Result<(), Failure> {
    if at.scheme() == Some(&uri::Scheme::HTTPS) {
        return Ok(());
    }
    let redirected = first != at;
    match policy {
        UrlPolicy::Any => Ok(()),
        UrlPolicy::WarnInsecure => {
            session.warn(&format!(
                "the certificate comes over plain http from {}: anybody on the way can replace it",
                Printable(&at.to_string())
            ));
            Ok(())
        }
        UrlPolicy::SecureOnly if redirected => {
            Err(failed(first, "redirected from https to plain http"))
        }
        UrlPolicy::SecureOnly => Err(failed(
            first,
            "plain http, where anybody on the way can replace it",
        )
        .hint("use https, a file, or pin the key with --pin sha256:...")),
    }
}

fn get(session: &Session<'_>, url: &Uri, deadline: Deadline) -> Result<Answer, Failure> {
    let (Some(scheme), Some(authority)) = (url.scheme(), url.authority()) else {
        return Err(failed(url, "not a complete address"));
    };
    if authority.as_str().contains('@') {
        return Err(Failure::usage(
            "an address with a user name in it is not supported",
        ));
    }
    let proxy = proxy_for(session, url);
    if let Some(proxy) = &proxy
        && scheme == &uri::Scheme::HTTP
        && proxy.scheme() == Some(&uri::Scheme::HTTP)
    {
        return forward_proxy::get(proxy, url, MAX_CERTIFICATE_BYTES, deadline)
            .map_err(|why| failed(url, why));
    }
    let server = Uri::builder()
        .scheme(scheme.clone())
        .authority(authority.clone())
        .path_and_query("/")
        .build()
        .map_err(|error| failed(url, error))?;
    let mut config = Config::new(server);
    config.proxy_url = proxy;
    let path = url.path_and_query().map_or("/", uri::PathAndQuery::as_str);
    let request = Request::get(path)
        .header(http::header::ACCEPT, "application/x-pem-file, */*")
        .body(Vec::new())
        .map_err(|error| failed(url, error))?;
    HttpClient::new(config, None)?
        .send_until(request, MAX_CERTIFICATE_BYTES, deadline)
        .map_err(|why| failed(url, why))
}

fn body(url: &Uri, answer: Answer) -> Result<Vec<u8>, Failure> {
    if answer.status != http::StatusCode::OK {
        return Err(failed(url, answer.status));
    }
    if looks_like_html(&answer.body) {
        return Err(failed(url, "the answer is a web page, not a certificate")
            .hint("it may be a login page, or the address of the page instead of the file"));
    }
    Ok(answer.body)
}

/// Whether this is markup: no PEM text begins with `<`.
pub(crate) fn looks_like_html(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// Where a redirect leads: an address, or a path on the same server.
fn next(at: &Uri, answer: &Answer) -> Option<Uri> {
    let location = answer.location.as_deref()?;
    let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if location
        .split_once("://")
        .is_some_and(|(scheme, _)| is_scheme(scheme))
    {
        return location.parse().ok();
    }
    let scheme = at.scheme_str()?;
    let authority = at.authority()?;
    if let Some(other) = location.strip_prefix("//") {
        return format!("{scheme}://{other}").parse().ok();
    }
    let (path, query) = match location.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (location, String::new()),
    };
    let path = match path {
        "" => at.path().to_owned(),
        path if path.starts_with('/') => without_dots(path),
        path => {
            let folder = at.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            without_dots(&format!("{folder}/{path}"))
        }
    };
    format!("{scheme}://{authority}{path}{query}").parse().ok()
}

/// A path without `.` and `..`, which never lead above the top (RFC 3986, 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    if matches!(path.rsplit('/').next(), Some("." | "..")) {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::time::Duration;

    use http::StatusCode;

    use super::*;

    #[test]
    fn redirects_lead_to_addresses_and_paths() {
        let at: Uri = "https://a.test/x/y?z".parse().unwrap();
        let table = [
            ("https://b.test/c", "https://b.test/c"),
            ("//b.test/c", "https://b.test/c"),
            ("/c", "https://a.test/c"),
            ("c", "https://a.test/x/c"),
            ("?x=1", "https://a.test/x/y?x=1"),
            ("c?d=../e", "https://a.test/x/c?d=../e"),
            ("../c", "https://a.test/c"),
            ("../../../c", "https://a.test/c"),
            ("./c/./d/../e", "https://a.test/x/c/e"),
            ("/a/b/..", "https://a.test/a/"),
            ("c?u=http://b.test", "https://a.test/x/c?u=http://b.test"),
            (".", "https://a.test/x/"),
        ];
        for (location, expected) in table {
            let answer = Answer {
                status: StatusCode::FOUND,
                location: Some(location.to_owned()),
                body: Vec::new(),
            };
            assert_eq!(next(&at, &answer), Some(expected.parse().unwrap()));
        }
    }

    /// Answers each request after a tenth of a second with a redirect to itself.
    fn slow_redirects() -> Uri {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer);
                std::thread::park_timeout(Duration::from_millis(100));
                let _ = stream.write_all(
                    b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                );
            }
        });
        address.parse().unwrap()
    }

    #[test]
    fn all_redirects_share_one_deadline() {
        let url = slow_redirects();
        let mut session = Session {
            program: crate::session::Program::Signet,
            stdin: &mut std::io::empty(),
            stdin_is_terminal: false,
            stderr_is_terminal: false,
            stdout: &mut std::io::sink(),
            stderr: &mut std::io::sink(),
            variable: &|_| None,
            rng: &mut rand::rng(),
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        // Each answer comes in time, and all ten would take a second.
        let deadline = Deadline::after(Duration::from_millis(350));
        let failure = fetch_until(&mut session, &url, UrlPolicy::Any, deadline).unwrap_err();
        assert!(
            failure
                .message
                .ends_with("no answer within 350 milliseconds"),
            "{}",
            failure.message
        );
    }

    #[test]
    fn a_redirect_to_plain_http_is_refused_unless_the_key_is_pinned() {
        let first: Uri = "https://a.test/c".parse().unwrap();
        let plain: Uri = "http://a.test/c".parse().unwrap();
        let mut stderr = Vec::new();
        let mut session = Session {
            program: crate::session::Program::Signet,
            stdin: &mut std::io::empty(),
            stdin_is_terminal: false,
            stderr_is_terminal: false,
            stdout: &mut std::io::sink(),
            stderr: &mut stderr,
            variable: &|_| None,
            rng: &mut rand::rng(),
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let mut check = |at, policy| check_scheme(&mut session, &first, at, policy);
        let refused = check(&plain, UrlPolicy::SecureOnly).unwrap_err();
        assert!(
            refused
                .message
                .ends_with("redirected from https to plain http")
        );
        assert_eq!(check(&first, UrlPolicy::SecureOnly), Ok(()));
        assert_eq!(check(&plain, UrlPolicy::Any), Ok(()));
        assert_eq!(check(&plain, UrlPolicy::WarnInsecure), Ok(()));
        let warning = String::from_utf8(stderr).unwrap();
        assert!(
            warning.contains("over plain http from http://a.test/c"),
            "{warning}"
        );
    }
}
