//! Writing JSON as Go's `encoding/json` does.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::format::{positional, shortest};
use crate::{Call, Fault, Limits, List, Map, Object, Type, Value};

/// How the text looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `<`, `>` and `&` are escaped.
    HtmlSafe,
    /// The same with two spaces a level.
    Pretty,
    /// Nothing is escaped that need not be.
    Raw,
}

pub(super) fn to_json(
    call: &mut Call<'_, '_>,
    value: &Value,
    style: Style,
) -> Result<Vec<u8>, Fault> {
    let mut writer = Writer {
        call,
        style,
        out: Vec::new(),
        open: Vec::new(),
        depth: 0,
    };
    writer.value(value)?;
    Ok(writer.out)
}

struct Writer<'w, 'a, 'e> {
    call: &'w mut Call<'a, 'e>,
    style: Style,
    out: Vec<u8>,
    /// The maps that the place being written is in.
    open: Vec<Map>,
    depth: usize,
}

impl Writer<'_, '_, '_> {
    fn value(&mut self, value: &Value) -> Result<(), Fault> {
        self.call.work(1)?;
        match value {
            Value::Nil => self.raw(b"null"),
            Value::Bool(value) => self.raw(value.to_string().as_bytes()),
            Value::Int(value) | Value::Int64(value) => self.raw(value.to_string().as_bytes()),
            Value::Int32(value) => self.raw(value.to_string().as_bytes()),
            Value::Uint8(value) => self.raw(value.to_string().as_bytes()),
            Value::Uint64(value) => self.raw(value.to_string().as_bytes()),
            Value::Float64(value) => self.float(*value),
            Value::Str(text) => self.text(text),
            Value::List(list) => self.list(list),
            Value::Map(map) => self.map(map),
            Value::Object(object) => self.object(&**object),
        }
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        // The text is charged as a value at the end; until then it must not outgrow what is left.
        self.call.room(self.out.len() + bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn float(&mut self, value: f64) -> Result<(), Fault> {
        if !value.is_finite() {
            return Err(Fault::failed("not a number of JSON"));
        }
        if value.is_sign_negative() {
            self.raw(b"-")?;
        }
        let (digits, exponent) = shortest(value.abs());
        let text = if (-6..21).contains(&exponent) {
            positional(&digits, exponent)
        } else {
            let (first, others) = digits.split_at(1);
            let point = if others.is_empty() { "" } else { "." };
            format!("{first}{point}{others}e{exponent:+}")
        };
        self.raw(text.as_bytes())
    }

    fn text(&mut self, text: &[u8]) -> Result<(), Fault> {
        self.call.work(text.len())?;
        self.raw(b"\"")?;
        for chunk in text.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.character(character)?;
            }
            for _ in chunk.invalid() {
                self.raw(b"\\ufffd")?;
            }
        }
        self.raw(b"\"")
    }

    fn character(&mut self, character: char) -> Result<(), Fault> {
        let short = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            _ => "",
        };
        let hidden = matches!(character, '\0'..'\u{20}' | '\u{2028}' | '\u{2029}')
            || (self.style != Style::Raw && matches!(character, '<' | '>' | '&'));
        if !short.is_empty() {
            self.raw(short.as_bytes())
        } else if hidden {
            self.raw(format!("\\u{:04x}", u32::from(character)).as_bytes())
        } else {
            self.raw(character.encode_utf8(&mut [0; 4]).as_bytes())
        }
    }

    fn list(&mut self, list: &List) -> Result<(), Fault> {
        if list.is_nil() {
            return self.raw(b"null");
        }
        if *list.element() == Type::Uint8 {
            let bytes = self.call.strval(&Value::List(list.clone()))?;
            self.call.room(bytes.len() / 3 * 4 + 4)?;
            return self.text(BASE64_STANDARD.encode(bytes).as_bytes());
        }
        self.enter()?;
        self.raw(b"[")?;
        for (index, item) in list.items().iter().enumerate() {
            self.separate(index)?;
            self.value(item)?;
        }
        self.leave(list.len() == 0, b"]")
    }

    fn map(&mut self, map: &Map) -> Result<(), Fault> {
        if map.is_nil() {
            return self.raw(b"null");
        }
        if self.open.iter().any(|open| open.same(map)) {
            return Err(Fault::failed("a map holds itself"));
        }
        self.enter()?;
        self.open.push(map.clone());
        self.raw(b"{")?;
        for (index, (key, value)) in map.borrow().iter().enumerate() {
            self.separate(index)?;
            self.member(key, value)?;
        }
        self.open.pop();
        self.leave(map.len() == 0, b"}")
    }

    fn object(&mut self, object: &dyn Object) -> Result<(), Fault> {
        if let Some(json) = object.json() {
            return self.raw(&json);
        }
        if let Some(value) = object.underlying() {
            return self.value(&value);
        }
        self.enter()?;
        self.raw(b"{")?;
        let fields = object.fields();
        for (index, (name, value)) in fields.iter().enumerate() {
            self.separate(index)?;
            self.member(name.as_bytes(), value)?;
        }
        self.leave(fields.is_empty(), b"}")
    }

    fn member(&mut self, key: &[u8], value: &Value) -> Result<(), Fault> {
        self.text(key)?;
        self.raw(if self.style == Style::Pretty {
            b": "
        } else {
            b":"
        })?;
        self.value(value)
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > Limits::DEPTH {
            return Err(Fault::too_deep());
        }
        Ok(())
    }

    fn separate(&mut self, index: usize) -> Result<(), Fault> {
        if index > 0 {
            self.raw(b",")?;
        }
        self.line()
    }

    fn leave(&mut self, empty: bool, bracket: &[u8]) -> Result<(), Fault> {
        self.depth -= 1;
        if !empty {
            self.line()?;
        }
        self.raw(bracket)
    }

    fn line(&mut self) -> Result<(), Fault> {
        if self.style != Style::Pretty {
            return Ok(());
        }
        self.raw(b"\n")?;
        self.raw("  ".repeat(self.depth).as_bytes())
    }
}
