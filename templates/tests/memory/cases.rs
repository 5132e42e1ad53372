//! Templates that may cost much: every function of the registry, with arguments that are made to grow under it.

use std::collections::BTreeMap;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use signet_templates::{Entry, FUNCTIONS, Param};

use crate::texts;

/// One template and what it sees.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) data: BTreeMap<String, Vec<u8>>,
}

/// Chance that is always the same for the same number.
pub(crate) struct Dice(ChaCha20Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.next_u64() % end as u64).unwrap_or(0)
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Up to `most`; as often between 1 and 2 as between half of it and all.
    pub(crate) fn size(&mut self, most: usize) -> usize {
        let bits = most.ilog2() as usize + 1;
        let top = 1 << self.below(bits);
        (top + self.below(top)).min(most)
    }
}

/// The functions, without those that work for seconds: what these take is told by `keys.rs`.
pub(crate) fn functions() -> Vec<&'static Entry> {
    let all = FUNCTIONS.iter().flat_map(|table| table.iter());
    all.filter(|entry| !entry.key_making).collect()
}

/// The case of that number; `most` is the size of the largest text in it.
pub(crate) fn case(number: u64, most: usize) -> Case {
    let functions = functions();
    let mut maker = Maker {
        dice: Dice::new(number),
        data: BTreeMap::new(),
        most,
    };
    // Every other case is one of regular expressions: nothing else is made of so little text.
    let regexes = |entry: &&&Entry| entry.name.to_lowercase().contains("regex");
    let turn = usize::try_from(number / 2).unwrap_or(0);
    let entry = if number.is_multiple_of(2) {
        functions[turn % functions.len()]
    } else {
        let regexes: Vec<_> = functions.iter().filter(regexes).collect();
        regexes[turn % regexes.len()]
    };
    let call = maker.call(entry, None);
    let text = match maker.dice.below(6) {
        0..=2 => format!("{{{{$_ := {call}}}}}"),
        3 => format!("{{{{$x := {call}}}}}{{{{$x}}}}"),
        4 => {
            let times = maker.dice.size(1000);
            format!(
                "{{{{$d := dict}}}}{{{{range $i := {times}}}}}{{{{$_ := set $d (print $i) ({call})}}}}{{{{end}}}}"
            )
        }
        _ => {
            let second = functions[maker.dice.below(functions.len())];
            let second = maker.call(second, Some("$x"));
            format!("{{{{$x := {call}}}}}{{{{$y := {second}}}}}")
        }
    };
    Case {
        name: entry.name,
        text,
        data: maker.data,
    }
}

struct Maker {
    dice: Dice,
    data: BTreeMap<String, Vec<u8>>,
    most: usize,
}

impl Maker {
    /// A call; `given` takes the place of one argument.
    fn call(&mut self, entry: &Entry, given: Option<&str>) -> String {
        let more = entry.rest.map_or(0, |_| self.dice.below(4));
        let count = entry.params.len() + more;
        let place = if given.is_some() && count > 0 {
            self.dice.below(count)
        } else {
            usize::MAX
        };
        let mut call = entry.name.to_owned();
        for at in 0..count {
            let param = entry.params.get(at).copied().or(entry.rest);
            let argument = match given {
                Some(given) if at == place => given.to_owned(),
                _ => self.argument(entry.name, at, param.unwrap_or(Param::Any)),
            };
            call.push(' ');
            call.push_str(&argument);
        }
        call
    }

    fn argument(&mut self, function: &str, at: usize, param: Param) -> String {
        match param {
            Param::Str => self.text(function, at),
            Param::Bool => self.dice.pick(&["true", "false"]).to_owned(),
            Param::Int | Param::Int64 | Param::Uint32 => self.integer(),
            Param::Float64 => self.dice.pick(&["0.5", "1e308", "-1e-308"]).to_owned(),
            Param::Anys | Param::Strs => self.list(),
            Param::Map => self.map(),
            Param::Named("time.Time") => "now".to_owned(),
            Param::Named(_) => "nil".to_owned(),
            Param::Any => match self.dice.below(10) {
                0..=3 => self.text(function, at),
                4 => self.integer(),
                5 => "(float64 1e308)".to_owned(),
                6 | 7 => self.list(),
                8 => self.map(),
                _ => self
                    .dice
                    .pick(&["now", "(semver \"1.2.3\")", "nil", "."])
                    .to_owned(),
            },
        }
    }

    fn integer(&mut self) -> String {
        let small = self.dice.size(10_000);
        let large = "9223372036854775807";
        let own = small.to_string();
        let pick = [
            "0",
            "1",
            "-1",
            "80",
            &own,
            &own,
            &own,
            "1000000",
            "1000000000",
            large,
        ];
        self.dice.pick(&pick).to_owned()
    }

    /// A text as an item of the data.
    fn text(&mut self, function: &str, at: usize) -> String {
        let text = texts::text(&mut self.dice, function, at, self.most);
        self.item(text)
    }

    fn item(&mut self, text: Vec<u8>) -> String {
        let name = format!("d{}", self.data.len());
        self.data.insert(name.clone(), text);
        format!("$.{name}")
    }

    fn list(&mut self) -> String {
        let count = self.dice.size(self.most / 32);
        match self.dice.below(6) {
            0 => format!("(until {count})"),
            1 => {
                let text = self.text("", 0);
                format!("(splitList \"\" {text})")
            }
            2 => {
                let text = texts::numbers(count);
                let text = self.item(text);
                format!("(fromJson {text})")
            }
            3 => {
                let text = self.text("", 0);
                format!("(list {text} {text} (list {text} 1) (dict \"a\" {text}))")
            }
            4 => {
                let text = self.text("", 0);
                format!("(list 1 (list 1.5 nil) {text})")
            }
            _ => {
                let text = texts::nested(count.min(60));
                let text = self.item(text);
                format!("(list (fromJson {text}) {count})")
            }
        }
    }

    fn map(&mut self) -> String {
        let count = self.dice.size(self.most / 64);
        match self.dice.below(4) {
            0 => "$".to_owned(),
            1 => {
                let text = self.text("", 0);
                format!("(split \",\" {text})")
            }
            2 => {
                let text = texts::entries(count);
                let text = self.item(text);
                format!("(fromJson {text})")
            }
            _ => {
                let text = self.text("", 0);
                format!("(dict \"a\" {text} \"b\" (dict \"a\" {text}))")
            }
        }
    }
}
