//! Fields: entries of maps, fields and methods of objects.

use super::{Exec, Run, Slot};
use crate::ast::{Name, Term};
use crate::{Fault, Kind, Value};

impl Exec<'_, '_, '_> {
    /// `start.a.b` with arguments for the last of them.
    pub(super) fn fields(
        &mut self,
        start: Slot,
        names: &[Name],
        args: &[Term],
        dot: &Slot,
        last: Option<Slot>,
    ) -> Run<Slot> {
        let Some((final_name, inner)) = names.split_last() else {
            return Ok(start);
        };
        let mut value = start;
        for name in inner {
            value = self.field(value, name, &[], dot, None)?;
        }
        self.field(value, final_name, args, dot, last)
    }

    fn field(
        &mut self,
        receiver: Slot,
        name: &Name,
        args: &[Term],
        dot: &Slot,
        last: Option<Slot>,
    ) -> Run<Slot> {
        self.step()?;
        let has_args = !args.is_empty() || last.is_some();
        let Some(receiver) = receiver else {
            return Ok(None);
        };
        let found = match &receiver {
            Value::Nil => return self.error(Fault::failed("nil pointer evaluating a field")),
            Value::Map(map) => map.get(name.as_bytes()),
            Value::Object(object) => {
                if let Some(method) = object.method(name) {
                    return self.call(method, Some(&receiver), args, dot, last);
                }
                let is_struct = matches!(object.kind(), Kind::Struct | Kind::Ptr);
                let fields = if is_struct {
                    object.fields()
                } else {
                    Vec::new()
                };
                let field = fields.into_iter().find(|(known, _)| *known == &**name);
                match field {
                    Some((_, value)) => Some(value),
                    None => return self.no_field(),
                }
            }
            _ => return self.no_field(),
        };
        if has_args {
            return self.error(Fault::failed("a field is not a method but has arguments"));
        }
        Ok(found)
    }

    fn no_field(&self) -> Run<Slot> {
        self.error(Fault::failed("can't evaluate a field of this type"))
    }
}
