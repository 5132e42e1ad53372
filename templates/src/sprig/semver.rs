//! sprig: versions and constraints on them.

mod constraint;
mod version;

use std::any::Any;
use std::cmp::Ordering;
use std::rc::Rc;

use constraint::Constraint;
use version::Version;

use crate::value::is_object;
use crate::{Call, Entry, Fault, Kind, Object, Param, Type, Value};
use Param::Str;

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("semver", &[Str], semver),
    Entry::new("semverCompare", &[Str, Str], compare),
];

fn parsed(call: &mut Call<'_, '_>, index: usize) -> Result<Version, Fault> {
    let text = call.str(index)?;
    call.room(text.len().saturating_mul(3))?;
    Version::parse(text).ok_or(Fault::failed("invalid semantic version"))
}

fn semver(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let version = parsed(call, 0)?;
    value(call, version, true)
}

fn compare(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.str(0)?;
    // Ranges are looked for at every place, and written out one by one; a condition takes about 150 bytes.
    call.work(text.len().saturating_mul(text.len()))?;
    call.room(text.len().saturating_mul(150))?;
    let constraint = Constraint::parse(text).ok_or(Fault::failed("improper constraint"))?;
    let version = parsed(call, 1)?;
    Ok(Value::Bool(constraint.allows(&version)))
}

/// A version, or a pointer to one, as an object of templates.
struct Semver {
    version: Version,
    pointer: bool,
}

fn value(call: &mut Call<'_, '_>, version: Version, pointer: bool) -> Result<Value, Fault> {
    let texts = version.prerelease.len() + version.metadata.len() + version.original.len();
    call.env.meter.allocate(size_of::<Semver>() + texts)?;
    Ok(Value::Object(Rc::new(Semver { version, pointer })))
}

const POINTER: &str = "*semver.Version";
const OTHER: &[Param] = &[Param::Named(POINTER)];

/// Methods of `Version`, and of pointers to it.
const METHODS: &[Entry] = &[
    Entry::new("IncMajor", &[], |call| {
        changed(call, |version| Some(version.next_major()))
    }),
    Entry::new("IncMinor", &[], |call| {
        changed(call, |version| Some(version.next_minor()))
    }),
    Entry::new("IncPatch", &[], |call| {
        changed(call, |version| Some(version.next_patch()))
    }),
    Entry::new("Major", &[], |call| {
        Ok(Value::Uint64(receiver(call)?.major))
    }),
    Entry::new("MarshalJSON", &[], |call| {
        let text = format!("\"{}\"", receiver(call)?.text());
        bytes(call, &text)
    }),
    Entry::new("MarshalText", &[], |call| {
        let text = receiver(call)?.text();
        bytes(call, &text)
    }),
    Entry::new("Metadata", &[], |call| {
        call.text(receiver(call)?.metadata.as_str())
    }),
    Entry::new("Minor", &[], |call| {
        Ok(Value::Uint64(receiver(call)?.minor))
    }),
    Entry::new("Patch", &[], |call| {
        Ok(Value::Uint64(receiver(call)?.patch))
    }),
    Entry::new("Prerelease", &[], |call| {
        call.text(receiver(call)?.prerelease.as_str())
    }),
    Entry::new("SetMetadata", &[Str], |call| {
        let text = call.str(0)?;
        changed(call, |version| {
            version.with_metadata(str::from_utf8(text).ok()?)
        })
    }),
    Entry::new("SetPrerelease", &[Str], |call| {
        let text = call.str(0)?;
        changed(call, |version| {
            version.with_prerelease(str::from_utf8(text).ok()?)
        })
    }),
    Entry::new("String", &[], |call| call.text(receiver(call)?.text())),
    Entry::new("Value", &[], |call| call.text(receiver(call)?.text())),
];

/// Methods of pointers only.
const POINTER_METHODS: &[Entry] = &[
    Entry::new("Compare", OTHER, |call| {
        Ok(Value::Int(ordered(call)? as i64))
    }),
    Entry::new("Equal", OTHER, |call| {
        Ok(Value::Bool(ordered(call)?.is_eq()))
    }),
    Entry::new("GreaterThan", OTHER, |call| {
        Ok(Value::Bool(ordered(call)?.is_gt()))
    }),
    Entry::new("GreaterThanEqual", OTHER, |call| {
        Ok(Value::Bool(ordered(call)?.is_ge()))
    }),
    Entry::new("LessThan", OTHER, |call| {
        Ok(Value::Bool(ordered(call)?.is_lt()))
    }),
    Entry::new("LessThanEqual", OTHER, |call| {
        Ok(Value::Bool(ordered(call)?.is_le()))
    }),
    Entry::new("Original", &[], |call| {
        call.text(receiver(call)?.original.as_str())
    }),
];

fn receiver<'a>(call: &Call<'a, '_>) -> Result<&'a Version, Fault> {
    let object = call.receiver.ok_or(Fault::wrong_type())?;
    Ok(&call.object::<Semver>(object)?.version)
}

fn ordered(call: &Call<'_, '_>) -> Result<Ordering, Fault> {
    let other = call.object::<Semver>(call.any(0)?)?;
    Ok(receiver(call)?.order(&other.version))
}

fn changed(
    call: &mut Call<'_, '_>,
    change: impl Fn(&Version) -> Option<Version>,
) -> Result<Value, Fault> {
    let version = change(receiver(call)?).ok_or(Fault::failed("invalid prerelease or metadata"))?;
    value(call, version, false)
}

fn bytes(call: &mut Call<'_, '_>, text: &str) -> Result<Value, Fault> {
    call.list(Type::Uint8, text.bytes().map(Value::Uint8).collect())
}

impl Object for Semver {
    fn type_name(&self) -> &'static str {
        if self.pointer {
            POINTER
        } else {
            "semver.Version"
        }
    }

    fn kind(&self) -> Kind {
        if self.pointer {
            Kind::Ptr
        } else {
            Kind::Struct
        }
    }

    fn string(&self) -> Option<Vec<u8>> {
        Some(self.version.text().into_bytes())
    }

    fn method(&self, name: &str) -> Option<&'static Entry> {
        let of = |methods: &'static [Entry]| methods.iter().find(|method| method.name == name);
        of(METHODS).or_else(|| self.pointer.then(|| of(POINTER_METHODS))?)
    }

    fn json(&self) -> Option<Vec<u8>> {
        Some(format!("\"{}\"", self.version.text()).into_bytes())
    }

    fn deep_equal(&self, other: &dyn Object) -> bool {
        is_object(other, |other: &Self| self.version == other.version)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
