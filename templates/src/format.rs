//! Printing as Go's `fmt` does.

mod number;
mod printer;
mod printf;
mod quote;

pub(crate) use number::{positional, shortest};
pub(crate) use printf::printf;
pub(crate) use quote::{is_printable, quote};

use printer::{Printer, Spec};

use crate::{Fault, Meter, Value};

/// `fmt.Sprint` of one value: `%v`.
pub(crate) fn print(meter: &mut Meter, value: &Value) -> Result<Vec<u8>, Fault> {
    print_all(meter, std::slice::from_ref(value))
}

/// `fmt.Sprint`: a space between two operands if neither is a string.
pub(crate) fn print_all(meter: &mut Meter, values: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut printer = Printer::new(meter);
    let mut after_string = true;
    for (at, value) in values.iter().enumerate() {
        let is_string = value.kind() == crate::Kind::Str;
        if at > 0 && !after_string && !is_string {
            printer.write(b" ")?;
        }
        after_string = is_string;
        printer.value(value, 'v', &Spec::default(), 0)?;
    }
    Ok(printer.out)
}

/// `fmt.Sprintln`: a space between all operands, and a line break.
pub(crate) fn print_line(meter: &mut Meter, values: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut printer = Printer::new(meter);
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            printer.write(b" ")?;
        }
        printer.value(value, 'v', &Spec::default(), 0)?;
    }
    printer.write(b"\n")?;
    Ok(printer.out)
}

#[cfg(test)]
mod tests;
