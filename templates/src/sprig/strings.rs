//! sprig: strings.

pub(crate) mod case;
mod fill;
pub(crate) mod quote;
mod width;
mod words;

use super::runes::{chars, is_space, runes};
use crate::{Call, Entry, Fault, Param, Value};
use Param::{Any, Int, Str};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("abbrev", &[Int, Str], abbrev),
    Entry::new("abbrevboth", &[Int, Int, Str], abbrevboth),
    Entry::new("camelcase", &[Str], camelcase),
    Entry::variadic("cat", &[], Any, fill::cat),
    Entry::new("contains", &[Str, Str], contains),
    Entry::new("hasPrefix", &[Str, Str], has_prefix),
    Entry::new("hasSuffix", &[Str, Str], has_suffix),
    Entry::new("indent", &[Int, Str], fill::indent),
    Entry::new("initials", &[Str], initials),
    Entry::new("kebabcase", &[Str], kebabcase),
    Entry::new("lower", &[Str], lower),
    Entry::new("nindent", &[Int, Str], fill::nindent),
    Entry::new("nospace", &[Str], nospace),
    Entry::new("plural", &[Str, Str, Int], plural),
    Entry::variadic("quote", &[], Any, fill::quote),
    Entry::new("repeat", &[Int, Str], fill::repeat),
    Entry::new("replace", &[Str, Str, Str], fill::replace),
    Entry::new("snakecase", &[Str], snakecase),
    Entry::variadic("squote", &[], Any, fill::squote),
    Entry::new("substr", &[Int, Int, Str], substr),
    Entry::new("swapcase", &[Str], swapcase),
    Entry::new("title", &[Str], title),
    Entry::new("trim", &[Str], trim),
    Entry::new("trimAll", &[Str, Str], trim_all),
    Entry::new("trimPrefix", &[Str, Str], trim_prefix),
    Entry::new("trimSuffix", &[Str, Str], trim_suffix),
    Entry::new("trimall", &[Str, Str], trim_all),
    Entry::new("trunc", &[Int, Str], trunc),
    Entry::new("untitle", &[Str], untitle),
    Entry::new("upper", &[Str], upper),
    Entry::new("wrap", &[Int, Str], wrap),
    Entry::new("wrapWith", &[Int, Str, Str], wrap_with),
];

/// A mapped rune takes at most three times the bytes: a stray byte becomes U+FFFD.
const GROWTH: usize = 3;

/// Maps the only argument, once there is room for the result.
fn mapped(call: &mut Call<'_, '_>, with: impl Fn(&[u8]) -> Vec<u8>) -> Result<Value, Fault> {
    let text = call.str(0)?;
    call.room(text.len().saturating_mul(GROWTH))?;
    call.text(with(text))
}

fn upper(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    mapped(call, case::upper)
}

fn lower(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    mapped(call, case::lower)
}

fn title(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    mapped(call, case::title)
}

fn untitle(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    mapped(call, case::untitle)
}

fn swapcase(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    mapped(call, case::swapcase)
}

fn initials(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    mapped(call, case::initials)
}

fn nospace(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    mapped(call, case::nospace)
}

fn snakecase(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    // The list of words is much larger than the text.
    call.room(
        call.str(0)?
            .len()
            .saturating_mul(4 * size_of::<words::Word<'_>>()),
    )?;
    mapped(call, |text| words::delimited(text, '_'))
}

fn kebabcase(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    call.room(
        call.str(0)?
            .len()
            .saturating_mul(4 * size_of::<words::Word<'_>>()),
    )?;
    mapped(call, |text| words::delimited(text, '-'))
}

fn camelcase(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    mapped(call, words::camelcase)
}

fn abbrev(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = width::abbrev(call.int(0)?, call.str(1)?);
    call.text(text)
}

fn abbrevboth(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = width::abbrevboth(call.int(0)?, call.int(1)?, call.str(2)?);
    call.text(text)
}

fn trunc(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = width::trunc(call.int(0)?, call.str(1)?);
    call.text(text)
}

fn substr(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = width::substr(call.int(0)?, call.int(1)?, call.str(2)?)
        .ok_or(Fault::failed("slice bounds out of range"))?;
    call.text(text)
}

fn wrap(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.str(1)?;
    call.room(text.len().saturating_mul(2))?;
    call.text(width::wrap(text, call.int(0)?, b"\n", false))
}

fn wrap_with(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let (at, newline, text) = (call.int(0)?, call.str(1)?, call.str(2)?);
    // A line ends at a space or after `at` bytes.
    let spaces = text.iter().filter(|&&byte| byte == b' ').count();
    let lines = text.len() / usize::try_from(at).unwrap_or(1).max(1) + spaces + 1;
    call.room(
        lines
            .saturating_mul(newline.len().max(1))
            .saturating_add(text.len()),
    )?;
    call.text(width::wrap(text, at, newline, true))
}

fn trim(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = trimmed(call.str(0)?, is_space);
    call.text(text)
}

fn trim_all(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let mut set: Vec<char> = chars(call.str(0)?).collect();
    set.sort_unstable();
    let text = trimmed(call.str(1)?, |ch| set.binary_search(&ch).is_ok());
    call.text(text)
}

/// `text` without the runes at both ends that `out` holds for.
fn trimmed(text: &[u8], out: impl Fn(char) -> bool) -> &[u8] {
    let mut kept: Option<(usize, usize)> = None;
    let mut at = 0;
    for rune in runes(text) {
        let end = at + rune.width;
        if !out(rune.ch) {
            kept = Some((kept.map_or(at, |(start, _)| start), end));
        }
        at = end;
    }
    kept.map_or(&[], |(start, end)| &text[start..end])
}

fn trim_prefix(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let (prefix, text) = (call.str(0)?, call.str(1)?);
    call.text(text.strip_prefix(prefix).unwrap_or(text))
}

fn trim_suffix(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let (suffix, text) = (call.str(0)?, call.str(1)?);
    call.text(text.strip_suffix(suffix).unwrap_or(text))
}

fn contains(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let (part, text) = (call.str(0)?, call.str(1)?);
    Ok(Value::Bool(memchr::memmem::find(text, part).is_some()))
}

fn has_prefix(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    Ok(Value::Bool(call.str(1)?.starts_with(call.str(0)?)))
}

fn has_suffix(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    Ok(Value::Bool(call.str(1)?.ends_with(call.str(0)?)))
}

fn plural(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let one = call.int(2)? == 1;
    let text = call.str(usize::from(!one))?;
    call.text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trimming_goes_by_runes() {
        assert_eq!(
            trimmed(" \u{a0}\t hi \u{2003} ".as_bytes(), is_space),
            b"hi"
        );
        assert_eq!(trimmed(b"  ", is_space), b"");
        assert_eq!(trimmed("éxhixé".as_bytes(), |ch| "xyé".contains(ch)), b"hi");
    }
}
