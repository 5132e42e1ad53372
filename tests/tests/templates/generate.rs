//! Templates made from a grammar and a fixed seed: whatever Go's parser takes, and a little that it refuses.

mod expression;
mod mistyped;
mod signatures;

pub(crate) use self::mistyped::mistyped;

use self::expression::{argument, pipeline};
use crate::case::Case;
use crate::dice::Dice;
use crate::values::Kind;

/// So many templates, always the same.
pub(crate) fn cases(count: usize) -> Vec<Case> {
    (0..count)
        .map(|number| {
            let mut dice = Dice::seeded(&format!("template {number}"));
            let careless = dice.pick(&[0, 0, 0, 4, 12]);
            Case::new(Generator::new(dice).template(careless))
        })
        .collect()
}

/// What can be used at a place.
#[derive(Clone)]
struct Scope {
    variables: Vec<(String, Kind)>,
    /// Whether `.` is the data.
    dot_is_data: bool,
    /// Whether `$` is the data: not in a `define`.
    root_is_data: bool,
    in_loop: bool,
    /// How often in a hundred an argument is of any kind.
    careless: usize,
}

struct Generator {
    dice: Dice,
    out: String,
    defined: Vec<String>,
    next: usize,
    /// How many pieces may still be made.
    left: usize,
}

impl Generator {
    fn new(mut dice: Dice) -> Self {
        let left = 3 + dice.below(14);
        Self {
            dice,
            out: String::new(),
            defined: Vec::new(),
            next: 0,
            left,
        }
    }

    fn template(mut self, careless: usize) -> String {
        let mut scope = Scope {
            variables: Vec::new(),
            dot_is_data: true,
            root_is_data: true,
            in_loop: false,
            careless,
        };
        while self.dice.percent(25) && self.defined.len() < 3 {
            self.define(careless);
        }
        self.pieces(&mut scope, 3);
        if self.dice.percent(careless / 3) {
            let broken = self.dice.pick(&[
                "{{",
                "{{end}}",
                "{{ 08 }}",
                "{{ nosuch 1 }}",
                "{{ $nosuch }}",
                "{{ else }}",
                "{{ .a. }}",
                "{{ \"x }}",
                "{{ if }}{{end}}",
                "{{ 1 2 }}",
                "{{ | }}",
                "{{ break }}",
            ]);
            self.out.push_str(broken);
        }
        self.out
    }

    /// Text and actions, one after the other.
    fn pieces(&mut self, scope: &mut Scope, depth: usize) {
        for _ in 0..=self.dice.below(4) {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            self.piece(scope, depth);
        }
    }

    fn piece(&mut self, scope: &mut Scope, depth: usize) {
        match self.dice.below(100) {
            0..14 => self.text(),
            14..48 => {
                let kind = self.dice.pick(&[
                    Kind::Text,
                    Kind::Any,
                    Kind::Int,
                    Kind::Float,
                    Kind::List,
                    Kind::Map,
                    Kind::Bool,
                ]);
                let pipeline = pipeline(&mut self.dice, scope, kind, 2);
                self.action(&pipeline);
            }
            48..58 => self.declare(scope),
            58..63 => self.assign(scope),
            63..67 => self.comment(),
            67..71 => self.call_template(scope),
            71..74 if scope.in_loop => {
                let condition = pipeline(&mut self.dice, scope, Kind::Bool, 1);
                let word = self.dice.pick(&["break", "continue"]);
                self.out
                    .push_str(&format!("{{{{if {condition}}}}}{{{{{word}}}}}{{{{end}}}}"));
            }
            _ if depth == 0 => self.text(),
            71..84 => self.conditional(scope, depth),
            84..90 => self.with(scope, depth),
            90..97 => self.range(scope, depth),
            _ => self.block(scope, depth),
        }
    }

    fn text(&mut self) {
        let text = self.dice.pick(&[
            "text",
            " ",
            "\n",
            "  \n\t",
            "key: \"value\"\n",
            "{ not an action }",
            "ünï 日本",
            "a: |\n  b\n",
            "}}",
            "%d %s",
            "'",
            "\\",
            "{ ",
            "-",
        ]);
        self.out.push_str(text);
    }

    /// Braces around a pipeline, with or without trimming and space.
    fn action(&mut self, inside: &str) {
        let open = self.dice.pick(&["{{", "{{ ", "{{- ", "{{\n  ", "{{-\t"]);
        let close = self.dice.pick(&["}}", " }}", " -}}", "\n}}", "  -}}"]);
        self.out.push_str(&format!("{open}{inside}{close}"));
    }

    fn comment(&mut self) {
        let comment = self.dice.pick(&[
            "{{/* nothing */}}",
            "{{- /* {{ .a }} */ -}}",
            "{{/*\n*/}}",
            "{{- /* * / */}}",
        ]);
        self.out.push_str(comment);
    }

    fn name(&mut self) -> String {
        self.next += 1;
        let word = self.dice.pick(&["v", "value", "é", "V_1", "x"]);
        format!("${word}{}", self.next)
    }

    fn declare(&mut self, scope: &mut Scope) {
        let kind = self.dice.pick(&[
            Kind::Text,
            Kind::Int,
            Kind::Float,
            Kind::List,
            Kind::Map,
            Kind::Bool,
            Kind::Any,
        ]);
        let value = argument(&mut self.dice, scope, kind, 2);
        let name = self.name();
        self.action(&format!("{name} := {value}"));
        scope.variables.push((name, kind));
    }

    fn assign(&mut self, scope: &mut Scope) {
        if scope.variables.is_empty() {
            return self.declare(scope);
        }
        let (name, kind) = self
            .dice
            .pick(&scope.variables.iter().collect::<Vec<_>>())
            .clone();
        let value = argument(&mut self.dice, scope, kind, 1);
        self.action(&format!("{name} = {value}"));
    }

    fn conditional(&mut self, scope: &Scope, depth: usize) {
        let mut inner = scope.clone();
        let condition = self.condition(&mut inner);
        self.action(&format!("if {condition}"));
        self.pieces(&mut inner, depth - 1);
        while self.dice.percent(25) {
            let condition = self.condition(&mut inner);
            self.action(&format!("else if {condition}"));
            self.pieces(&mut inner.clone(), depth - 1);
        }
        if self.dice.percent(50) {
            self.action("else");
            self.pieces(&mut inner.clone(), depth - 1);
        }
        self.action("end");
    }

    /// A pipeline, which may also declare a variable.
    fn condition(&mut self, scope: &mut Scope) -> String {
        let kind = self
            .dice
            .pick(&[Kind::Bool, Kind::Any, Kind::Text, Kind::Int]);
        let value = pipeline(&mut self.dice, scope, kind, 2);
        if self.dice.percent(75) {
            return value;
        }
        let name = self.name();
        let declaration = format!("{name} := {value}");
        scope.variables.push((name, kind));
        declaration
    }

    fn with(&mut self, scope: &Scope, depth: usize) {
        let mut inner = scope.clone();
        let value = self.condition(&mut inner);
        self.action(&format!("with {value}"));
        let mut body = inner.clone();
        body.dot_is_data = false;
        self.pieces(&mut body, depth - 1);
        if self.dice.percent(30) {
            let other = pipeline(&mut self.dice, &inner, Kind::Any, 1);
            self.action(&format!("else with {other}"));
            self.pieces(&mut body.clone(), depth - 1);
        }
        if self.dice.percent(40) {
            self.action("else");
            self.pieces(&mut inner, depth - 1);
        }
        self.action("end");
    }

    fn range(&mut self, scope: &Scope, depth: usize) {
        let kind = self
            .dice
            .pick(&[Kind::List, Kind::List, Kind::Map, Kind::SmallInt]);
        let over = argument(&mut self.dice, scope, kind, 1);
        let mut body = scope.clone();
        body.dot_is_data = false;
        body.in_loop = true;
        let declared = match self.dice.below(3) {
            0 => String::new(),
            1 => {
                let value = self.name();
                body.variables.push((value.clone(), Kind::Any));
                format!("{value} := ")
            }
            _ => {
                let (key, value) = (self.name(), self.name());
                body.variables.push((key.clone(), Kind::Any));
                body.variables.push((value.clone(), Kind::Any));
                format!("{key}, {value} := ")
            }
        };
        self.action(&format!("range {declared}{over}"));
        self.pieces(&mut body, depth - 1);
        if self.dice.percent(30) {
            self.action("else");
            self.pieces(&mut scope.clone(), depth - 1);
        }
        self.action("end");
    }

    fn define(&mut self, careless: usize) {
        let name = format!("part {}", self.defined.len());
        self.action(&format!("define \"{name}\""));
        let mut scope = Scope {
            variables: Vec::new(),
            dot_is_data: false,
            root_is_data: false,
            in_loop: false,
            careless,
        };
        self.pieces(&mut scope, 1);
        self.action("end");
        self.defined.push(name);
    }

    fn call_template(&mut self, scope: &Scope) {
        let Some(name) = (!self.defined.is_empty()).then(|| self.dice.below(self.defined.len()))
        else {
            return self.text();
        };
        let name = self.defined[name].clone();
        let with = argument(&mut self.dice, scope, Kind::Any, 1);
        let call = if self.dice.percent(70) {
            format!("template \"{name}\" {with}")
        } else {
            format!("template \"{name}\"")
        };
        self.action(&call);
    }

    fn block(&mut self, scope: &Scope, depth: usize) {
        self.next += 1;
        let with = argument(&mut self.dice, scope, Kind::Any, 1);
        self.action(&format!("block \"block {}\" {with}", self.next));
        let mut body = Scope {
            variables: Vec::new(),
            dot_is_data: false,
            root_is_data: false,
            in_loop: false,
            careless: scope.careless,
        };
        self.pieces(&mut body, depth - 1);
        self.action("end");
    }
}
