//! Writing a time by a layout.

use super::layout::{DAYS, Element, MONTHS, Pad, next};
use super::moment::{Civil, Moment, Zone, civil};

/// `Time.String`.
pub(super) fn text(moment: &Moment) -> Vec<u8> {
    format(moment, b"2006-01-02 15:04:05.999999999 -0700 MST")
}

/// `Time.GoString`: the call that makes it.
pub(super) fn go_text(moment: &Moment) -> Vec<u8> {
    let at = moment.civil();
    let month = MONTHS
        .get(at.month as usize - 1)
        .copied()
        .unwrap_or_default();
    let zone = match &moment.zone {
        Zone::Utc => "time.UTC".to_owned(),
        Zone::Local => "time.Local".to_owned(),
        Zone::Fixed { name, .. } => format!("time.Location(\"{name}\")"),
    };
    let (year, day, nanos) = (at.year, at.day, moment.nanos);
    let (hour, minute, second) = (at.hour, at.minute, at.second);
    format!("time.Date({year}, time.{month}, {day}, {hour}, {minute}, {second}, {nanos}, {zone})")
        .into_bytes()
}

/// `Time.Format`.
pub(super) fn format(moment: &Moment, layout: &[u8]) -> Vec<u8> {
    format_at(
        moment,
        layout,
        moment.zone.offset(),
        moment.zone.abbreviation(),
    )
}

/// The same, as it is shown at an offset that has a name.
pub(super) fn format_at(moment: &Moment, layout: &[u8], offset: i32, zone: &str) -> Vec<u8> {
    let shown = civil(moment.unix, offset);
    let mut out = Vec::with_capacity(layout.len());
    let mut rest = layout;
    while !rest.is_empty() {
        let (before, element, behind) = next(rest);
        out.extend_from_slice(before);
        rest = behind;
        match element {
            Some(Element::Offset { z, colon, parts }) => {
                write_offset(&mut out, offset, z, colon, parts)
            }
            Some(Element::ZoneName) if zone.is_empty() => {
                write_offset(&mut out, offset, false, false, 2)
            }
            Some(Element::ZoneName) => out.extend_from_slice(zone.as_bytes()),
            Some(Element::Fraction {
                separator,
                digits,
                trim,
            }) => {
                write_fraction(&mut out, moment.nanos, separator, digits, trim);
            }
            Some(element) => out.extend_from_slice(field(element, &shown).as_bytes()),
            None => {}
        }
    }
    out
}

fn field(element: Element, shown: &Civil) -> String {
    let named = |names: &[&str], number: u32, short: bool| {
        let name = names.get(number as usize).copied().unwrap_or_default();
        if short {
            name[..3].to_owned()
        } else {
            name.to_owned()
        }
    };
    let half = match shown.hour % 12 {
        0 => 12,
        hour => hour,
    };
    match element {
        Element::LongYear => padded_year(shown.year),
        Element::Year => format!("{:02}", shown.year.unsigned_abs() % 100),
        Element::LongMonth => named(&MONTHS, shown.month - 1, false),
        Element::Month => named(&MONTHS, shown.month - 1, true),
        Element::LongWeekday => named(&DAYS, shown.weekday, false),
        Element::Weekday => named(&DAYS, shown.weekday, true),
        Element::NumMonth(pad) => padded(shown.month, pad, 2),
        Element::Day(pad) => padded(shown.day, pad, 2),
        Element::YearDay(pad) => padded(shown.year_day, pad, 3),
        Element::Hour => padded(shown.hour, Pad::Zero, 2),
        Element::Hour12(pad) => padded(half, pad, 2),
        Element::Minute(pad) => padded(shown.minute, pad, 2),
        Element::Second(pad) => padded(shown.second, pad, 2),
        Element::UpperPm => if shown.hour >= 12 { "PM" } else { "AM" }.to_owned(),
        Element::LowerPm => if shown.hour >= 12 { "pm" } else { "am" }.to_owned(),
        // Written by the caller.
        Element::ZoneName | Element::Offset { .. } | Element::Fraction { .. } => String::new(),
    }
}

fn padded(number: u32, pad: Pad, width: usize) -> String {
    match pad {
        Pad::None => number.to_string(),
        Pad::Space => format!("{number:width$}"),
        Pad::Zero => format!("{number:0width$}"),
    }
}

/// The sign comes before the zeros and does not count.
fn padded_year(year: i64) -> String {
    let sign = if year < 0 { "-" } else { "" };
    format!("{sign}{:04}", year.unsigned_abs())
}

fn write_offset(out: &mut Vec<u8>, offset: i32, z: bool, colon: bool, parts: u8) {
    if z && offset == 0 {
        return out.push(b'Z');
    }
    // An offset of less than a minute has no sign.
    out.push(if offset / 60 < 0 { b'-' } else { b'+' });
    let size = offset.unsigned_abs();
    let numbers = [size / 3_600, size / 60 % 60, size % 60];
    for (place, number) in numbers[..usize::from(parts)].iter().enumerate() {
        if colon && place > 0 {
            out.push(b':');
        }
        out.extend_from_slice(format!("{number:02}").as_bytes());
    }
}

fn write_fraction(out: &mut Vec<u8>, nanos: u32, separator: u8, digits: usize, trim: bool) {
    let text = format!("{nanos:09}");
    let mut text = &text[..digits.min(9)];
    if trim {
        text = text.trim_end_matches('0');
        if text.is_empty() {
            return;
        }
    }
    out.push(separator);
    out.extend_from_slice(text.as_bytes());
}
