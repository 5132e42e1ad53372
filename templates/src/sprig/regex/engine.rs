//! Running a parsed expression over text, with the work counted before and while it is done.

use std::borrow::Cow;

use regex_automata::hybrid::dfa;
use regex_automata::meta;
use regex_automata::nfa::thompson;
use regex_automata::util::captures::Captures;
use regex_automata::util::start;
use regex_automata::{Anchored, Input};

use super::budget::{Budget, Unusable};
use super::syntax::{self, Parsed};
use crate::sprig::runes::runes;
use crate::{Call, Fault, Limits};

/// A compiled expression.
pub(super) struct Regex {
    search: meta::Regex,
    /// Finds out how far a search has to look.
    scan: dfa::DFA,
    /// Names of the groups, the whole match first.
    pub(super) names: Vec<String>,
    /// What looking at one byte costs at worst, in bytes looked at.
    weight: usize,
}

/// Where a match and its groups are, in bytes of the text that was given.
pub(super) type Groups = Vec<Option<(usize, usize)>>;

/// The most that the places of groups may take.
const SLOTS: usize = 2 * Limits::REGEX;

impl Regex {
    /// Compiles an expression; where its groups are is found out only if they are asked for.
    pub(super) fn new(
        call: &mut Call<'_, '_>,
        pattern: &[u8],
        groups: bool,
    ) -> Result<Self, Unusable> {
        let text = str::from_utf8(pattern).map_err(|_| Unusable::Syntax)?;
        if text.len() > Limits::REGEX {
            return Err(Unusable::TooLarge);
        }
        // A character takes so much when it is read, and as much again where the library takes a copy.
        call.room(text.len().saturating_mul(256))?;
        call.work(text.len().saturating_mul(1024))?;
        let mut budget = Budget::new(&mut call.env.meter);
        let Parsed { hir, names } = syntax::parse(text, &mut budget)?;
        let captures = if groups {
            thompson::WhichCaptures::All
        } else {
            thompson::WhichCaptures::Implicit
        };
        let limits = thompson::Config::new().nfa_size_limit(Some(Limits::REGEX));
        let nfa = thompson::Compiler::new()
            .configure(limits.which_captures(captures))
            .build_from_hir(&hir)
            .map_err(|_| Unusable::TooLarge)?;
        call.work(nfa.memory_usage().saturating_mul(4))?;
        // The slowest of the engines has, for now and for the next byte, a place for each group in each state.
        let slots = nfa.group_info().slot_len() * nfa.states().len();
        let table = slots.saturating_mul(2 * size_of::<usize>());
        if table > SLOTS {
            return Err(Unusable::TooLarge);
        }
        call.room(table)?;
        call.work(table)?;
        let weight = 1 + nfa.states().len() / 4;
        let scan = dfa::Builder::new()
            .configure(
                dfa::Config::new()
                    .cache_capacity(Limits::REGEX)
                    .skip_cache_capacity_check(true),
            )
            .build_from_nfa(nfa)
            .map_err(|_| Unusable::TooLarge)?;
        let config = meta::Config::new()
            .which_captures(captures)
            .nfa_size_limit(Some(Limits::REGEX))
            .onepass_size_limit(Some(Limits::REGEX))
            .hybrid_cache_capacity(Limits::REGEX);
        let search = meta::Builder::new()
            .configure(config)
            .build_from_hir(&hir)
            .map_err(|_| Unusable::TooLarge)?;
        Ok(Self {
            search,
            scan,
            names,
            weight,
        })
    }

    /// Calls `with` for every match from left to right, up to `limit`. An empty match right
    /// behind another does not count.
    pub(super) fn each(
        &self,
        call: &mut Call<'_, '_>,
        text: &[u8],
        limit: usize,
        mut with: impl FnMut(&mut Call<'_, '_>, &Groups) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        call.room(text.len().saturating_mul(8))?;
        let runes = Runes::of(text);
        let mut found = self.search.create_captures();
        let mut cache = self.scan.create_cache();
        let (mut at, mut before, mut count) = (0, None, 0);
        while count < limit && at <= runes.text.len() {
            let end = self.scanned(call, &mut cache, &runes.text, at)?;
            self.search
                .search_captures(&Input::new(&runes.text[..]).span(at..end), &mut found);
            let Some(whole) = found.get_match() else {
                // `scan` also finds the `\B` inside a character, where no search may match.
                if end < runes.text.len() && runes.is_inside(end) {
                    at = runes.next(end);
                    continue;
                }
                break;
            };
            if whole.is_empty() && Some(whole.end()) == before {
                at = runes.next(whole.end());
                continue;
            }
            with(call, &groups(&found, &runes))?;
            count += 1;
            before = Some(whole.end());
            at = if whole.is_empty() {
                runes.next(whole.end())
            } else {
                whole.end()
            };
        }
        Ok(())
    }

    /// Where the next match ends, or the end of `text` if there is none. Charges every byte that had to be looked
    /// at for that: a search for all matches can look at the whole rest again and again.
    fn scanned(
        &self,
        call: &mut Call<'_, '_>,
        cache: &mut dfa::Cache,
        text: &[u8],
        at: usize,
    ) -> Result<usize, Fault> {
        /// Bytes between two charges.
        const STRIDE: usize = 256;
        let gave_up = |_| Fault::too_expensive("a regular expression that takes too much memory");
        let before = at.checked_sub(1).map(|at| text[at]);
        let config = start::Config::new()
            .anchored(Anchored::No)
            .look_behind(before);
        let mut state = self
            .scan
            .start_state(cache, &config)
            .map_err(|_| Fault::too_expensive("a regular expression that takes too much memory"))?;
        let mut end = None;
        for (number, &byte) in text[at..].iter().enumerate() {
            if number % STRIDE == 0 {
                call.work(
                    STRIDE
                        .min(text.len() - at - number)
                        .saturating_mul(self.weight),
                )?;
            }
            state = self.scan.next_state(cache, state, byte).map_err(gave_up)?;
            if state.is_tagged() {
                if state.is_match() {
                    // A match is seen one byte late.
                    end = Some(at + number);
                } else if state.is_dead() {
                    return Ok(end.unwrap_or(text.len()));
                }
            }
        }
        call.work(self.weight)?;
        state = self.scan.next_eoi_state(cache, state).map_err(gave_up)?;
        let end = if state.is_match() {
            Some(text.len())
        } else {
            end
        };
        Ok(end.unwrap_or(text.len()))
    }
}

fn groups(found: &Captures, runes: &Runes<'_>) -> Groups {
    let place = |group| {
        let span = found.get_group(group)?;
        Some((runes.place(span.start), runes.place(span.end)))
    };
    (0..found.group_len()).map(place).collect()
}

/// A text as runes in UTF-8: a stray byte is U+FFFD, as Go's expressions see it.
struct Runes<'t> {
    text: Cow<'t, [u8]>,
    /// For a text with stray bytes: where each place in `text` is in the original.
    places: Option<Vec<usize>>,
}

impl<'t> Runes<'t> {
    fn of(text: &'t [u8]) -> Self {
        if str::from_utf8(text).is_ok() {
            return Self {
                text: Cow::Borrowed(text),
                places: None,
            };
        }
        let (mut valid, mut places, mut at) = (String::new(), Vec::new(), 0);
        for rune in runes(text) {
            valid.push(rune.ch);
            places.resize(valid.len(), at);
            at += rune.width;
        }
        places.push(at);
        Self {
            text: Cow::Owned(valid.into_bytes()),
            places: Some(places),
        }
    }

    fn place(&self, at: usize) -> usize {
        self.places.as_ref().map_or(at, |places| places[at])
    }

    /// Whether the byte at `at` continues a rune.
    fn is_inside(&self, at: usize) -> bool {
        self.text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80)
    }

    /// The place of the next rune behind `at`.
    fn next(&self, at: usize) -> usize {
        (at + 1..)
            .find(|&at| !self.is_inside(at))
            .unwrap_or(self.text.len())
    }
}
