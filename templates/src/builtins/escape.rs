//! `html`, `js` and `urlquery`.

use std::fmt::Write as _;

use crate::{Call, Fault, Value, format};

/// The arguments as one text: a lone string as it is, else as `print` would, with `<no value>` for nothing.
fn joined(call: &mut Call<'_, '_>) -> Result<Vec<u8>, Fault> {
    if let [Value::Str(text)] = call.args {
        return Ok(text.to_vec());
    }
    let no_value = call.text("<no value>")?;
    let args: Vec<_> = call
        .args
        .iter()
        .map(|arg| match arg {
            Value::Nil => no_value.clone(),
            other => other.clone(),
        })
        .collect();
    format::print_all(&mut call.env.meter, &args)
}

pub(super) fn html(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = joined(call)?;
    call.room(text.len() * 5)?;
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            _ => out.push(byte),
        }
    }
    call.text(out)
}

pub(super) fn js(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = joined(call)?;
    call.room(text.len() * 6)?;
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut escaped = String::new();
            match c {
                '\\' => escaped.push_str("\\\\"),
                '\'' => escaped.push_str("\\'"),
                '"' => escaped.push_str("\\\""),
                '<' => escaped.push_str("\\u003C"),
                '>' => escaped.push_str("\\u003E"),
                '&' => escaped.push_str("\\u0026"),
                '=' => escaped.push_str("\\u003D"),
                _ if c < ' ' || (!c.is_ascii() && !format::is_printable(c)) => {
                    let _ = write!(escaped, "\\u{:04X}", u32::from(c));
                }
                _ => escaped.push(c),
            }
            out.extend_from_slice(escaped.as_bytes());
        }
        out.extend_from_slice(chunk.invalid());
    }
    call.text(out)
}

pub(super) fn urlquery(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = joined(call)?;
    call.room(text.len() * 3)?;
    let mut out = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    call.text(out)
}
