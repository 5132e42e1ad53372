//! What makes text longer: repeating, indenting, replacing, quoting, joining. Sizes are checked first.

use memchr::memmem;

use super::quote as literal;
use crate::sprig::runes::runes;
use crate::{Call, Fault, Value};

pub(super) fn repeat(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.str(1)?;
    let spread = times(call, text, call.int(0)?)?;
    call.text(spread)
}

/// `text`, `count` times.
fn times(call: &mut Call<'_, '_>, text: &[u8], count: i64) -> Result<Vec<u8>, Fault> {
    let count = usize::try_from(count).map_err(|_| Fault::failed("negative repeat count"))?;
    call.room(count.saturating_mul(text.len()))?;
    Ok(if text.is_empty() {
        Vec::new()
    } else {
        text.repeat(count)
    })
}

pub(super) fn indent(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = indented(call, b"")?;
    call.text(text)
}

pub(super) fn nindent(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = indented(call, b"\n")?;
    call.text(text)
}

/// Every line of the second argument behind as many spaces as the first says; empty lines too.
fn indented(call: &mut Call<'_, '_>, before: &[u8]) -> Result<Vec<u8>, Fault> {
    let (width, text) = (call.int(0)?, call.str(1)?);
    let pad = times(call, b" ", width)?;
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    call.room(
        lines
            .saturating_mul(pad.len())
            .saturating_add(text.len() + before.len()),
    )?;
    let mut out = before.to_vec();
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        if number > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(&pad);
        out.extend_from_slice(line);
    }
    Ok(out)
}

pub(super) fn replace(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let (old, new, text) = (call.str(0)?, call.str(1)?, call.str(2)?);
    // An empty text is found before every rune and at the end.
    let found = if old.is_empty() {
        runes(text).count() + 1
    } else {
        memmem::find_iter(text, old).count()
    };
    call.room(found.saturating_mul(new.len()).saturating_add(text.len()))?;
    call.text(replaced(text, old, new))
}

fn replaced(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    if old.is_empty() {
        for rune in runes(text) {
            out.extend_from_slice(new);
            out.extend_from_slice(&text[at..at + rune.width]);
            at += rune.width;
        }
        out.extend_from_slice(new);
        return out;
    }
    for found in memmem::find_iter(text, old) {
        out.extend_from_slice(&text[at..found]);
        out.extend_from_slice(new);
        at = found + old.len();
    }
    out.extend_from_slice(&text[at..]);
    out
}

pub(super) fn quote(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    joined(call, |call, value| {
        let text = call.strval(value)?;
        // \xff makes four bytes of one, \U000e0001 ten of four.
        call.room(text.len().saturating_mul(4))?;
        Ok(literal::quote(&text))
    })
}

pub(super) fn squote(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    joined(call, |call, value| {
        let text = call.print(value)?;
        Ok([b"'", &text[..], b"'"].concat())
    })
}

pub(super) fn cat(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    joined(call, |call, value| call.print(value))
}

/// The arguments that are not nil, each through `with`, joined by spaces.
fn joined(
    call: &mut Call<'_, '_>,
    with: impl Fn(&mut Call<'_, '_>, &Value) -> Result<Vec<u8>, Fault>,
) -> Result<Value, Fault> {
    let mut out = Vec::new();
    let mut first = true;
    for value in call.args {
        if matches!(value, Value::Nil) {
            continue;
        }
        let text = with(call, value)?;
        // Twice, because a buffer that is full doubles.
        call.room((out.len() + text.len() + 1) * 2)?;
        if !std::mem::take(&mut first) {
            out.push(b' ');
        }
        out.extend_from_slice(&text);
    }
    call.text(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_is_found_between_runes() {
        assert_eq!(replaced("héy".as_bytes(), b"", b"-"), "-h-é-y-".as_bytes());
        assert_eq!(replaced(b"", b"", b"-"), b"-");
        assert_eq!(replaced(b"a\xffb", b"", b"-"), b"-a-\xff-b-");
        assert_eq!(replaced(b"banana", b"an", b"x"), b"bxxa");
    }
}
