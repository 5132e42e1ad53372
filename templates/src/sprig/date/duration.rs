//! Go's `time.Duration`: reading, writing and rounding.

/// Nanoseconds of the units.
const UNITS: [(&[u8], u64); 8] = [
    (b"ns", 1),
    (b"us", 1_000),
    ("µs".as_bytes(), 1_000),
    ("μs".as_bytes(), 1_000),
    (b"ms", 1_000_000),
    (b"s", SECOND),
    (b"m", 60 * SECOND),
    (b"h", 3_600 * SECOND),
];
pub(super) const SECOND: u64 = 1_000_000_000;

/// `time.ParseDuration`: `-1.5h`, `1h30m`, in nanoseconds.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    const LIMIT: u64 = 1 << 63;
    let (negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if rest == b"0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (whole, behind) = digits(rest);
        let (fraction, behind) = match behind {
            [b'.', behind @ ..] => digits(behind),
            behind => (&b""[..], behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = behind
            .iter()
            .position(|byte| *byte == b'.' || byte.is_ascii_digit());
        let (name, behind) = behind.split_at(end.unwrap_or(behind.len()));
        let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
        let whole = whole.iter().try_fold(0_u64, |sum, digit| {
            sum.checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))
                .filter(|sum| *sum <= LIMIT)
        })?;
        let value = whole.checked_mul(*unit).filter(|value| *value <= LIMIT)?;
        total = total
            .checked_add(value)?
            .checked_add(part(fraction, *unit))?;
        if total > LIMIT {
            return None;
        }
        rest = behind;
    }
    if negative {
        0_i64.checked_sub_unsigned(total)
    } else {
        i64::try_from(total).ok()
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// A decimal fraction of a unit, cut off where Go cuts it off.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "below one unit, and computed in floating point as Go does"
)]
fn part(fraction: &[u8], unit: u64) -> u64 {
    const MOST: u64 = (1 << 63) - 1;
    let (mut sum, mut scale) = (0_u64, 1.0_f64);
    for digit in fraction {
        let Some(next) = Some(sum)
            .filter(|sum| *sum <= MOST / 10)
            .map(|sum| sum * 10 + u64::from(digit - b'0'))
        else {
            break;
        };
        if next > 1 << 63 {
            break;
        }
        sum = next;
        scale *= 10.0;
    }
    (sum as f64 * (unit as f64 / scale)) as u64
}

/// `Duration.String`: `34h20m30s`, `1.5s`, `250ms`.
pub(super) fn text(nanos: i64) -> String {
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    if size == 0 {
        return "0s".to_owned();
    }
    if size < SECOND {
        let (unit, name) = match size {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return format!("{sign}{}{name}", decimal(size, unit));
    }
    let (minutes, rest) = (size / (60 * SECOND), size % (60 * SECOND));
    let seconds = decimal(rest, SECOND);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

fn decimal(value: u64, unit: u64) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!(
        "{whole}.{}",
        format!("{rest:0width$}").trim_end_matches('0')
    )
}

/// `Duration.Round`: to the nearest multiple, halves away from zero.
pub(super) fn round(nanos: i64, to: i64) -> i64 {
    if to <= 0 {
        return nanos;
    }
    let rest = nanos % to;
    let size = rest.unsigned_abs();
    if size + size < to.unsigned_abs() {
        return nanos - rest;
    }
    let away = if nanos < 0 {
        nanos.checked_sub(to - rest.abs())
    } else {
        nanos.checked_add(to - rest)
    };
    away.unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// `durationRound`: the largest unit of which there is more than one.
pub(super) fn rough(nanos: i64) -> String {
    const HOUR: u64 = 3_600 * SECOND;
    let size = nanos.unsigned_abs();
    [
        (365 * 24 * HOUR, "y"),
        (30 * 24 * HOUR, "mo"),
        (24 * HOUR, "d"),
        (HOUR, "h"),
        (60 * SECOND, "m"),
        (SECOND, "s"),
    ]
    .iter()
    .find(|(unit, _)| size > *unit)
    .map_or_else(
        || "0s".to_owned(),
        |(unit, name)| format!("{}{name}", size / unit),
    )
}
