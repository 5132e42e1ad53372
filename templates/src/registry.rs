//! Every function that a template can call, by name.

use crate::{Entry, builtins, sprig};

/// The tables of functions. A name is in one of them only.
pub const FUNCTIONS: &[&[Entry]] = &[
    builtins::FUNCTIONS,
    sprig::lists::FUNCTIONS,
    sprig::dicts::FUNCTIONS,
    sprig::math::FUNCTIONS,
    sprig::defaults::FUNCTIONS,
    sprig::types::FUNCTIONS,
    sprig::json::FUNCTIONS,
    sprig::convert::FUNCTIONS,
    sprig::strings::FUNCTIONS,
    sprig::regex::FUNCTIONS,
    sprig::encode::FUNCTIONS,
    sprig::hash::FUNCTIONS,
    sprig::crypto::FUNCTIONS,
    sprig::date::FUNCTIONS,
    sprig::path::FUNCTIONS,
    sprig::url::FUNCTIONS,
    sprig::semver::FUNCTIONS,
    sprig::random::FUNCTIONS,
    sprig::flow::FUNCTIONS,
];

/// The function of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    FUNCTIONS
        .iter()
        .flat_map(|table| table.iter())
        .find(|entry| entry.name == name)
}
