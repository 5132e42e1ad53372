//! One value under one verb.

use super::number;
use super::quote::{self, quote};
use crate::{Fault, Kind, Limits, List, Map, Meter, Object, Type, Value};

/// What stands between `%` and the verb.
#[derive(Default, Clone)]
pub(super) struct Spec {
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`
    pub(super) plus_v: bool,
    /// `%#v`
    pub(super) sharp_v: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    /// A complaint is being written: methods are not asked.
    pub(super) complaining: bool,
}

/// Where the text goes, charged as it grows.
pub(super) struct Printer<'m> {
    pub(super) out: Vec<u8>,
    pub(super) meter: &'m mut Meter,
}

type Done = Result<(), Fault>;

impl<'m> Printer<'m> {
    pub(super) fn new(meter: &'m mut Meter) -> Self {
        Self {
            out: Vec::new(),
            meter,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Done {
        self.meter.allocate(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes text padded to the width, counted in characters.
    pub(super) fn pad(&mut self, text: &[u8], spec: &Spec) -> Done {
        let chars = runes(text).count();
        let fill = spec.width.unwrap_or(0).saturating_sub(chars);
        self.meter.allocate(text.len() + fill)?;
        if spec.minus {
            self.out.extend_from_slice(text);
            self.out.resize(self.out.len() + fill, b' ');
        } else {
            let byte = if spec.zero { b'0' } else { b' ' };
            self.out.resize(self.out.len() + fill, byte);
            self.out.extend_from_slice(text);
        }
        Ok(())
    }

    /// Writes a value; `depth` is how many lists, maps and structs are around it.
    pub(super) fn value(&mut self, value: &Value, verb: char, spec: &Spec, depth: usize) -> Done {
        self.meter.step(1)?;
        if depth > Limits::DEPTH {
            return Err(Fault::too_deep());
        }
        if depth == 0 && verb == 'T' {
            let Some(found) = value.type_of() else {
                return self.pad(b"<nil>", spec);
            };
            let name = found.name();
            return self.string(name.as_bytes(), 's', spec, value);
        }
        let composed = matches!(value, Value::List(_) | Value::Map(_) | Value::Object(_));
        if verb == 'w' && composed && !spec.complaining {
            // Only errors may be wrapped: that is a matter of the whole, not of its elements.
            return self.bad_verb(verb, value, spec, depth);
        }
        match value {
            Value::Nil => self.nil(verb, spec, depth),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.pad(if *truth { b"true" } else { b"false" }, spec),
                _ => self.bad_verb(verb, value, spec, depth),
            },
            Value::Int(_)
            | Value::Int32(_)
            | Value::Int64(_)
            | Value::Uint8(_)
            | Value::Uint64(_) => self.integer(value, verb, spec, depth),
            Value::Float64(float) => match number::float(*float, verb, spec) {
                Some((text, spec)) => self.pad(&text, &spec),
                None => self.bad_verb(verb, value, spec, depth),
            },
            Value::Str(text) => self.string(text, verb, spec, value),
            Value::List(list) => self.list(value, list, verb, spec, depth),
            Value::Map(map) => self.map(map, verb, spec, depth),
            Value::Object(object) => self.object(value, &**object, verb, spec, depth),
        }
    }

    fn nil(&mut self, verb: char, spec: &Spec, depth: usize) -> Done {
        match verb {
            'v' if depth > 0 && spec.sharp_v => self.write(b"interface {}(nil)"),
            'v' if depth > 0 => self.write(b"<nil>"),
            'v' => self.pad(b"<nil>", spec),
            _ if depth > 0 => self.write(b"<nil>"),
            _ => self.bad_verb(verb, &Value::Nil, spec, depth),
        }
    }

    /// `%!verb(type=value)`
    fn bad_verb(&mut self, verb: char, value: &Value, spec: &Spec, depth: usize) -> Done {
        self.write(format!("%!{verb}(").as_bytes())?;
        match value.type_of() {
            None => self.write(b"<nil>")?,
            Some(found) => {
                self.write(found.name().as_bytes())?;
                self.write(b"=")?;
                let inner = Spec {
                    complaining: true,
                    ..spec.clone()
                };
                self.value(value, 'v', &inner, depth)?;
            }
        }
        self.write(b")")
    }

    fn integer(&mut self, value: &Value, verb: char, spec: &Spec, depth: usize) -> Done {
        let (magnitude, negative, signed) = match (value.as_signed(), value.as_unsigned()) {
            (Some(signed), _) => (signed.unsigned_abs(), signed < 0, true),
            (None, Some(unsigned)) => (unsigned, false, false),
            (None, None) => return Ok(()),
        };
        let text = match verb {
            'v' if spec.sharp_v && !signed => format!("{magnitude:#x}").into_bytes(),
            'c' => number::character(magnitude, negative).into(),
            'q' => {
                let c = number::character(magnitude, negative);
                let c = c.chars().next().unwrap_or('\u{fffd}');
                quote::quote_char(c, spec.plus).into_bytes()
            }
            'U' => number::code_point(magnitude, negative, spec).into_bytes(),
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => {
                let text = number::integer(magnitude, negative, verb, spec);
                let spec = Spec {
                    zero: false,
                    ..spec.clone()
                };
                return self.pad(text.as_bytes(), &spec);
            }
            _ => return self.bad_verb(verb, value, spec, depth),
        };
        let zero = spec.zero && verb != 'U';
        let spec = Spec {
            zero,
            ..spec.clone()
        };
        self.pad(&text, &spec)
    }

    /// A text; `value` is what a complaint would name.
    fn string(&mut self, text: &[u8], verb: char, spec: &Spec, value: &Value) -> Done {
        match verb {
            'v' if spec.sharp_v => self.quoted(cut(text, spec.precision), spec),
            'v' | 's' => self.pad(cut(text, spec.precision), spec),
            'q' => self.quoted(cut(text, spec.precision), spec),
            'x' | 'X' => {
                self.meter.room(text.len() * 5)?;
                let text = quote::hex(text, verb == 'X', spec);
                self.pad(&text, spec)
            }
            _ => self.bad_verb(verb, value, spec, 0),
        }
    }

    fn quoted(&mut self, text: &[u8], spec: &Spec) -> Done {
        self.meter.room(text.len() * 4)?;
        let text = if spec.sharp && quote::can_backquote(text) {
            [b"`", text, b"`"].concat()
        } else {
            quote(text, spec.plus)
        };
        self.pad(&text, spec)
    }

    fn list(&mut self, value: &Value, list: &List, verb: char, spec: &Spec, depth: usize) -> Done {
        let bytes = *list.element() == Type::Uint8;
        if bytes && matches!(verb, 's' | 'q' | 'x' | 'X') {
            let text: Vec<u8> = list
                .items()
                .iter()
                .filter_map(|item| item.as_unsigned().and_then(|byte| u8::try_from(byte).ok()))
                .collect();
            return self.string(&text, verb, spec, value);
        }
        if !spec.sharp_v {
            self.write(b"[")?;
            for (at, item) in list.items().iter().enumerate() {
                if at > 0 {
                    self.write(b" ")?;
                }
                self.value(item, verb, spec, depth + 1)?;
            }
            return self.write(b"]");
        }
        let name = if bytes {
            "[]byte".to_owned()
        } else {
            Type::slice_of(list.element().clone()).name()
        };
        self.write(name.as_bytes())?;
        if list.is_nil() {
            return self.write(b"(nil)");
        }
        self.write(b"{")?;
        for (at, item) in list.items().iter().enumerate() {
            if at > 0 {
                self.write(b", ")?;
            }
            self.value(item, verb, spec, depth + 1)?;
        }
        self.write(b"}")
    }

    fn map(&mut self, map: &Map, verb: char, spec: &Spec, depth: usize) -> Done {
        let (open, between, close): (_, &[u8], &[u8]) = if spec.sharp_v {
            let name = Type::map_of(map.value_type().clone()).name();
            if map.is_nil() {
                self.write(name.as_bytes())?;
                return self.write(b"(nil)");
            }
            (format!("{name}{{"), b", ", b"}")
        } else {
            ("map[".to_owned(), b" ", b"]")
        };
        self.write(open.as_bytes())?;
        for (at, (key, value)) in map.borrow().iter().enumerate() {
            if at > 0 {
                self.write(between)?;
            }
            let name = Value::Str(crate::Text::new(key.as_slice()));
            self.value(&name, verb, spec, depth + 1)?;
            self.write(b":")?;
            self.value(value, verb, spec, depth + 1)?;
        }
        self.write(close)
    }

    fn object(
        &mut self,
        value: &Value,
        object: &dyn Object,
        verb: char,
        spec: &Spec,
        depth: usize,
    ) -> Done {
        if spec.sharp_v
            && !spec.complaining
            && let Some(text) = object.go_string()
        {
            return self.pad(cut(&text, spec.precision), spec);
        }
        let wants_text = matches!(verb, 'v' | 's' | 'q' | 'x' | 'X');
        if wants_text
            && !spec.sharp_v
            && !spec.complaining
            && let Some(text) = object.string()
        {
            return self.string(&text, verb, spec, value);
        }
        if let Some(scalar) = object.underlying() {
            return self.value(&scalar, verb, spec, depth);
        }
        let pointer = object.kind() == Kind::Ptr;
        if pointer && depth > 0 {
            // Go prints an address, which means nothing.
            return self.write(b"0xc000000000");
        }
        if pointer {
            self.write(b"&")?;
        }
        if spec.sharp_v {
            self.write(object.type_name().trim_start_matches('*').as_bytes())?;
        }
        self.write(b"{")?;
        for (at, (name, field)) in object.fields().iter().enumerate() {
            if at > 0 {
                self.write(if spec.sharp_v { b", ".as_slice() } else { b" " })?;
            }
            if spec.plus_v || spec.sharp_v {
                self.write(name.as_bytes())?;
                self.write(b":")?;
            }
            self.value(field, verb, spec, depth + 1)?;
        }
        self.write(b"}")
    }
}

/// The characters of a text: a wrong byte counts as one, as in Go.
pub(super) fn runes(text: &[u8]) -> impl Iterator<Item = (usize, Option<char>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let (c, len) = first_rune(rest);
        let start = at;
        at += len;
        Some((start, c))
    })
}

/// The first character and its length; `None` for a byte that is not UTF-8.
pub(super) fn first_rune(text: &[u8]) -> (Option<char>, usize) {
    let head = &text[..text.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(c) => (Some(c), c.len_utf8()),
        None => (None, 1),
    }
}

/// The first `precision` characters.
fn cut(text: &[u8], precision: Option<usize>) -> &[u8] {
    match precision.and_then(|count| runes(text).nth(count)) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}
