//! Reading a time by a layout, with Go's leniencies.

use super::layout::{DAYS, Element, MONTHS, Pad, next};
use super::moment::{Moment, Zone, days_in, is_leap};

/// `time.ParseInLocation` with the local zone, which is UTC.
pub(super) fn parse(layout: &[u8], text: &[u8]) -> Option<Moment> {
    let mut fields = Fields {
        rest: text,
        ..Fields::default()
    };
    let mut layout = layout;
    loop {
        let (before, element, behind) = next(layout);
        fields.skip(before)?;
        match element {
            Some(element) => fields.read(element, behind)?,
            None => return fields.rest.is_empty().then(|| fields.moment())?,
        }
        layout = behind;
    }
}

/// What was read so far.
#[derive(Default)]
struct Fields<'t> {
    rest: &'t [u8],
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    /// Whether it is after noon, if that was said.
    pm: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone: &'t [u8],
}

impl<'t> Fields<'t> {
    /// Literal text. A run of spaces stands for any number of them.
    fn skip(&mut self, mut literal: &[u8]) -> Option<()> {
        while let Some((&first, behind)) = literal.split_first() {
            if first == b' ' {
                if self.rest.first().is_some_and(|&byte| byte != b' ') {
                    return None;
                }
                literal = spaceless(literal);
                self.rest = spaceless(self.rest);
                continue;
            }
            self.rest = self.rest.strip_prefix(&[first])?;
            literal = behind;
        }
        Some(())
    }

    fn take(&mut self, count: usize) -> Option<&'t [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn read(&mut self, element: Element, behind: &[u8]) -> Option<()> {
        match element {
            Element::Year => {
                let year = signed(self.take(2)?)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            Element::LongYear => {
                self.rest.first().filter(|byte| byte.is_ascii_digit())?;
                self.year = signed(self.take(4)?)?;
            }
            Element::LongMonth => self.month = Some(self.name(&MONTHS, false)? + 1),
            Element::Month => self.month = Some(self.name(&MONTHS, true)? + 1),
            Element::LongWeekday => drop(self.name(&DAYS, false)?),
            Element::Weekday => drop(self.name(&DAYS, true)?),
            Element::NumMonth(pad) => {
                self.month = Some(self.number(pad).filter(|month| (1..=12).contains(month))?);
            }
            Element::Day(pad) => {
                if pad == Pad::Space {
                    self.rest = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
                }
                self.day = Some(self.number(pad)?);
            }
            Element::YearDay(pad) => self.year_day = Some(self.three_digits(pad)?),
            Element::Hour => self.hour = self.number(Pad::None).filter(|hour| *hour < 24)?,
            Element::Hour12(pad) => self.hour = self.number(pad).filter(|hour| *hour <= 12)?,
            Element::Minute(pad) => self.minute = self.number(pad).filter(|minute| *minute < 60)?,
            Element::Second(pad) => {
                self.second = self.number(pad).filter(|second| *second < 60)?;
                // A fraction may stand there although the layout has none.
                let given = matches!(next(behind).1, Some(Element::Fraction { .. }));
                if !given && self.fraction_digits() > 0 {
                    self.fraction(self.fraction_digits())?;
                }
            }
            Element::UpperPm => self.pm = Some(half(self.take(2)?, b"PM", b"AM")?),
            Element::LowerPm => self.pm = Some(half(self.take(2)?, b"pm", b"am")?),
            Element::Offset { z: true, .. } if self.rest.starts_with(b"Z") => {
                self.take(1)?;
                self.utc = true;
            }
            Element::Offset { colon, parts, .. } => self.offset = Some(self.offset(colon, parts)?),
            Element::ZoneName if self.rest.starts_with(b"UTC") => {
                self.take(3)?;
                self.utc = true;
            }
            Element::ZoneName => self.zone = self.take(zone_name(self.rest)?)?,
            Element::Fraction {
                digits,
                trim: false,
                ..
            } => self.fraction(digits)?,
            // With nines the fraction may be missing, or longer.
            Element::Fraction { trim: true, .. } => match self.fraction_digits() {
                0 => {}
                digits => self.fraction(digits)?,
            },
        }
        Some(())
    }

    /// One of the names, or its first three letters; case does not count.
    fn name(&mut self, names: &[&str], short: bool) -> Option<u32> {
        let fits = |name: &&str| {
            let name = if short { &name[..3] } else { name };
            let start = self.rest.get(..name.len())?;
            start
                .eq_ignore_ascii_case(name.as_bytes())
                .then_some(name.len())
        };
        let (number, length) = (0..)
            .zip(names)
            .find_map(|(number, name)| Some((number, fits(name)?)))?;
        self.take(length)?;
        Some(number)
    }

    /// One or two digits; always two if padded with zeros.
    fn number(&mut self, pad: Pad) -> Option<u32> {
        let digits = self
            .rest
            .iter()
            .take(2)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 || (digits == 1 && pad == Pad::Zero) {
            return None;
        }
        decimal(self.take(digits)?)
    }

    fn three_digits(&mut self, pad: Pad) -> Option<u32> {
        for _ in 0..2 {
            if pad == Pad::Space {
                self.rest = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
            }
        }
        let digits = self
            .rest
            .iter()
            .take(3)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 || (pad == Pad::Zero && digits != 3) {
            return None;
        }
        decimal(self.take(digits)?)
    }

    /// Digits behind a point or comma at the start of the rest.
    fn fraction_digits(&self) -> usize {
        match self.rest {
            [b'.' | b',', digits @ ..] => digits
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count(),
            _ => 0,
        }
    }

    /// A separator and that many digits, of which nine count.
    fn fraction(&mut self, digits: usize) -> Option<()> {
        let [b'.' | b',', digits @ ..] = self.take(1 + digits)? else {
            return None;
        };
        let digits = &digits[..digits.len().min(9)];
        // Go reads a signed number here.
        let number = signed(digits).filter(|number| *number >= 0)?;
        let scale = 10_i64.pow(9 - u32::try_from(digits.len()).ok()?);
        self.nanos = u32::try_from(number * scale).ok()?;
        Some(())
    }

    fn offset(&mut self, colon: bool, parts: u8) -> Option<i32> {
        let sign = match self.take(1)? {
            b"+" => 1,
            b"-" => -1,
            _ => return None,
        };
        let mut seconds = 0;
        for (place, (limit, worth)) in (0..parts).zip([(24, 3_600), (60, 60), (60, 1)]) {
            if colon && place > 0 && self.take(1)? != b":" {
                return None;
            }
            // Go takes 24 hours and 60 minutes.
            let number = decimal(self.take(2)?).filter(|number| *number <= limit)?;
            seconds += i32::try_from(number).ok()? * worth;
        }
        Some(sign * seconds)
    }

    fn moment(self) -> Option<Moment> {
        let hour = match (self.pm, self.hour) {
            (Some(true), hour @ 0..12) => hour + 12,
            (Some(false), 12) => 0,
            (_, hour) => hour,
        };
        let (month, day) = self.month_and_day()?;
        let seconds = i64::from(hour * 3_600 + self.minute * 60 + self.second);
        let at = |zone: Zone| {
            Moment::at(
                self.year,
                i64::from(month),
                i64::from(day),
                seconds,
                self.nanos,
                zone,
            )
        };
        let name = str::from_utf8(self.zone).ok()?;
        let fixed = |offset| Zone::Fixed {
            name: name.into(),
            offset,
        };
        if self.utc {
            return at(Zone::Utc);
        }
        match self.offset {
            // An offset of one second west means none, to Go.
            Some(0) if name.is_empty() => at(Zone::Local),
            Some(offset) if offset != -1 => at(fixed(offset)),
            _ if name.is_empty() => at(Zone::Local),
            // Of an unknown zone, only the name is kept; the offset of GMT+3 only shows.
            _ => {
                let hours = name
                    .strip_prefix("GMT")
                    .and_then(|hours| signed(hours.as_bytes()));
                let offset = i32::try_from(hours.unwrap_or(0) * 3_600).ok()?;
                Some(at(Zone::Utc)?.shown_in(fixed(offset)))
            }
        }
    }

    /// Checks the day of the month, or finds it from the day of the year.
    fn month_and_day(&self) -> Option<(u32, u32)> {
        let Some(year_day) = self.year_day else {
            let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
            return (1..=days_in(self.year, month))
                .contains(&day)
                .then_some((month, day));
        };
        let length = if is_leap(self.year) { 366 } else { 365 };
        if !(1..=length).contains(&year_day) {
            return None;
        }
        let (mut month, mut day) = (1, year_day);
        while day > days_in(self.year, month) {
            day -= days_in(self.year, month);
            month += 1;
        }
        let agrees = |given: Option<u32>, found| given.is_none_or(|given| given == found);
        (agrees(self.month, month) && agrees(self.day, day)).then_some((month, day))
    }
}

fn spaceless(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| **byte == b' ').count()..]
}

fn half(text: &[u8], pm: &[u8], am: &[u8]) -> Option<bool> {
    (text == pm || text == am).then_some(text == pm)
}

fn decimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + u32::from(byte - b'0'))
    })
}

/// A number with or without a sign.
fn signed(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    Some(sign * i64::from(decimal(digits)?))
}

/// How long the abbreviation of a zone at the start of `text` is.
fn zone_name(text: &[u8]) -> Option<usize> {
    text.get(..3)?;
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(hours) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours(hours));
    }
    if matches!(text[0], b'+' | b'-') {
        return Some(signed_hours(text)).filter(|length| *length > 0);
    }
    let upper = text
        .iter()
        .take(6)
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    match upper {
        5 if text[4] == b'T' => Some(5),
        4 if text[3] == b'T' || text.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

/// How long `+3` or `-11` at the start of `text` is; 0 if there is none.
fn signed_hours(text: &[u8]) -> usize {
    let [b'+' | b'-', hours @ ..] = text else {
        return 0;
    };
    let digits = hours
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let significant = hours[..digits]
        .iter()
        .skip_while(|byte| **byte == b'0')
        .count();
    match decimal(&hours[digits - significant.min(3)..digits]) {
        Some(0..=23) if digits > 0 && significant < 3 => 1 + digits,
        _ => 0,
    }
}
