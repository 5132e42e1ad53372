//! On which way both `kubeseal`s reach the cluster: directly or through a proxy, over TLS or in the clear.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::ensure;
use serde_json::json;

use crate::identity::{Folder, check, cluster, told};
use crate::world::{self, Cli};

/// A proxy that only tunnels, and counts how often.
fn proxy() -> anyhow::Result<(String, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let counted = Arc::clone(&counted);
            // A client that goes away is its own business.
            std::thread::spawn(move || tunnel(client, &counted).ok());
        }
    });
    Ok((address, count))
}

fn tunnel(mut client: TcpStream, count: &AtomicUsize) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next())
        .ok_or(std::io::ErrorKind::InvalidData)?;
    let (host, port) = target
        .rsplit_once(':')
        .ok_or(std::io::ErrorKind::InvalidData)?;
    // Names that only this proxy knows are the own machine.
    let host = if host.ends_with(".test") {
        "127.0.0.1"
    } else {
        host
    };
    let mut server = TcpStream::connect(format!("{host}:{port}"))?;
    count.fetch_add(1, Ordering::SeqCst);
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let there = std::thread::spawn(move || {
        let copied = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
        copied
    });
    std::io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Write)?;
    let _ = there.join();
    Ok(())
}

#[test]
fn the_proxy_of_a_flag_or_of_the_kubeconfig_is_used() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let folder = Folder::new()?;
    let admin = json!({"token": "token-of-admin"});
    let direct = folder.kubeconfig(&cluster(plane), &admin)?;
    let (address, count) = proxy()?;
    check("direct", &[("KUBECONFIG", &direct)], &[], true)?;
    assert_eq!(count.load(Ordering::SeqCst), 0);
    let flag = ["--proxy-url", &address];
    check("by flag", &[("KUBECONFIG", &direct)], &flag, true)?;
    assert_eq!(count.load(Ordering::SeqCst), 2);
    check(
        "nobody there",
        &[("KUBECONFIG", &direct)],
        &["--proxy-url", "http://127.0.0.1:1"],
        false,
    )?;
    let mut through = cluster(plane);
    through["proxy-url"] = json!(address);
    let through = folder.kubeconfig(&through, &admin)?;
    check("by kubeconfig", &[("KUBECONFIG", &through)], &[], true)?;
    assert_eq!(count.load(Ordering::SeqCst), 4);
    Ok(())
}

#[test]
fn the_proxy_of_the_environment_is_used_for_hosts_that_are_not_excepted() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let folder = Folder::new()?;
    let (address, count) = proxy()?;
    // The own machine is never reached through a proxy, so the API server has a name that only the proxy knows.
    let mut named = cluster(plane);
    named["server"] = json!(format!("https://api.test:{}", plane.port()));
    named["tls-server-name"] = json!("kubernetes");
    let named = folder.kubeconfig(&named, &json!({"token": "token-of-admin"}))?;
    let kubeconfig = ("KUBECONFIG", named.as_str());
    let nobody = "http://127.0.0.1:1";
    let table: &[(&[(&str, &str)], bool)] = &[
        (&[("HTTPS_PROXY", &address)], true),
        (&[("https_proxy", &address)], true),
        (
            &[
                ("HTTPS_PROXY", &address),
                ("NO_PROXY", "other.test,10.0.0.0/8"),
            ],
            true,
        ),
        (&[("HTTPS_PROXY", &address), ("NO_PROXY", ".test")], false),
        (
            &[("HTTPS_PROXY", &address), ("NO_PROXY", "api.test")],
            false,
        ),
        (&[("HTTPS_PROXY", &address), ("no_proxy", "*")], false),
        (&[("HTTP_PROXY", &address)], false),
        (&[("HTTPS_PROXY", nobody)], false),
        (&[], false),
    ];
    let mut tunnels = 0;
    for (variables, works) in table {
        let variables = [*variables, &[kubeconfig]].concat();
        check(&format!("{variables:?}"), &variables, &[], *works)?;
        tunnels += usize::from(*works) * 2;
        assert_eq!(count.load(Ordering::SeqCst), tunnels, "{variables:?}");
    }
    // A flag wins.
    let variables = [kubeconfig, ("HTTPS_PROXY", nobody)];
    check("flag", &variables, &["--proxy-url", &address], true)?;
    let mut own = cluster(plane);
    own["server"] = json!(format!("https://localhost:{}", plane.port()));
    let own = folder.kubeconfig(&own, &json!({"token": "token-of-admin"}))?;
    let variables = [("KUBECONFIG", own.as_str()), ("HTTPS_PROXY", nobody)];
    check("the own machine", &variables, &[], true)
}

/// The heads of the requests that a program sends to a server without TLS.
fn heads(cli: Cli, folder: &Folder, arguments: &[&str]) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let server = std::thread::spawn(move || -> std::io::Result<String> {
        let (mut client, _) = listener.accept()?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            client.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        client.write_all(
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        )?;
        Ok(String::from_utf8_lossy(&head).to_lowercase())
    });
    let arguments = [arguments, &["--server", &address]].concat();
    let (code, line) = told(cli, folder, &arguments)?;
    ensure!(code == Some(1), "{cli:?}: {line}");
    let head = server
        .join()
        .map_err(|_| anyhow::anyhow!("the server panicked"))?;
    Ok(head?)
}

#[test]
fn neither_program_sends_a_credential_over_plain_http() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    std::fs::write(folder.path("token"), "canary")?;
    let file = folder.text("token")?;
    let plugin =
        json!({"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "/nonexistent"});
    let users = [
        json!({"token": "canary", "as": "jane"}),
        json!({"tokenFile": file, "as": "jane"}),
        json!({"username": "canary", "password": "canary", "as": "jane"}),
        json!({"exec": plugin, "as": "jane"}),
    ];
    for user in users {
        folder.kubeconfig(&json!({"server": "https://127.0.0.1:1"}), &user)?;
        for cli in Cli::BOTH {
            let head = heads(cli, &folder, &["--kubeconfig", "config"])?;
            assert!(
                head.contains("\r\nimpersonate-user: jane\r\n"),
                "{cli:?} {head}"
            );
            assert!(!head.contains("authorization:"), "{cli:?} {user} {head}");
        }
    }
    Ok(())
}
