//! sprig: paths, as Go's `path` and, on Linux, `path/filepath` see them.

use crate::{Call, Entry, Fault, Param, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("base", &[Param::Str], base),
    Entry::new("clean", &[Param::Str], clean),
    Entry::new("dir", &[Param::Str], dir),
    Entry::new("ext", &[Param::Str], ext),
    Entry::new("isAbs", &[Param::Str], is_abs),
    Entry::new("osBase", &[Param::Str], base),
    Entry::new("osClean", &[Param::Str], clean),
    Entry::new("osDir", &[Param::Str], dir),
    Entry::new("osExt", &[Param::Str], ext),
    Entry::new("osIsAbs", &[Param::Str], is_abs),
];

fn base(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let path = call.str(0)?;
    let end = path
        .iter()
        .rposition(|&byte| byte != b'/')
        .map_or(0, |last| last + 1);
    let name = path[..end]
        .rsplit(|&byte| byte == b'/')
        .next()
        .unwrap_or_default();
    call.text(match (path.is_empty(), name.is_empty()) {
        (true, _) => b".",
        (false, true) => b"/",
        (false, false) => name,
    })
}

fn dir(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let path = call.str(0)?;
    let end = path
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |last| last + 1);
    cleaned(call, &path[..end])
}

fn clean(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let path = call.str(0)?;
    cleaned(call, path)
}

/// The shortest path to the same place: no empty part, no `.`, no `..` behind a name.
fn cleaned(call: &mut Call<'_, '_>, path: &[u8]) -> Result<Value, Fault> {
    // One slice for every two bytes.
    call.room(path.len().saturating_mul(9))?;
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            part => parts.push(part),
        }
    }
    let mut out = if rooted { b"/".to_vec() } else { Vec::new() };
    out.extend(parts.join(&b'/'));
    if out.is_empty() {
        out.push(b'.');
    }
    call.text(out)
}

/// From the last dot of the last part.
fn ext(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let path = call.str(0)?;
    let end = path.iter().rposition(|byte| matches!(byte, b'.' | b'/'));
    call.text(match end {
        Some(dot) if path[dot] == b'.' => &path[dot..],
        _ => b"",
    })
}

fn is_abs(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    Ok(Value::Bool(call.str(0)?.starts_with(b"/")))
}
