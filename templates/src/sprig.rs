//! The functions of sprig v3.3.0, except those that read the environment or the network.

pub(crate) mod convert;
pub(crate) mod crypto;
pub(crate) mod date;
pub(crate) mod defaults;
pub(crate) mod dicts;
pub(crate) mod encode;
pub(crate) mod flow;
pub(crate) mod hash;
pub(crate) mod json;
pub(crate) mod lists;
pub(crate) mod math;
pub(crate) mod path;
pub(crate) mod random;
pub(crate) mod regex;
pub(crate) mod runes;
pub(crate) mod semver;
pub(crate) mod strings;
pub(crate) mod types;
pub(crate) mod url;
