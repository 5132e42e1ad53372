//! Addresses to listen on, as Go's programs take them.

use std::fmt;
use std::str::FromStr;

/// `HOST:PORT`; without a host, every address of the machine, IPv4 and IPv6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an address without brackets; `None` for all.
    pub host: Option<String>,
    /// 0 for any that is free.
    pub port: u16,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || "HOST:PORT or :PORT".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        // An IPv6 address without brackets: its last group is no port.
        if bare.is_none() && host.contains([':', '[', ']']) {
            return Err(error());
        }
        let host = bare.unwrap_or(host);
        Ok(Self {
            host: (!host.is_empty()).then(|| host.to_owned()),
            port: port.parse().map_err(|_| error())?,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) if host.contains(':') => write!(out, "[{host}]:{}", self.port),
            Some(host) => write!(out, "{host}:{}", self.port),
            None => write!(out, ":{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_optional_and_is_shown_as_it_was_given() {
        for text in [
            ":8080",
            "127.0.0.1:0",
            "localhost:8080",
            "[::1]:8080",
            "[::]:80",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(":1".parse::<Address>().unwrap().host, None);
        assert_eq!("[::1]:1".parse::<Address>().unwrap().host.unwrap(), "::1");
        for text in ["", "8080", "::1", "::1:8080", ":", ":x", ":65536", "a:b:1"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
