//! Character classes of Go's regular expressions, in brackets and as escapes.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::budget::{Budget, Unusable};

/// Adds the characters of these numbers. Surrogates are left out: no text holds one.
pub(super) fn add(class: &mut ClassUnicode, first: u32, last: u32) {
    let from = if (0xd800..0xe000).contains(&first) {
        0xe000
    } else {
        first
    };
    let to = if (0xd800..0xe000).contains(&last) {
        0xd7ff
    } else {
        last
    };
    if let (true, Some(from), Some(to)) = (from <= to, char::from_u32(from), char::from_u32(to)) {
        class.push(ClassUnicodeRange::new(from, to));
    }
}

/// `[…]` at the start of `rest`.
pub(super) fn bracketed(
    rest: &mut &str,
    fold: bool,
    budget: &mut Budget<'_>,
) -> Result<ClassUnicode, Unusable> {
    let mut text = rest.strip_prefix('[').ok_or(Unusable::Syntax)?;
    let negated = text.strip_prefix('^');
    text = negated.unwrap_or(text);
    // Collected first: a class sorts itself with every addition.
    let mut ranges: Vec<ClassUnicodeRange> = Vec::new();
    let mut first = true;
    while first || !text.starts_with(']') {
        first = false;
        if let Some(set) = posix(&mut text, fold, budget)? {
            ranges.extend(set.iter());
            continue;
        }
        if text.starts_with('\\')
            && let Some(set) = escaped(&mut text, fold, budget)?
        {
            ranges.extend(set.iter());
            continue;
        }
        let low = character(&mut text)?;
        let mut high = low;
        if text.starts_with('-') && !text.starts_with("-]") && text.len() > 1 {
            text = &text[1..];
            high = character(&mut text)?;
            if high < low {
                return Err(Unusable::Syntax);
            }
        }
        let mut range = ClassUnicode::empty();
        add(&mut range, low, high);
        let range = folded(range, fold, budget)?;
        budget.hold(range.ranges().len())?;
        ranges.extend(range.iter());
    }
    *rest = &text[1..];
    let mut class = ClassUnicode::new(ranges);
    if negated.is_some() {
        class.negate();
    }
    Ok(class)
}

/// All characters that have another case, and some that have not.
static CASED: LazyLock<Option<ClassUnicode>> = LazyLock::new(|| {
    let mut cased = lookup("gc=lu")?;
    for category in ["gc=ll", "gc=lt", "gc=nl"] {
        cased.union(&lookup(category)?);
    }
    // A mark for iota, and letters in circles.
    add(&mut cased, 0x345, 0x345);
    add(&mut cased, 0x24b6, 0x24e9);
    Some(cased)
});

/// Adds the other cases of all characters in a class.
pub(super) fn folded(
    mut class: ClassUnicode,
    fold: bool,
    budget: &mut Budget<'_>,
) -> Result<ClassUnicode, Unusable> {
    /// More than there are in [`CASED`].
    const CASES: usize = 5000;
    if !fold {
        return Ok(class);
    }
    // The library looks at every single character of a class, of which there can be a million.
    let size: usize = class.iter().map(ClassUnicodeRange::len).sum();
    budget.work(size.min(CASES) * 8)?;
    match &*CASED {
        Some(cased) if size > CASES => {
            let mut other = class.clone();
            other.intersect(cased);
            other.case_fold_simple();
            class.union(&other);
        }
        _ => class.case_fold_simple(),
    }
    Ok(class)
}

/// `\d`, `\pL` and the like at the start of `rest`, which starts with a backslash. `None`: it is a single
/// character.
pub(super) fn escaped(
    rest: &mut &str,
    fold: bool,
    budget: &mut Budget<'_>,
) -> Result<Option<ClassUnicode>, Unusable> {
    let mut chars = rest.chars();
    chars.next();
    let Some(letter) = chars.next() else {
        return Ok(None);
    };
    let ranges: &[(u8, u8)] = match letter.to_ascii_lowercase() {
        'd' => &[(b'0', b'9')],
        's' => &[(b'\t', b'\n'), (b'\x0c', b'\r'), (b' ', b' ')],
        'w' => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
        'p' => return unicode(rest, letter == 'P', fold, budget).map(Some),
        _ => return Ok(None),
    };
    *rest = chars.as_str();
    let mut class = folded(ascii(ranges), fold, budget)?;
    if letter.is_ascii_uppercase() {
        class.negate();
    }
    budget.hold(class.ranges().len())?;
    Ok(Some(class))
}

fn ascii(ranges: &[(u8, u8)]) -> ClassUnicode {
    let range = |&(from, to): &(u8, u8)| ClassUnicodeRange::new(char::from(from), char::from(to));
    ClassUnicode::new(ranges.iter().map(range))
}

/// `[:alpha:]` at the start of `rest`. What has no `:]` is not one.
fn posix(
    rest: &mut &str,
    fold: bool,
    budget: &mut Budget<'_>,
) -> Result<Option<ClassUnicode>, Unusable> {
    let Some((name, behind)) = rest
        .strip_prefix("[:")
        .and_then(|text| text.split_once(":]"))
    else {
        return Ok(None);
    };
    let negated = name.strip_prefix('^');
    let ranges: &[(u8, u8)] = match negated.unwrap_or(name) {
        "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        "alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        "ascii" => &[(0, 0x7f)],
        "blank" => &[(b'\t', b'\t'), (b' ', b' ')],
        "cntrl" => &[(0, 0x1f), (0x7f, 0x7f)],
        "digit" => &[(b'0', b'9')],
        "graph" => &[(b'!', b'~')],
        "lower" => &[(b'a', b'z')],
        "print" => &[(b' ', b'~')],
        "punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        "space" => &[(b'\t', b'\r'), (b' ', b' ')],
        "upper" => &[(b'A', b'Z')],
        "word" => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
        "xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return Err(Unusable::Syntax),
    };
    *rest = behind;
    let mut class = folded(ascii(ranges), fold, budget)?;
    if negated.is_some() {
        class.negate();
    }
    budget.hold(class.ranges().len())?;
    Ok(Some(class))
}

/// `\pN`, `\p{Name}` or `\p{^Name}` at the start of `rest`.
fn unicode(
    rest: &mut &str,
    mut negated: bool,
    fold: bool,
    budget: &mut Budget<'_>,
) -> Result<ClassUnicode, Unusable> {
    let text = &rest[2..];
    let (name, behind) = match text.strip_prefix('{') {
        Some(text) => text.split_once('}').ok_or(Unusable::Syntax)?,
        None => text.split_at(text.chars().next().ok_or(Unusable::Syntax)?.len_utf8()),
    };
    *rest = behind;
    let name = match name.strip_prefix('^') {
        Some(name) => {
            negated = !negated;
            name
        }
        None => name,
    };
    let mut class = known(name, fold, budget)?;
    if negated {
        class.negate();
    }
    budget.hold(class.ranges().len())?;
    Ok(class)
}

/// A class by its name, made once for each expression.
fn known(name: &str, fold: bool, budget: &mut Budget<'_>) -> Result<ClassUnicode, Unusable> {
    /// What making one costs beside folding it, in bytes looked at.
    const MAKING: usize = 4096;
    let kept = |ch: &char| !matches!(ch, ' ' | '_' | '-');
    let name: String = name
        .chars()
        .filter(kept)
        .map(|ch| ch.to_ascii_lowercase())
        .collect();
    let key = (name, fold);
    if let Some(class) = budget.known.get(&key) {
        return Ok(class.clone());
    }
    budget.work(MAKING)?;
    let class = folded(named(&key.0)?, fold, budget)?;
    budget.hold(class.ranges().len())?;
    // Without the room that a class has left over from being made.
    let class = ClassUnicode::new(class.iter().copied());
    budget.known.insert(key, class.clone());
    Ok(class)
}

/// What Unicode 15.0 has given to a character. Noncharacters have an age.
static ASSIGNED: LazyLock<Option<ClassUnicode>> = LazyLock::new(|| {
    let mut assigned = lookup("age=15.0")?;
    assigned.difference(&lookup("gc=cn")?);
    Some(assigned)
});

/// A category or a script of Unicode 15.0, by its name in small letters, without spaces, `_` and `-`.
fn named(name: &str) -> Result<ClassUnicode, Unusable> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Unusable::Syntax);
    }
    let assigned = ASSIGNED.as_ref().ok_or(Unusable::Syntax)?;
    let category = |name: &str| {
        let mut class = lookup(&format!("gc={name}"))?;
        class.intersect(assigned);
        Some(class)
    };
    let unassigned = || {
        let mut class = assigned.clone();
        class.negate();
        class
    };
    match name {
        "any" => lookup("any"),
        "ascii" => Some(ascii(&[(0, 0x7f)])),
        "assigned" => Some(assigned.clone()),
        "cn" | "unassigned" => Some(unassigned()),
        "c" | "other" => category("other").map(|mut class| {
            class.union(&unassigned());
            class
        }),
        // Go has the names of scripts, not their abbreviations, which have four letters.
        _ => category(name).or_else(|| {
            let mut script = lookup(&format!("sc={name}"))?;
            script.intersect(assigned);
            (is_full_name(name) && !script.ranges().is_empty()).then_some(script)
        }),
    }
    .ok_or(Unusable::Syntax)
}

/// Scripts whose full name has as few letters as an abbreviation.
fn is_full_name(name: &str) -> bool {
    name.len() != 4 || matches!(name, "ahom" | "cham" | "kawi" | "lisu" | "modi" | "thai")
}

fn lookup(property: &str) -> Option<ClassUnicode> {
    let hir = regex_syntax::parse(&format!("\\p{{{property}}}")).ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        _ => None,
    }
}

/// One character at the start of `rest`, by number: plain or escaped.
pub(super) fn character(rest: &mut &str) -> Result<u32, Unusable> {
    let mut chars = rest.chars();
    let ch = chars.next().ok_or(Unusable::Syntax)?;
    if ch != '\\' {
        *rest = chars.as_str();
        return Ok(u32::from(ch));
    }
    let letter = chars.next().ok_or(Unusable::Syntax)?;
    let behind = chars.as_str();
    let number = match letter {
        // \1 to \7 alone would be a reference to a group, which RE2 does not have.
        '1'..='7' if !behind.starts_with(|ch| ('0'..='7').contains(&ch)) => {
            return Err(Unusable::Syntax);
        }
        '0'..='7' => {
            let octal = rest[1..]
                .bytes()
                .take(3)
                .take_while(|byte| (b'0'..=b'7').contains(byte))
                .count();
            let (digits, behind) = rest[1..].split_at(octal);
            *rest = behind;
            return u32::from_str_radix(digits, 8).map_err(|_| Unusable::Syntax);
        }
        'x' => return hex(rest),
        'a' => 0x07,
        'f' => 0x0c,
        'n' => 0x0a,
        'r' => 0x0d,
        't' => 0x09,
        'v' => 0x0b,
        _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => u32::from(letter),
        _ => return Err(Unusable::Syntax),
    };
    *rest = behind;
    Ok(number)
}

/// `\x7f` or `\x{10ffff}` at the start of `rest`.
fn hex(rest: &mut &str) -> Result<u32, Unusable> {
    let text = &rest[2..];
    let (digits, behind) = match text.strip_prefix('{') {
        Some(text) => text.split_once('}').ok_or(Unusable::Syntax)?,
        None => text.split_at_checked(2).ok_or(Unusable::Syntax)?,
    };
    // from_str_radix takes a sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Unusable::Syntax);
    }
    *rest = behind;
    let significant = digits.trim_start_matches('0');
    match u32::from_str_radix(
        if significant.is_empty() {
            "0"
        } else {
            significant
        },
        16,
    ) {
        Ok(number) if number <= u32::from(char::MAX) => Ok(number),
        _ => Err(Unusable::Syntax),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_with_another_case_is_looked_at() {
        let cased = CASED.as_ref().expect("the tables are there");
        let has = |ch: char| {
            let ranges = cased.ranges();
            let after = ranges.partition_point(|range| range.start() <= ch);
            after > 0 && ranges[after - 1].end() >= ch
        };
        assert!(cased.iter().map(ClassUnicodeRange::len).sum::<usize>() < 5000);
        // Those without are tried by the thousand.
        let all: Vec<char> = ('\0'..=char::MAX).filter(|ch| !has(*ch)).collect();
        for some in all.chunks(4096) {
            let mut class =
                ClassUnicode::new(some.iter().map(|ch| ClassUnicodeRange::new(*ch, *ch)));
            let before = class.clone();
            class.case_fold_simple();
            assert!(class == before, "near {:?}", some[0]);
        }
    }
}
