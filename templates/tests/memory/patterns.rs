//! Regular expressions of every kind, and many of one kind.

use crate::cases::Dice;

const ATOMS: [&str; 44] = [
    "a",
    "b",
    "é",
    "世",
    "\\.",
    ".",
    "\\d",
    "\\D",
    "\\s",
    "\\S",
    "\\w",
    "\\W",
    "\\pL",
    "\\PL",
    "\\pN",
    "\\pC",
    "\\PC",
    "\\p{Han}",
    "\\P{Han}",
    "\\p{Greek}",
    "\\p{^Greek}",
    "\\p{Any}",
    "\\p{Lu}",
    "\\p{Ll}",
    "\\p{Cn}",
    "\\p{Assigned}",
    "[a-z]",
    "[^a-z]",
    "[[:alpha:]]",
    "[[:^alpha:]]",
    "[\\pL\\pN]",
    "[^\\pL\\d_]",
    "[\\x{0}-\\x{10ffff}]",
    "[\\x{1}-\\x{10fffe}]",
    "[^\\x{100}]",
    "[aeiou世界]",
    "\\x{1F600}",
    "\\Qa.b\\E",
    "^",
    "$",
    "\\b",
    "\\B",
    "\\A",
    "\\z",
];

const FLAGS: [&str; 8] = ["", "", "(?i)", "(?i)", "(?s)", "(?m)", "(?U)", "(?ims)"];

const COUNTS: [&str; 15] = [
    "*", "+", "?", "*?", "+?", "??", "{0}", "{2}", "{0,1}", "{3,}", "{10}", "{100}", "{1000}",
    "{0,1000}", "{1000,}",
];

/// An expression of at most about so many bytes.
pub(crate) fn pattern(dice: &mut Dice, most: usize) -> String {
    let mut out = dice.pick(&FLAGS).to_owned();
    let mut unit = if dice.below(4) == 0 {
        in_brackets(dice, most)
    } else {
        piece(dice, 3)
    };
    if dice.below(4) == 0 {
        unit.push('|');
    }
    let size = dice.size(most);
    out.push_str(&unit.repeat((size / unit.len()).max(1)));
    for _ in 0..dice.below(3) {
        out.push_str(&piece(dice, 2));
    }
    out
}

/// A class that is long by itself.
fn in_brackets(dice: &mut Dice, most: usize) -> String {
    const SETS: [&str; 9] = [
        "\\pL",
        "\\PL",
        "\\pC",
        "\\p{Han}",
        "\\d",
        "[:^alpha:]",
        "a-z",
        "\\x{0}-\\x{10ffff}",
        "世",
    ];
    let set = dice.pick(&SETS);
    let size = dice.size(most);
    let negated = dice.pick(&["", "^"]);
    format!("[{negated}{}]", set.repeat((size / set.len()).max(1)))
}

fn piece(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return dice.pick(&ATOMS).to_owned();
    }
    let inner = piece(dice, depth - 1);
    match dice.below(9) {
        0 => format!("({inner})"),
        1 => format!("(?P<n>{inner})"),
        2 => format!("(?:{inner}){}", dice.pick(&COUNTS)),
        3 => format!("({inner}){}", dice.pick(&COUNTS)),
        4 => format!("{inner}{}", piece(dice, depth - 1)),
        5 => format!("(?:{inner}|{})", piece(dice, depth - 1)),
        6 => format!("(?i:{inner})"),
        _ => inner,
    }
}
