//! URLs as Go's `net/url` takes them apart and puts them together.

use core::net::Ipv6Addr;

/// The parts of a URL. `path`, `fragment` and `host` are decoded.
#[derive(Default)]
pub(super) struct Url {
    pub(super) scheme: Vec<u8>,
    pub(super) opaque: Vec<u8>,
    /// The name, and the password if there is a colon; decoded.
    pub(super) user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    pub(super) host: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) fragment: Vec<u8>,
}

/// What a part of a URL may hold as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    User,
    Host,
    Zone,
    Fragment,
}

impl Url {
    /// `url.Parse`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (text, fragment) = cut(text, b'#').unwrap_or((text, b""));
        if text.iter().any(|byte| byte.is_ascii_control()) {
            return None;
        }
        let mut url = Self {
            fragment: decode(fragment, Part::Fragment)?,
            ..Self::default()
        };
        if text == b"*" {
            url.path = text.to_vec();
            return Some(url);
        }
        let (scheme, rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = cut(rest, b'?').unwrap_or((rest, b""));
        url.query = query.to_vec();
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Some(url);
            }
            if first_segment(rest).contains(&b':') {
                return None;
            }
        }
        if (!url.scheme.is_empty() || !rest.starts_with(b"///")) && rest.starts_with(b"//") {
            let authority = first_segment(&rest[2..]);
            rest = &rest[2 + authority.len()..];
            url.authority(authority)?;
        }
        url.path = decode(rest, Part::Path)?;
        Some(url)
    }

    fn authority(&mut self, text: &[u8]) -> Option<()> {
        let at = text.iter().rposition(|&byte| byte == b'@');
        // Of the web's own schemes, a host has one colon at most; a list of hosts may stand in others.
        let one_colon = matches!(&self.scheme[..], b"http" | b"https");
        self.host = host(at.map_or(text, |at| &text[at + 1..]), one_colon)?;
        let Some(user) = at.map(|at| &text[..at]) else {
            return Some(());
        };
        let allowed =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
        if !user.iter().all(allowed) {
            return None;
        }
        let (name, password) =
            cut(user, b':').map_or((user, None), |(name, rest)| (name, Some(rest)));
        let password = match password {
            Some(password) => Some(decode(password, Part::User)?),
            None => None,
        };
        self.user = Some((decode(name, Part::User)?, password));
        Some(())
    }

    /// The host without port and brackets.
    pub(super) fn hostname(&self) -> &[u8] {
        let colon = self.host.iter().rposition(|&byte| byte == b':');
        let name = match colon {
            Some(colon) if is_port(&self.host[colon..]) => &self.host[..colon],
            _ => &self.host,
        };
        name.strip_prefix(b"[")
            .and_then(|name| name.strip_suffix(b"]"))
            .unwrap_or(name)
    }

    /// Name and password as they stand in a URL.
    pub(super) fn userinfo(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some((name, password)) = &self.user {
            encode(&mut out, name, Part::User);
            if let Some(password) = password {
                out.push(b':');
                encode(&mut out, password, Part::User);
            }
        }
        out
    }

    /// `URL.String`, of a URL that was not read.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            encode(&mut out, &self.fragment, Part::Fragment);
        }
        out
    }

    fn hierarchy(&self, out: &mut Vec<u8>) {
        let host = !self.host.is_empty();
        let authority = host || self.user.is_some();
        if authority || (!self.scheme.is_empty() && !self.path.is_empty()) {
            out.extend_from_slice(b"//");
        }
        if self.user.is_some() {
            out.extend_from_slice(&self.userinfo());
            out.push(b'@');
        }
        encode(out, &self.host, Part::Host);
        if host && !self.path.is_empty() && !self.path.starts_with(b"/") {
            out.push(b'/');
        }
        // Otherwise it would read as a scheme.
        if out.is_empty() && first_segment(&self.path).contains(&b':') {
            out.extend_from_slice(b"./");
        }
        if self.path == b"*" {
            out.push(b'*');
        } else {
            encode(out, &self.path, Part::Path);
        }
    }
}

fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(at, text)?;
    Some((&text[..at], &text[at + 1..]))
}

fn first_segment(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == b'/').next().unwrap_or_default()
}

/// The scheme, empty if there is none, and what is behind its colon. `None`: nothing before the colon.
fn scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' => return (at > 0).then(|| (&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Some((b"", text))
}

/// Nothing, or a colon and digits.
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn host(text: &[u8], one_colon: bool) -> Option<Vec<u8>> {
    if memchr::memrchr(b'[', text).is_some_and(|at| at > 0) {
        return None;
    }
    let Some(inside) = text.strip_prefix(b"[") else {
        let colon = if one_colon {
            memchr::memchr(b':', text)
        } else {
            memchr::memrchr(b':', text)
        };
        if let Some(colon) = colon
            && !is_port(&text[colon..])
        {
            return None;
        }
        return decode(text, Part::Host);
    };
    let end = inside.iter().rposition(|&byte| byte == b']')?;
    let (address, behind) = inside.split_at(end);
    if !is_port(&behind[1..]) {
        return None;
    }
    let zone = memchr::memmem::find(address, b"%25").unwrap_or(address.len());
    let mut decoded = decode(&address[..zone], Part::Host)?;
    let bare = decoded.len();
    decoded.extend(decode(&address[zone..], Part::Zone)?);
    // A zone is not empty.
    let percent = memchr::memchr(b'%', &decoded).unwrap_or(decoded.len());
    if decoded.len() == percent + 1 || percent < bare {
        return None;
    }
    str::from_utf8(&decoded[..percent])
        .ok()?
        .parse::<Ipv6Addr>()
        .ok()?;
    Some([b"[", &decoded[..], behind].concat())
}

/// Whether a byte has to be written as `%xx`.
fn is_encoded(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    let plain: &[u8] = match part {
        Part::Host | Part::Zone => b"!$&'()*+,;=:[]<>\"",
        Part::Path => b"$&+,/:;=@",
        Part::User => b"$&+,;=",
        Part::Fragment => b"$&+,/:;=?@!()*",
    };
    !plain.contains(&byte)
}

fn encode(out: &mut Vec<u8>, text: &[u8], part: Part) {
    for &byte in text {
        if is_encoded(byte, part) {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            out.push(byte);
        }
    }
}

fn decode(text: &[u8], part: Part) -> Option<Vec<u8>> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let in_host = matches!(part, Part::Host | Part::Zone);
        if byte != b'%' {
            if in_host && byte.is_ascii() && is_encoded(byte, part) {
                return None;
            }
            out.push(byte);
            at += 1;
            continue;
        }
        let byte = u8::try_from(digit(at + 1)? << 4 | digit(at + 2)?).ok()?;
        // In a host only bytes that are not ASCII are encoded, and the percent sign.
        let allowed = match part {
            Part::Host => !byte.is_ascii() || byte == b'%',
            Part::Zone => byte == b'%' || byte == b' ' || !is_encoded(byte, Part::Host),
            _ => true,
        };
        if !allowed {
            return None;
        }
        out.push(byte);
        at += 3;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 made of them.
    #[test]
    fn urls_are_taken_apart_as_go_does() {
        let host = |text: &str| Some(Url::parse(text.as_bytes())?.hostname().to_vec());
        assert_eq!(
            host("http://u:p@h.com:80/p/q?a=b#frag"),
            Some(b"h.com".to_vec())
        );
        assert_eq!(
            host("http://[fe80::1%25en0]/"),
            Some(b"fe80::1%en0".to_vec())
        );
        assert_eq!(
            host("postgres://a:5432,b:5432/db"),
            Some(b"a:5432,b".to_vec())
        );
        for text in [
            "http://a:1:2",
            "http://h:x",
            "http://[::1",
            "http://a%zz/",
            "1:2",
            ":x",
            "a\x7fb",
        ] {
            assert_eq!(host(text), None, "{text}");
        }
        let text = |url: Url| String::from_utf8(url.text()).unwrap();
        let path = |path: &str| Url {
            path: path.into(),
            ..Url::default()
        };
        assert_eq!(text(path("a b%20")), "a%20b%2520");
        assert_eq!(text(path("a:b")), "./a:b");
        assert_eq!(
            text(Url {
                host: b"h".to_vec(),
                ..path("p")
            }),
            "//h/p"
        );
    }
}
