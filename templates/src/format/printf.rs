//! `fmt.Sprintf`: reading the format.

use super::printer::{Printer, Spec, first_rune};
use crate::{Fault, Limits, Meter, Value};

/// `fmt.Sprintf`.
///
/// # Errors
/// [`Fault::too_expensive`], also for a width or precision above [`Limits::WIDTH`]. A wrong format is no error: as in
/// Go, the complaint is in the text.
pub(crate) fn printf(meter: &mut Meter, format: &[u8], args: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut run = Run {
        printer: Printer::new(meter),
        format,
        at: 0,
        args,
        next: 0,
        reordered: false,
        good_index: true,
        after_index: false,
    };
    run.all()?;
    Ok(run.printer.out)
}

struct Run<'f, 'm> {
    printer: Printer<'m>,
    format: &'f [u8],
    at: usize,
    args: &'f [Value],
    /// The argument that is taken next.
    next: usize,
    /// Whether any index was used: then nothing is extra.
    reordered: bool,
    good_index: bool,
    after_index: bool,
}

impl Run<'_, '_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn all(&mut self) -> Result<(), Fault> {
        self.reordered = false;
        while self.at < self.format.len() {
            let rest = &self.format[self.at..];
            let literal = rest
                .iter()
                .position(|byte| *byte == b'%')
                .unwrap_or(rest.len());
            self.printer.write(&rest[..literal])?;
            self.at += literal;
            if self.at < self.format.len() {
                self.at += 1;
                self.directive()?;
            }
        }
        if !self.reordered && self.next < self.args.len() {
            self.extra()?;
        }
        Ok(())
    }

    fn extra(&mut self) -> Result<(), Fault> {
        self.printer.write(b"%!(EXTRA ")?;
        for (at, arg) in self.args[self.next..].iter().enumerate() {
            if at > 0 {
                self.printer.write(b", ")?;
            }
            match arg.type_of() {
                None => self.printer.write(b"<nil>")?,
                Some(found) => {
                    self.printer.write(found.name().as_bytes())?;
                    self.printer.write(b"=")?;
                    self.printer.value(arg, 'v', &Spec::default(), 0)?;
                }
            }
        }
        self.printer.write(b")")
    }

    /// What follows a `%`.
    fn directive(&mut self) -> Result<(), Fault> {
        let mut spec = self.flags();
        self.good_index = true;
        self.after_index = false;
        self.index();
        self.width(&mut spec)?;
        self.precision(&mut spec)?;
        if !self.after_index {
            self.index();
        }
        let (verb, len) = match self.format.get(self.at..) {
            Some(rest) if !rest.is_empty() => first_rune(rest),
            _ => return self.printer.write(b"%!(NOVERB)"),
        };
        let verb = verb.unwrap_or('\u{fffd}');
        self.at += len;
        if verb == '%' {
            return self.printer.write(b"%");
        }
        if !self.good_index {
            return self.complain(verb, "BADINDEX");
        }
        let Some(arg) = self.args.get(self.next) else {
            return self.complain(verb, "MISSING");
        };
        self.next += 1;
        if verb == 'v' {
            spec.sharp_v = std::mem::take(&mut spec.sharp);
            spec.plus_v = std::mem::take(&mut spec.plus);
        }
        self.printer.value(arg, verb, &spec, 0)
    }

    fn complain(&mut self, verb: char, what: &str) -> Result<(), Fault> {
        self.printer.write(format!("%!{verb}({what})").as_bytes())
    }

    fn flags(&mut self) -> Spec {
        let mut spec = Spec::default();
        while let Some(flag) = self.peek() {
            match flag {
                b'#' => spec.sharp = true,
                b'0' => spec.zero = true,
                b'+' => spec.plus = true,
                b'-' => spec.minus = true,
                b' ' => spec.space = true,
                _ => break,
            }
            self.at += 1;
        }
        spec
    }

    /// `[3]`: which argument is next.
    fn index(&mut self) {
        if self.peek() != Some(b'[') {
            return;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let Some(end) = rest.iter().position(|byte| *byte == b']') else {
            self.good_index = false;
            self.at += 1;
            return;
        };
        let number = std::str::from_utf8(&rest[1..end])
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<usize>().ok());
        self.at += end + 1;
        match number {
            Some(number) if (1..=self.args.len()).contains(&number) => {
                self.next = number - 1;
                self.after_index = true;
            }
            _ => self.good_index = false,
        }
    }

    /// Digits, or `None` if there are none. Go ignores a number above a million, together with what it was for.
    fn number(&mut self) -> Result<Option<usize>, Fault> {
        let start = self.at;
        let mut number = 0usize;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number
                .saturating_mul(10)
                .saturating_add(usize::from(digit - b'0'));
            self.at += 1;
        }
        if number > Limits::WIDTH {
            return Err(Fault::too_expensive("a width or precision above 10000"));
        }
        Ok((self.at > start).then_some(number))
    }

    /// The argument that a `*` stands for.
    fn star(&mut self) -> Result<Option<i64>, Fault> {
        let arg = self.args.get(self.next);
        if arg.is_some() {
            self.next += 1;
        }
        let number = match arg {
            Some(Value::Object(_)) | None => None,
            Some(value) => value.as_signed().or_else(|| {
                value
                    .as_unsigned()
                    .and_then(|number| i64::try_from(number).ok())
            }),
        };
        let number = number.filter(|number| number.unsigned_abs() <= 1_000_000);
        if number.is_some_and(|number| number.unsigned_abs() > Limits::WIDTH as u64) {
            return Err(Fault::too_expensive("a width or precision above 10000"));
        }
        Ok(number)
    }

    fn width(&mut self, spec: &mut Spec) -> Result<(), Fault> {
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.star()? {
                None => self.printer.write(b"%!(BADWIDTH)")?,
                Some(number) => {
                    if number < 0 {
                        spec.minus = true;
                        spec.zero = false;
                    }
                    spec.width = usize::try_from(number.unsigned_abs()).ok();
                }
            }
            self.after_index = false;
            return Ok(());
        }
        spec.width = self.number()?;
        if self.after_index && spec.width.is_some() {
            self.good_index = false;
        }
        Ok(())
    }

    fn precision(&mut self, spec: &mut Spec) -> Result<(), Fault> {
        if self.peek() != Some(b'.') {
            return Ok(());
        }
        self.at += 1;
        if self.after_index {
            self.good_index = false;
        }
        self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            let number = self.star()?;
            spec.precision = number.and_then(|number| usize::try_from(number).ok());
            if number.is_none() {
                self.printer.write(b"%!(BADPREC)")?;
            } else if spec.precision.is_none() {
                // Negative: as if there were none, and Go complains.
                self.printer.write(b"%!(BADPREC)")?;
            }
            self.after_index = false;
            return Ok(());
        }
        spec.precision = Some(self.number()?.unwrap_or(0));
        Ok(())
    }
}
