//! sprig: JSON.

mod read;
mod write;

use self::write::Style;
use crate::error::FaultKind;
use crate::{Call, Entry, Fault, Param, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("toJson", &[Param::Any], |call| {
        or_empty(call, Style::HtmlSafe)
    }),
    Entry::new("mustToJson", &[Param::Any], |call| {
        written(call, Style::HtmlSafe)
    }),
    Entry::new("toPrettyJson", &[Param::Any], |call| {
        or_empty(call, Style::Pretty)
    }),
    Entry::new("mustToPrettyJson", &[Param::Any], |call| {
        written(call, Style::Pretty)
    }),
    Entry::new("toRawJson", &[Param::Any], |call| written(call, Style::Raw)),
    Entry::new("mustToRawJson", &[Param::Any], |call| {
        written(call, Style::Raw)
    }),
    Entry::new("fromJson", &[Param::Str], from_json),
    Entry::new("mustFromJson", &[Param::Str], must_from_json),
];

fn written(call: &mut Call<'_, '_>, style: Style) -> Result<Value, Fault> {
    let text = write::to_json(call, call.any(0)?, style)?;
    call.text(text)
}

/// Nothing where JSON has no way to say it. Limits are not swallowed.
fn or_empty(call: &mut Call<'_, '_>, style: Style) -> Result<Value, Fault> {
    match written(call, style) {
        Err(fault) if fault.kind == FaultKind::Failed => call.text(""),
        other => other,
    }
}

/// What could be read: numbers that are too large become nil, and all of it does if it is not JSON.
fn from_json(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    Ok(read::from_json(call, call.str(0)?)?.map_or(Value::Nil, |document| document.value))
}

fn must_from_json(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let document = read::from_json(call, call.str(0)?)?;
    let document = document.ok_or(Fault::failed("not JSON"))?;
    if document.out_of_range {
        return Err(Fault::failed("a number is out of range"));
    }
    Ok(document.value)
}
