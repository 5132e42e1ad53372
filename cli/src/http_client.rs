//! The HTTP client under [`crate::fetch`] and [`crate::cluster`]: kube's, with bounds on time and size.
//!
//! The runtime and TLS are set up here and nowhere else, so that offline commands do not pay for them.

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::proxy::matcher::Matcher;
use kube::client::Body;
use kube::{Client, Config};
use signet_common::Printable;
use tokio::runtime::Runtime;

use crate::error::{Failure, os_text};
use crate::session::Session;

/// For a whole exchange, unless the user says otherwise.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// For the connection alone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How often a request is sent again when the server says when to come back.
const RETRIES: usize = 10;

/// A connection pool to one server, and the runtime it runs on.
pub(crate) struct HttpClient {
    runtime: Runtime,
    client: Client,
    timeout: Duration,
}

/// When something must be over, and how long it was given in all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    end: Instant,
    whole: Duration,
}

impl Deadline {
    /// From now on.
    pub(crate) fn after(whole: Duration) -> Self {
        let end = Instant::now() + whole;
        Self { end, whole }
    }

    /// What `work` comes to, if that is in time. The error says how long was waited.
    pub(crate) async fn bound<T>(
        &self,
        work: impl Future<Output = Result<T, String>>,
    ) -> Result<T, String> {
        tokio::time::timeout_at(self.end.into(), work)
            .await
            .map_err(|_| format!("no answer within {}", shown(self.whole)))?
    }
}

/// `60 seconds`, `500 milliseconds`.
fn shown(time: Duration) -> String {
    match time.subsec_nanos() {
        0 if time.as_secs() == 1 => "1 second".to_owned(),
        0 => format!("{} seconds", time.as_secs()),
        _ if time < Duration::from_millis(1) => format!("{} microseconds", time.as_micros()),
        _ => format!("{} milliseconds", time.as_millis()),
    }
}

/// What a server answered, the body within the bound that was asked for.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl HttpClient {
    pub(crate) fn new(mut config: Config, timeout: Option<Duration>) -> Result<Self, Failure> {
        config.disable_compression = true;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::trouble(os_text(&error)))?;
        let client = {
            let _guard = runtime.enter();
            signet_tls::client_builder(config)
                .map_err(|error| Failure::trouble(no_client(&error)))?
                .build()
        };
        let timeout = timeout.unwrap_or(DEFAULT_TIMEOUT);
        Ok(Self {
            runtime,
            client,
            timeout,
        })
    }

    /// Sends a request whose address is a path, and reads at most `limit` bytes of the answer. A server that is busy and says
    /// when to come back is asked again then, within the time for the whole. The error says what happened, without the address.
    pub(crate) fn send(&self, request: Request<Vec<u8>>, limit: usize) -> Result<Answer, String> {
        self.send_until(request, limit, Deadline::after(self.timeout))
    }

    /// The same within a deadline that others share.
    pub(crate) fn send_until(
        &self,
        request: Request<Vec<u8>>,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Answer, String> {
        let exchange = self.exchange(request, limit, deadline.end);
        self.runtime.block_on(deadline.bound(exchange))
    }

    async fn exchange(
        &self,
        request: Request<Vec<u8>>,
        limit: usize,
        end: Instant,
    ) -> Result<Answer, String> {
        let mut retries = 0;
        loop {
            let request = request.clone().map(Body::from);
            let response = self.client.send(request).await.map_err(|e| chain(&e))?;
            match come_back_in(&response) {
                Some(pause) if retries < RETRIES && Instant::now() + pause < end => {
                    retries += 1;
                    tokio::time::sleep(pause).await;
                }
                _ => return read(response, limit).await,
            }
        }
    }
}

/// Why there is no client. The library's own text of a failed plugin has its environment and all that it printed, which may be
/// the credential.
fn no_client(error: &kube::Error) -> String {
    use kube::client::AuthError;
    const PLUGIN: &str = "getting credentials: the plugin of the kubeconfig";
    let kube::Error::Auth(auth) = error else {
        return chain(error);
    };
    match auth {
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            let last = last.map(|line| line.chars().take(200).collect::<String>());
            let said = last.map_or_else(String::new, |line| format!(": {}", Printable(&line)));
            format!("{PLUGIN} failed with {}{said}", out.status)
        }
        AuthError::AuthExecStart(why) => format!("{PLUGIN} cannot be run: {}", os_text(why)),
        AuthError::InvalidBearerToken(_) => {
            "getting credentials: the token holds a line break, or another character that no token has".to_owned()
        }
        AuthError::AuthExecParse(_) => format!("{PLUGIN} printed no ExecCredential"),
        _ => format!("getting credentials: {}", chain(error)),
    }
}

/// As Kubernetes' own clients: only a busy server's own word counts. More than an hour is no time to wait for.
fn come_back_in<T>(response: &Response<T>) -> Option<Duration> {
    let status = response.status();
    let busy = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    let seconds = response.headers().get(http::header::RETRY_AFTER)?;
    let seconds: u16 = seconds.to_str().ok()?.parse().ok()?;
    (busy && seconds <= 3600).then(|| Duration::from_secs(seconds.into()))
}

pub(crate) async fn read<B>(response: Response<B>, limit: usize) -> Result<Answer, String>
where
    B: hyper::body::Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let (head, body) = response.into_parts();
    let body = Limited::new(body, limit)
        .collect()
        .await
        .map_err(|_| format!("the answer is cut short or larger than {limit} bytes"))?
        .to_bytes()
        .to_vec();
    let location = head.headers.get(http::header::LOCATION);
    Ok(Answer {
        status: head.status,
        location: location
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        body,
    })
}

/// The innermost cause, which names what happened; the outer layers only say "error trying to connect".
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = match innermost.downcast_ref::<std::io::Error>() {
        Some(error) => os_text(error),
        None => innermost.to_string(),
    };
    Printable(&text).to_string()
}

/// The proxy that the environment names for this address, as Go reads it: never for the own machine.
pub(crate) fn proxy_for(session: &Session<'_>, address: &http::Uri) -> Option<http::Uri> {
    let host = address.host().unwrap_or_default();
    let own_machine = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    if own_machine {
        return None;
    }
    let variable = |upper: &str| {
        let lower = upper.to_ascii_lowercase();
        (session.variable)(upper)
            .or_else(|| (session.variable)(&lower))
            .filter(|text| !text.is_empty())
    };
    let name = match address.scheme_str() {
        Some("http") => "HTTP_PROXY",
        _ => "HTTPS_PROXY",
    };
    let proxy = variable(name)?;
    let matcher = Matcher::builder()
        .all(proxy.clone())
        .no(variable("NO_PROXY").unwrap_or_default())
        .build();
    matcher.intercept(address)?;
    let with_scheme = if proxy.contains("://") {
        proxy
    } else {
        format!("http://{proxy}")
    };
    with_scheme.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_no_whole_number_of_seconds_is_not_shown_as_none() {
        let table = [
            (60_000_000, "60 seconds"),
            (1_000_000, "1 second"),
            (500_000, "500 milliseconds"),
            (1_500_000, "1500 milliseconds"),
            (20, "20 microseconds"),
        ];
        for (micros, text) in table {
            assert_eq!(shown(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn only_a_busy_server_that_names_a_time_is_asked_again() {
        let table = [
            (429, Some("2"), Some(2)),
            (503, Some("0"), Some(0)),
            (503, None, None),
            (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), None),
            (429, Some("9999"), None),
            (429, Some("-1"), None),
            (404, Some("2"), None),
            (200, Some("2"), None),
        ];
        for (status, after, expected) in table {
            let mut response = Response::builder().status(status);
            if let Some(after) = after {
                response = response.header("Retry-After", after);
            }
            let response = response.body(()).unwrap();
            let expected = expected.map(Duration::from_secs);
            assert_eq!(come_back_in(&response), expected, "{status} {after:?}");
        }
    }

    fn proxy(address: &str, variables: &[(&str, &str)]) -> Option<String> {
        let session = Session {
            program: crate::session::Program::Signet,
            stdin: &mut std::io::empty(),
            stdin_is_terminal: false,
            stderr_is_terminal: false,
            stdout: &mut std::io::sink(),
            stderr: &mut std::io::sink(),
            variable: &|name| {
                let found = variables.iter().find(|(other, _)| *other == name)?;
                Some(found.1.to_owned())
            },
            rng: &mut rand::rng(),
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        proxy_for(&session, &address.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn the_proxy_is_the_one_that_the_environment_names_for_the_scheme_and_the_host() {
        let both = [
            ("HTTP_PROXY", "plain.test:1"),
            ("https_proxy", "http://u:p@secure.test:2"),
        ];
        assert_eq!(
            proxy("http://a.test/", &both),
            Some("http://plain.test:1/".to_owned())
        );
        assert_eq!(
            proxy("https://a.test/", &both),
            Some("http://u:p@secure.test:2/".to_owned())
        );
        assert_eq!(proxy("https://127.0.0.1:6443/", &both), None);
        assert_eq!(proxy("https://localhost/", &both), None);
        let except = [
            ("HTTPS_PROXY", "http://x.test:1"),
            ("NO_PROXY", ".corp.test,10.0.0.0/8"),
        ];
        assert_eq!(proxy("https://api.corp.test/", &except), None);
        assert_eq!(proxy("https://10.1.2.3:6443/", &except), None);
        assert_eq!(
            proxy("https://a.test/", &except),
            Some("http://x.test:1/".to_owned())
        );
        assert_eq!(proxy("https://a.test/", &[]), None);
    }
}
