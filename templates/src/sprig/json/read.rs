//! Reading JSON as Go's `encoding/json` reads it into an `interface{}`.

use std::collections::BTreeMap;

use crate::{Call, Fault, Limits, Type, Value};

/// A document that was read.
pub(super) struct Document {
    pub(super) value: Value,
    /// Whether a number was too large; nil stands in its place.
    pub(super) out_of_range: bool,
}

/// `None` if it is not JSON.
pub(super) fn from_json(call: &mut Call<'_, '_>, text: &[u8]) -> Result<Option<Document>, Fault> {
    let mut reader = Reader {
        call,
        rest: text,
        out_of_range: false,
    };
    let value = match reader.document() {
        Ok(value) => value,
        Err(Stop::Syntax) => return Ok(None),
        Err(Stop::Fault(fault)) => return Err(fault),
    };
    Ok(Some(Document {
        value,
        out_of_range: reader.out_of_range,
    }))
}

enum Stop {
    Syntax,
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

struct Reader<'r, 'a, 'e> {
    call: &'r mut Call<'a, 'e>,
    rest: &'r [u8],
    out_of_range: bool,
}

impl Reader<'_, '_, '_> {
    fn document(&mut self) -> Result<Value, Stop> {
        let value = self.value(0)?;
        self.space();
        if self.rest.is_empty() {
            Ok(value)
        } else {
            Err(Stop::Syntax)
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        if depth > Limits::DEPTH {
            return Err(Fault::too_deep().into());
        }
        self.call.work(1)?;
        self.space();
        match self.rest.first() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                let text = self.string()?;
                Ok(self.call.text(text)?)
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, Stop> {
        let words = [
            (&b"null"[..], Value::Nil),
            (b"true", Value::Bool(true)),
            (b"false", Value::Bool(false)),
        ];
        for (word, value) in words {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(Stop::Syntax)
    }

    fn array(&mut self, depth: usize) -> Result<Value, Stop> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        if !self.takes(b']') {
            loop {
                self.call.room((items.len() + 1) * size_of::<Value>())?;
                items.push(self.value(depth + 1)?);
                if !self.takes(b',') {
                    break;
                }
            }
            self.expect(b']')?;
        }
        Ok(self.call.list(Type::Any, items)?)
    }

    fn object(&mut self, depth: usize) -> Result<Value, Stop> {
        self.expect(b'{')?;
        let mut entries = BTreeMap::new();
        if !self.takes(b'}') {
            loop {
                self.space();
                let key = self.string()?;
                self.call.room(key.len() + size_of::<Value>())?;
                self.expect(b':')?;
                entries.insert(key, self.value(depth + 1)?);
                if !self.takes(b',') {
                    break;
                }
            }
            self.expect(b'}')?;
        }
        Ok(self.call.map(Type::Any, entries)?)
    }

    fn number(&mut self) -> Result<Value, Stop> {
        let start = self.rest;
        self.next_is(b'-');
        if !self.next_is(b'0') {
            self.digits()?;
        }
        if self.next_is(b'.') {
            self.digits()?;
        }
        if self.next_is(b'e') || self.next_is(b'E') {
            if !self.next_is(b'+') {
                self.next_is(b'-');
            }
            self.digits()?;
        }
        let text = &start[..start.len() - self.rest.len()];
        self.call.work(text.len())?;
        let text = std::str::from_utf8(text).map_err(|_| Stop::Syntax)?;
        let value: f64 = text.parse().map_err(|_| Stop::Syntax)?;
        if value.is_finite() {
            return Ok(Value::Float64(value));
        }
        self.out_of_range = true;
        Ok(Value::Nil)
    }

    /// At least one.
    fn digits(&mut self) -> Result<(), Stop> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        self.rest = &self.rest[count..];
        if count > 0 { Ok(()) } else { Err(Stop::Syntax) }
    }

    /// A text in quotes. What is not UTF-8, and half a surrogate pair, becomes U+FFFD.
    fn string(&mut self) -> Result<Vec<u8>, Stop> {
        if !self.next_is(b'"') {
            return Err(Stop::Syntax);
        }
        let mut text = Vec::new();
        loop {
            let plain = self
                .rest
                .iter()
                .position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20)
                .ok_or(Stop::Syntax)?;
            let (head, rest) = self.rest.split_at(plain);
            self.call.work(plain)?;
            self.call.room(text.len() + 3 * plain)?;
            for chunk in head.utf8_chunks() {
                text.extend_from_slice(chunk.valid().as_bytes());
                for _ in chunk.invalid() {
                    text.extend_from_slice("\u{fffd}".as_bytes());
                }
            }
            self.rest = rest;
            if self.next_is(b'"') {
                return Ok(text);
            }
            let character = self.escape()?;
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    fn escape(&mut self) -> Result<char, Stop> {
        if !self.next_is(b'\\') {
            return Err(Stop::Syntax);
        }
        let (&kind, rest) = self.rest.split_first().ok_or(Stop::Syntax)?;
        self.rest = rest;
        Ok(match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = hex4(self.rest).ok_or(Stop::Syntax)?;
                self.rest = &self.rest[4..];
                self.surrogates(unit)
            }
            _ => return Err(Stop::Syntax),
        })
    }

    /// The character that a unit of UTF-16 makes, alone or with the next.
    fn surrogates(&mut self, unit: u16) -> char {
        let second = self.rest.strip_prefix(b"\\u").and_then(hex4);
        if let (0xd800..0xdc00, Some(second)) = (unit, second)
            && let Some(Ok(character)) = char::decode_utf16([unit, second]).next()
        {
            self.rest = &self.rest[6..];
            return character;
        }
        char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn space(&mut self) {
        let space = self
            .rest
            .iter()
            .take_while(|byte| b" \t\r\n".contains(byte));
        self.rest = &self.rest[space.count()..];
    }

    /// Takes the byte if it comes next.
    fn next_is(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((&first, rest)) if first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes the byte if it comes next, after white space.
    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        self.next_is(byte)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.takes(byte) {
            Ok(())
        } else {
            Err(Stop::Syntax)
        }
    }
}

fn hex4(text: &[u8]) -> Option<u16> {
    let digits = text.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
