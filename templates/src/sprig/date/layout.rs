//! Go's layouts: how the reference time `Mon Jan 2 15:04:05 -0700 MST 2006` would be written.

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// How the number of a field is padded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pad {
    None,
    Space,
    Zero,
}

/// One element of a layout.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    LongYear,
    Year,
    LongMonth,
    Month,
    NumMonth(Pad),
    LongWeekday,
    Weekday,
    Day(Pad),
    YearDay(Pad),
    Hour,
    Hour12(Pad),
    Minute(Pad),
    Second(Pad),
    UpperPm,
    LowerPm,
    ZoneName,
    /// An offset: whether UTC is `Z`, whether there are colons, how many parts it has.
    Offset {
        z: bool,
        colon: bool,
        parts: u8,
    },
    /// A fraction of a second with that many digits; whether trailing zeros go.
    Fraction {
        separator: u8,
        digits: usize,
        trim: bool,
    },
}

/// The text before the first element, the element, and the rest of the layout.
pub(super) fn next(layout: &[u8]) -> (&[u8], Option<Element>, &[u8]) {
    for at in 0..layout.len() {
        if let Some((element, before, length)) = at_start_of(&layout[at..]) {
            return (
                &layout[..at + before],
                Some(element),
                &layout[at + before + length..],
            );
        }
    }
    (layout, None, &[])
}

/// The element at the start of `text`, how much literal text belongs before it, and its length.
fn at_start_of(text: &[u8]) -> Option<(Element, usize, usize)> {
    // The first that fits counts. Names of three letters do not fit if a lower case letter follows.
    const ELEMENTS: [(&[u8], Element); 37] = [
        (b"January", Element::LongMonth),
        (b"Jan", Element::Month),
        (b"Monday", Element::LongWeekday),
        (b"Mon", Element::Weekday),
        (b"MST", Element::ZoneName),
        (b"002", Element::YearDay(Pad::Zero)),
        (b"01", Element::NumMonth(Pad::Zero)),
        (b"02", Element::Day(Pad::Zero)),
        (b"03", Element::Hour12(Pad::Zero)),
        (b"04", Element::Minute(Pad::Zero)),
        (b"05", Element::Second(Pad::Zero)),
        (b"06", Element::Year),
        (b"15", Element::Hour),
        (b"1", Element::NumMonth(Pad::None)),
        (b"2006", Element::LongYear),
        (b"2", Element::Day(Pad::None)),
        (b"__2", Element::YearDay(Pad::Space)),
        (b"_2", Element::Day(Pad::Space)),
        (b"3", Element::Hour12(Pad::None)),
        (b"4", Element::Minute(Pad::None)),
        (b"5", Element::Second(Pad::None)),
        (b"PM", Element::UpperPm),
        (b"pm", Element::LowerPm),
        (
            b"-070000",
            Element::Offset {
                z: false,
                colon: false,
                parts: 3,
            },
        ),
        (
            b"-07:00:00",
            Element::Offset {
                z: false,
                colon: true,
                parts: 3,
            },
        ),
        (
            b"-0700",
            Element::Offset {
                z: false,
                colon: false,
                parts: 2,
            },
        ),
        (
            b"-07:00",
            Element::Offset {
                z: false,
                colon: true,
                parts: 2,
            },
        ),
        (
            b"-07",
            Element::Offset {
                z: false,
                colon: false,
                parts: 1,
            },
        ),
        (
            b"Z070000",
            Element::Offset {
                z: true,
                colon: false,
                parts: 3,
            },
        ),
        (
            b"Z07:00:00",
            Element::Offset {
                z: true,
                colon: true,
                parts: 3,
            },
        ),
        (
            b"Z0700",
            Element::Offset {
                z: true,
                colon: false,
                parts: 2,
            },
        ),
        (
            b"Z07:00",
            Element::Offset {
                z: true,
                colon: true,
                parts: 2,
            },
        ),
        (
            b"Z07",
            Element::Offset {
                z: true,
                colon: false,
                parts: 1,
            },
        ),
        (b".0", FRACTION),
        (b".9", FRACTION),
        (b",0", FRACTION),
        (b",9", FRACTION),
    ];
    if text.starts_with(b"_2006") {
        return Some((Element::LongYear, 1, 4));
    }
    let lower_follows = text.get(3).is_some_and(u8::is_ascii_lowercase);
    let (name, element) = ELEMENTS.iter().find(|(name, element)| {
        let word = matches!(element, Element::Month | Element::Weekday);
        text.starts_with(name) && !(word && lower_follows)
    })?;
    if *element == FRACTION {
        return fraction(text);
    }
    Some((*element, 0, name.len()))
}

const FRACTION: Element = Element::Fraction {
    separator: b'.',
    digits: 0,
    trim: false,
};

/// A point or comma with zeros or nines, not followed by another digit.
fn fraction(text: &[u8]) -> Option<(Element, usize, usize)> {
    let digits = text[1..]
        .iter()
        .take_while(|byte| **byte == text[1])
        .count();
    if text.get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let element = Element::Fraction {
        separator: text[0],
        digits,
        trim: text[1] == b'9',
    };
    Some((element, 0, 1 + digits))
}
