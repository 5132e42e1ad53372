//! Constraints on versions, as Masterminds/semver 3.4 reads them: `>=1.2 <2 || ~3.1 || 4.x || 5.0 - 6.0`.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::version::{Version, is_word, order_of_prereleases};

/// Alternatives, each a list of conditions that hold together.
pub(super) struct Constraint(Vec<Vec<Condition>>);

#[derive(Clone, Copy)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// What a condition leaves open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    Major,
}

struct Condition {
    operator: Operator,
    version: Version,
    open: Open,
}

impl Constraint {
    /// Reads a constraint; the work is quadratic in its length at worst.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = with_ranges_rewritten(str::from_utf8(text).ok()?);
        text.split("||")
            .map(alternative)
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Whether the version is allowed.
    pub(super) fn allows(&self, version: &Version) -> bool {
        self.0.iter().any(|conditions| {
            // Prereleases are looked at only where a condition names one.
            let prereleases = conditions
                .iter()
                .any(|condition| !condition.version.prerelease.is_empty());
            let seen = prereleases || version.prerelease.is_empty();
            seen && conditions.iter().all(|condition| condition.allows(version))
        })
    }
}

impl Condition {
    fn allows(&self, version: &Version) -> bool {
        let (bound, open) = (&self.version, self.open);
        let order = version.order(bound);
        let same_major = version.major == bound.major;
        let same_minor = version.minor == bound.minor;
        match self.operator {
            Operator::Equal if open == Open::Nothing => order.is_eq(),
            Operator::Equal | Operator::Tilde => self.tilde(version),
            Operator::NotEqual => match open {
                Open::Nothing | Open::Major => order.is_ne(),
                Open::Minor => !same_major,
                Open::Patch => {
                    !same_major
                        || !same_minor
                        || order_of_prereleases(&version.prerelease, &bound.prerelease).is_ne()
                }
            },
            Operator::Greater => match (open, version.major.cmp(&bound.major)) {
                (Open::Nothing, _) => order.is_gt(),
                (_, Ordering::Greater) => true,
                (_, Ordering::Less) | (Open::Minor, _) => false,
                (Open::Patch, _) => version.minor > bound.minor,
                (Open::Major, _) => order.is_gt(),
            },
            Operator::Less => order.is_lt(),
            Operator::GreaterEqual => order.is_ge(),
            Operator::LessEqual => match (open, version.major.cmp(&bound.major)) {
                (Open::Nothing, _) => order.is_le(),
                (_, Ordering::Greater) => false,
                (_, Ordering::Equal) => version.minor <= bound.minor || open == Open::Minor,
                (_, Ordering::Less) => true,
            },
            Operator::Caret => order.is_ge() && self.caret(version),
        }
    }

    /// The same minor version; ~1 the same major one, ~0.0.0 any.
    fn tilde(&self, version: &Version) -> bool {
        let (bound, open) = (&self.version, self.open);
        if version.order(bound).is_lt() {
            return false;
        }
        let zero = (bound.major, bound.minor, bound.patch) == (0, 0, 0);
        if zero && !matches!(open, Open::Minor | Open::Patch) {
            return true;
        }
        version.major == bound.major && (version.minor == bound.minor || open == Open::Minor)
    }

    /// The leftmost number that is not zero stays.
    fn caret(&self, version: &Version) -> bool {
        let (bound, open) = (&self.version, self.open);
        if bound.major > 0 || open == Open::Minor {
            return version.major == bound.major;
        }
        if version.major > 0 {
            return false;
        }
        if bound.minor > 0 || open == Open::Patch {
            return version.minor == bound.minor;
        }
        if version.minor > 0 {
            return false;
        }
        version.patch == bound.patch
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r')
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches(|ch: char| u8::try_from(ch).is_ok_and(is_space))
}

/// A version with wildcards, as written.
struct Pattern<'t> {
    numbers: [&'t str; 3],
    /// With its `-`.
    prerelease: &'t str,
    /// As written, from the optional `v` on.
    text: &'t str,
}

impl<'t> Pattern<'t> {
    /// The longest pattern at the start of `text`, and what is behind it.
    fn at_start_of(text: &'t str) -> Option<(Self, &'t str)> {
        // The bar stands among the wildcards of upstream's grammar; no version with one can be read.
        let wild = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'|' | b'x' | b'X' | b'*');
        let unprefixed = text.strip_prefix('v').unwrap_or(text);
        let (major, mut rest) = run(unprefixed, wild);
        if major.is_empty() {
            return None;
        }
        let mut numbers = [major, "", ""];
        for number in &mut numbers[1..] {
            if let Some((found, behind)) = rest.strip_prefix('.').map(|text| run(text, wild))
                && !found.is_empty()
            {
                (*number, rest) = (found, behind);
            }
        }
        let before = rest;
        rest = parts(rest, '-');
        let prerelease = &before[..before.len() - rest.len()];
        rest = parts(rest, '+');
        Some((
            Self {
                numbers,
                prerelease,
                text: &text[..text.len() - rest.len()],
            },
            rest,
        ))
    }

    fn condition(&self, operator: Operator) -> Option<Condition> {
        let open = |number: &str| matches!(number, "" | "x" | "X" | "*");
        let [major, minor, patch] = self.numbers;
        let prerelease = self.prerelease;
        let (text, open) = if open(major) {
            (format!("0.0.0{prerelease}"), Open::Major)
        } else if open(minor) {
            (format!("{major}.0.0{prerelease}"), Open::Minor)
        } else if open(patch) {
            (format!("{major}.{minor}.0{prerelease}"), Open::Patch)
        } else {
            (self.text.to_owned(), Open::Nothing)
        };
        Some(Condition {
            operator,
            version: Version::parse(text.as_bytes())?,
            open,
        })
    }
}

fn run(text: &str, of: impl Fn(u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().take_while(|&byte| of(byte)).count())
}

/// `text` without words joined by dots behind `sign`, if it starts with such.
fn parts(text: &str, sign: char) -> &str {
    let (mut rest, mut next) = (text, text.strip_prefix(sign));
    while let Some((word, behind)) = next.map(|text| run(text, is_word)) {
        if word.is_empty() {
            break;
        }
        rest = behind;
        next = behind.strip_prefix('.');
    }
    rest
}

/// Conditions, separated by white space or commas.
fn alternative(text: &str) -> Option<Vec<Condition>> {
    let mut conditions = Vec::new();
    let mut rest = skip_space(text);
    loop {
        let (operator, behind) = operator(rest);
        let (pattern, behind) = Pattern::at_start_of(skip_space(behind))?;
        conditions.push(pattern.condition(operator)?);
        let spaceless = skip_space(behind);
        if spaceless.is_empty() {
            return Some(conditions);
        }
        rest = match spaceless.strip_prefix(',') {
            Some(behind) => skip_space(behind),
            None if spaceless.len() < behind.len() => spaceless,
            None => return None,
        };
    }
}

fn operator(text: &str) -> (Operator, &str) {
    const OPERATORS: [(&str, Operator); 11] = [
        ("!=", Operator::NotEqual),
        (">=", Operator::GreaterEqual),
        ("=>", Operator::GreaterEqual),
        ("<=", Operator::LessEqual),
        ("=<", Operator::LessEqual),
        ("~>", Operator::Tilde),
        ("=", Operator::Equal),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("~", Operator::Tilde),
        ("^", Operator::Caret),
    ];
    OPERATORS
        .iter()
        .find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)))
        .unwrap_or((Operator::Equal, text))
}

/// `1.2 - 2.3` as `>= 1.2, <= 2.3`.
fn with_ranges_rewritten(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    let mut rest = text;
    while !rest.is_empty() {
        if let Some((from, to, behind)) = range(rest) {
            let found = &rest[..rest.len() - behind.len()];
            out = Cow::Owned(out.replacen(found, &format!(">= {from}, <= {to} "), 1));
            rest = behind;
        } else {
            rest = &rest[rest.chars().next().map_or(1, char::len_utf8)..];
        }
    }
    out
}

/// A range at the start of `text`, with the white space around it, and what is behind.
fn range(text: &str) -> Option<(&str, &str, &str)> {
    let spaced = |text| Some(skip_space(text)).filter(|rest: &&str| rest.len() < str::len(text));
    let (from, rest) = Pattern::at_start_of(skip_space(text))?;
    let rest = spaced(spaced(rest)?.strip_prefix('-')?)?;
    let (to, rest) = Pattern::at_start_of(rest)?;
    Some((from.text, to.text, skip_space(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Masterminds/semver 3.4.0 said.
    #[test]
    fn constraints_allow_what_upstream_allows() {
        let allows = |constraint: &str, version: &str| {
            let version = Version::parse(version.as_bytes()).expect("a version");
            Constraint::parse(constraint.as_bytes()).map(|it| it.allows(&version))
        };
        for (constraint, version, expected) in [
            ("^1.2", "1.3.0", true),
            ("^0.2.3", "0.3.0", false),
            ("^0.0.3", "0.0.4", false),
            ("^0", "0.9.0", true),
            ("~1.2", "1.3.0", false),
            ("~1", "1.9.0", true),
            ("1.2.x", "1.2.9", true),
            ("!=1.2", "1.2.3", false),
            (">1", "1.5.0", false),
            ("<=1", "1.5.0", true),
            (">=1.2, <2 || 3.x", "3.1", true),
            ("1.2 - 1.4.5", "1.4.5", true),
            ("1.2 - 1.4.5", "1.4.6", false),
            (">=1.2", "1.3.0-beta", false),
            (">=1.2-0", "1.3.0-beta", true),
            ("*", "0.0.1", true),
        ] {
            assert_eq!(
                allows(constraint, version),
                Some(expected),
                "{constraint} {version}"
            );
        }
        for constraint in ["", "==1", "1.2.3.4", "1|2", "1,,2", "01.2-01", "a"] {
            assert_eq!(allows(constraint, "1.0.0"), None, "{constraint}");
        }
    }
}
