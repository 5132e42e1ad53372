//! Lists to text and back.

use std::collections::BTreeMap;

use crate::call::ENTRY;
use crate::meter::OVERHEAD;
use crate::sprig::convert::strings;
use crate::{Call, Fault, Type, Value};

pub(super) fn sort_alpha(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let value = call.any(0)?;
    let mut texts = match value {
        Value::Nil => vec![call.print(value)?],
        _ => strings(call, value)?,
    };
    texts.sort();
    call.texts(texts)
}

pub(super) fn join(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let separator = call.str(0)?;
    let texts = strings(call, call.any(1)?)?;
    let bytes: usize = texts.iter().map(|text| text.len() + separator.len()).sum();
    call.room(bytes)?;
    call.text(texts.join(separator))
}

pub(super) fn split_list(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let parts = pieces(call, call.str(1)?, call.str(0)?, None)?;
    call.texts(parts)
}

pub(super) fn split(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let parts = pieces(call, call.str(1)?, call.str(0)?, None)?;
    numbered(call, &parts)
}

pub(super) fn splitn(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let most = usize::try_from(call.int(1)?).ok();
    let parts = pieces(call, call.str(2)?, call.str(0)?, most)?;
    numbered(call, &parts)
}

/// `{"_0": …, "_1": …}`
fn numbered(call: &mut Call<'_, '_>, parts: &[&[u8]]) -> Result<Value, Fault> {
    call.room(parts.len().saturating_mul(ENTRY))?;
    let mut entries = BTreeMap::new();
    for (index, &part) in parts.iter().enumerate() {
        entries.insert(format!("_{index}").into_bytes(), call.text(part)?);
    }
    call.map(Type::Str, entries)
}

/// What is between the separators, in at most so many pieces. An empty separator stands between any two characters.
fn pieces<'a>(
    call: &mut Call<'_, '_>,
    text: &'a [u8],
    separator: &[u8],
    most: Option<usize>,
) -> Result<Vec<&'a [u8]>, Fault> {
    call.work(text.len())?;
    let mut rest = text;
    let mut pieces = Vec::new();
    if most == Some(0) || (separator.is_empty() && text.is_empty()) {
        return Ok(pieces);
    }
    while most.is_none_or(|most| pieces.len() + 1 < most) {
        let Some((piece, skip)) = next(rest, separator) else {
            break;
        };
        // Each becomes a text in a list.
        call.room((pieces.len() + 1) * (size_of::<Value>() + OVERHEAD))?;
        pieces.push(&rest[..piece]);
        rest = &rest[piece + skip..];
    }
    pieces.push(rest);
    Ok(pieces)
}

/// Length of the next piece and of the separator after it.
fn next(text: &[u8], separator: &[u8]) -> Option<(usize, usize)> {
    if separator.is_empty() {
        let width = first_width(text);
        return (width < text.len()).then_some((width, 0));
    }
    let at = memchr::memmem::find(text, separator)?;
    Some((at, separator.len()))
}

/// Bytes of the first character; a byte that belongs to none stands alone.
fn first_width(text: &[u8]) -> usize {
    let head = &text[..text.len().min(4)];
    let valid = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    valid.chars().next().map_or(1, char::len_utf8)
}
