//! Templates with a few characters wrong, as people and attackers write them: most are refused, and both must refuse them.

use crate::case::Case;
use crate::dice::Dice;

const TYPED: &[char] = &[
    '{', '}', '(', ')', '.', '$', '"', '`', '\'', '|', '-', ' ', ',', '=', ':', '\\', '1', '0',
    'x', '_', '%', 'é', '/', '*', '\n', '+', 'e', '\u{a0}', '😀',
];

const LONGEST: usize = 400;

/// So many, made from these.
pub(crate) fn mistyped(from: &[Case], count: usize) -> Vec<Case> {
    let mut dice = Dice::seeded("mistyped");
    (0..count)
        .map(|_| {
            let template = &from[dice.below(from.len())].template;
            let mut characters: Vec<char> = template.chars().take(LONGEST).collect();
            for _ in 0..=dice.below(3) {
                mistype(&mut dice, &mut characters);
            }
            Case::new(characters.into_iter().collect::<String>())
        })
        .collect()
}

fn mistype(dice: &mut Dice, characters: &mut Vec<char>) {
    if characters.is_empty() {
        return;
    }
    let place = dice.below(characters.len());
    match dice.below(5) {
        0 => {
            characters.remove(place);
        }
        1 => characters.insert(place, characters[place]),
        2 => {
            let other = dice.below(characters.len());
            characters.swap(place, other);
        }
        3 => characters.insert(place, dice.pick(TYPED)),
        _ => {
            let end = (place + 1 + dice.below(8)).min(characters.len());
            characters.drain(place..end);
        }
    }
}
