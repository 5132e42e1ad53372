//! sprig: URLs.

mod parse;

use std::collections::BTreeMap;

use parse::Url;

use crate::{Call, Entry, Fault, Param, Type, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("urlJoin", &[Param::Map], join),
    Entry::new("urlParse", &[Param::Str], parse),
];

fn parse(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.str(0)?;
    call.room(text.len().saturating_mul(8))?;
    let url = Url::parse(text).ok_or(Fault::failed("unable to parse url"))?;
    let mut parts = BTreeMap::new();
    for (name, part) in [
        ("fragment", &url.fragment[..]),
        ("host", &url.host),
        ("hostname", url.hostname()),
        ("opaque", &url.opaque),
        ("path", &url.path),
        ("query", &url.query),
        ("scheme", &url.scheme),
        ("userinfo", &url.userinfo()),
    ] {
        parts.insert(name.as_bytes().to_vec(), call.text(part)?);
    }
    call.map(Type::Any, parts)
}

fn join(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let dict = call.dict(0)?;
    let mut size = 0;
    let mut part = |name: &str| match dict.get(name.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Str(text)) => {
            size += text.len();
            call.room(size.saturating_mul(8))?;
            Ok(text.to_vec())
        }
        Some(_) => Err(Fault::failed("a part of a URL is not a string")),
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };
    let userinfo = part("userinfo")?;
    if !userinfo.is_empty() {
        let around = [b"proto://", &userinfo[..], b"@host"].concat();
        url.user = Url::parse(&around)
            .ok_or(Fault::failed("unable to parse userinfo"))?
            .user;
    }
    call.text(url.text())
}
