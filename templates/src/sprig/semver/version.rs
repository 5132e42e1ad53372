//! Versions as Masterminds/semver 3.4 reads and orders them.

use std::cmp::Ordering;

/// A version. Texts are ASCII.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    /// Without the `-`.
    pub(super) prerelease: String,
    /// Without the `+`.
    pub(super) metadata: String,
    /// What it was read from.
    pub(super) original: String,
}

impl Version {
    /// Reads a version. A `v` before it, missing minor and patch numbers and leading zeros are allowed.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (rest, metadata) = split(rest, '+');
        let (rest, prerelease) = split(rest, '-');
        let mut numbers = rest.split('.').map(number);
        let version = Self {
            major: numbers.next()??,
            minor: numbers.next().unwrap_or(Some(0))?,
            patch: numbers.next().unwrap_or(Some(0))?,
            prerelease: prerelease.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        };
        let valid = prerelease.is_none_or(is_prerelease) && metadata.is_none_or(is_metadata);
        (valid && numbers.next().is_none()).then_some(version)
    }

    /// The version in full, without a `v`.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}.{}.{}", self.major, self.minor, self.patch);
        for (sign, part) in [('-', &self.prerelease), ('+', &self.metadata)] {
            if !part.is_empty() {
                text.push(sign);
                text.push_str(part);
            }
        }
        text
    }

    /// The order of versions; metadata does not count.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| order_of_prereleases(&self.prerelease, &other.prerelease))
    }

    /// With a `v` before the original if this one's has it.
    fn renamed(&self, mut next: Self) -> Self {
        next.original = if self.original.starts_with('v') {
            format!("v{}", next.text())
        } else {
            next.text()
        };
        next
    }

    /// The next major version. Numbers wrap, as in Go.
    pub(super) fn next_major(&self) -> Self {
        self.renamed(Self {
            major: self.major.wrapping_add(1),
            ..Self::default()
        })
    }

    /// The next minor version.
    pub(super) fn next_minor(&self) -> Self {
        self.renamed(Self {
            major: self.major,
            minor: self.minor.wrapping_add(1),
            ..Self::default()
        })
    }

    /// The next patch version: of a prerelease, the release.
    pub(super) fn next_patch(&self) -> Self {
        let patch = self
            .patch
            .wrapping_add(u64::from(self.prerelease.is_empty()));
        self.renamed(Self {
            major: self.major,
            minor: self.minor,
            patch,
            ..Self::default()
        })
    }

    /// With another prerelease.
    pub(super) fn with_prerelease(&self, prerelease: &str) -> Option<Self> {
        let valid = prerelease.is_empty() || is_prerelease(prerelease);
        valid.then(|| {
            self.renamed(Self {
                prerelease: prerelease.to_owned(),
                ..self.clone()
            })
        })
    }

    /// With other metadata.
    pub(super) fn with_metadata(&self, metadata: &str) -> Option<Self> {
        let valid = metadata.is_empty() || is_metadata(metadata);
        valid.then(|| {
            self.renamed(Self {
                metadata: metadata.to_owned(),
                ..self.clone()
            })
        })
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at)
        .map_or((text, None), |(before, behind)| (before, Some(behind)))
}

fn number(text: &str) -> Option<u64> {
    // parse takes a sign.
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

fn is_metadata(text: &str) -> bool {
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(is_word))
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn is_prerelease(text: &str) -> bool {
    let leading_zero = |part: &str| part.len() > 1 && part.starts_with('0') && is_digits(part);
    is_metadata(text) && !text.split('.').any(leading_zero)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A release comes behind its prereleases; parts are compared one by one, numbers before words.
pub(super) fn order_of_prereleases(one: &str, other: &str) -> Ordering {
    match (one.is_empty(), other.is_empty()) {
        (false, false) => {}
        (empty, other_empty) => return empty.cmp(&other_empty),
    }
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(one), Some(other)) => order_of_parts(one, other),
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn order_of_parts(one: &str, other: &str) -> Ordering {
    let numeric = |part: &str| number(part).filter(|_| !part.is_empty());
    match (numeric(one), numeric(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}
