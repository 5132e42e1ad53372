//! Plain http through a proxy: the request line holds the whole address, as proxies expect it. kube's client only asks them for
//! tunnels, which many grant for https alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Uri, header};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::http_client::{Answer, Deadline, chain, read};

/// Gets `url` from `proxy`, at most `limit` bytes. The error says what happened, without the address.
pub(crate) fn get(
    proxy: &Uri,
    url: &Uri,
    limit: usize,
    deadline: Deadline,
) -> Result<Answer, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| chain(&error))?;
    runtime.block_on(deadline.bound(exchange(proxy, url, limit)))
}

async fn exchange(proxy: &Uri, url: &Uri, limit: usize) -> Result<Answer, String> {
    let host = proxy.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, proxy.port_u16().unwrap_or(80)))
        .await
        .map_err(|error| chain(&error))?;
    let (mut sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| chain(&error))?;
    // It ends with the answer; what goes wrong with it, the answer tells.
    tokio::spawn(connection);
    let server = url.authority().map_or("", |authority| authority.as_str());
    let mut request = Request::get(url.clone())
        .header(header::HOST, server)
        .header(header::ACCEPT, "application/x-pem-file, */*");
    if let Some((user, _)) = proxy
        .authority()
        .and_then(|all| all.as_str().rsplit_once('@'))
    {
        let credential = format!("Basic {}", STANDARD.encode(user));
        request = request.header(header::PROXY_AUTHORIZATION, credential);
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|error| chain(&error))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| chain(&error))?;
    read(response, limit).await
}
