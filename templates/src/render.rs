//! From the texts of an object's templates to the values of its Secret.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::ast::Template;
use crate::value::{Map, Text, Type, Value};
use crate::{Entry, Env, Fault, FaultKind, exec, parse, registry, total};

/// What templates may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Everything that is bounded.
    #[default]
    Full,
    /// Only what cannot fail, whatever the values are.
    Total,
    /// Nothing: a text with an action is refused.
    Off,
}

/// Which functions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Functions {
    /// All but those that make keys or hash passwords.
    #[default]
    Safe,
    /// All.
    All,
}

/// The settings of the person who runs the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// What templates may do.
    pub mode: Mode,
    /// Which functions there are.
    pub functions: Functions,
}

/// Why a template gave no text. It holds nothing that depends on values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The template's key in `spec.template.data`.
    pub item: String,
    /// What kind of failure.
    pub kind: FaultKind,
    /// What happened: a text of our own.
    pub what: &'static str,
    /// The function that failed, or does not exist: a word of the template's text.
    pub function: Option<String>,
    /// Line in the text, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
}

impl fmt::Display for TemplateError {
    /// Without the item: the caller says it, escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if let Some(function) = &self.function {
            // Letters and digits only, so there is nothing to escape; but it may be long.
            let shown: String = function.chars().take(64).collect();
            write!(f, "function {shown:?}: ")?;
        }
        f.write_str(self.what)
    }
}

/// The texts that came out, by item.
pub type Rendered = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// Renders all templates of one object over the same data. The first failure, in the order of names, ends it.
///
/// `data` is what templates see: the opened items and the plain items, as `map[string]string`.
///
/// # Errors
/// [`TemplateError`].
pub fn render(
    templates: &BTreeMap<&str, &str>,
    data: &BTreeMap<&str, &[u8]>,
    options: Options,
    env: &mut Env<'_>,
) -> Result<Rendered, TemplateError> {
    let entries = data
        .iter()
        .map(|(key, value)| (key.as_bytes().to_vec(), Value::Str(Text::new(*value))))
        .collect();
    let data = Value::Map(Map::new(Type::Str, entries));
    let mut rendered = Rendered::new();
    for (item, text) in templates {
        let out = one(item, text, data.clone(), options, env)?;
        rendered.insert((*item).to_owned(), out);
    }
    Ok(rendered)
}

fn one(
    item: &str,
    text: &str,
    data: Value,
    options: Options,
    env: &mut Env<'_>,
) -> Result<Zeroizing<Vec<u8>>, TemplateError> {
    let error = |fault: Fault, pos: usize, function: Option<String>| {
        let (line, column) = place(text, pos);
        TemplateError {
            item: item.to_owned(),
            kind: fault.kind,
            what: fault.what,
            function,
            line,
            column,
        }
    };
    if options.mode == Mode::Off && text.contains("{{") {
        let fault = Fault::not_allowed("templates are switched off: --templates=off");
        return Err(error(fault, text.find("{{").unwrap_or(0), None));
    }
    let lookup = |name: &str| lookup(name, options.functions);
    let template: Template = parse::parse(item, text, &lookup, &mut env.meter)
        .map_err(|failed| error(failed.fault, failed.pos, failed.function))?;
    if options.mode == Mode::Total {
        total::check(&template).map_err(|(fault, pos)| error(fault, pos, None))?;
    }
    exec::run(&template, data, env)
        .map_err(|failed| error(failed.fault, failed.pos, failed.function.map(str::to_owned)))
}

fn lookup(name: &str, functions: Functions) -> Result<&'static Entry, &'static str> {
    let entry = registry::find(name).ok_or("it does not exist")?;
    if entry.key_making && functions == Functions::Safe {
        return Err("it makes keys or hashes passwords, which needs --template-functions=all");
    }
    Ok(entry)
}

/// Line and column of an offset, both from 1.
fn place(text: &str, pos: usize) -> (usize, usize) {
    let before = text.get(..pos).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before[start..].chars().count() + 1)
}
