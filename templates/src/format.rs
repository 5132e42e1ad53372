//! Printing as Go's `fmt` does.

use crate::{Fault, Meter, Value};

/// `fmt.Sprint` of one value.
pub(crate) fn print(meter: &mut Meter, value: &Value) -> Result<Vec<u8>, Fault> {
    let text = match value {
        Value::Str(text) => text.to_vec(),
        Value::Int(number) | Value::Int64(number) => number.to_string().into_bytes(),
        Value::Bool(value) => value.to_string().into_bytes(),
        _ => return Err(Fault::failed("printing this is not built yet")),
    };
    meter.allocate(text.len())?;
    Ok(text)
}
