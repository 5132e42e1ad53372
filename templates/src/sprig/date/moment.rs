//! A time and the zone it is shown in: Go's `time.Time`, in any year.

use std::rc::Rc;

/// Seconds from the first of January of year 1 to 1970.
const YEAR_ONE: i64 = 62_135_596_800;
const DAY: i64 = 86_400;
/// The first second that Go's calendar knows: the first of March of year -292,277,022,400.
const FIRST: i128 = -9_223_372_028_741_760_000;

/// Where a time is shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Zone {
    /// `time.UTC`
    Utc,
    /// `time.Local`: here always UTC.
    Local,
    /// An offset, with a name that may be empty.
    Fixed { name: Rc<str>, offset: i32 },
}

impl Zone {
    /// Seconds east of Greenwich.
    pub(super) fn offset(&self) -> i32 {
        match self {
            Self::Utc | Self::Local => 0,
            Self::Fixed { offset, .. } => *offset,
        }
    }

    /// What `MST` in a layout stands for.
    pub(super) fn abbreviation(&self) -> &str {
        match self {
            Self::Utc | Self::Local => "UTC",
            Self::Fixed { name, .. } => name,
        }
    }

    /// `Location.String`.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Utc | Self::Local => "UTC",
            Self::Fixed { name, .. } => name,
        }
    }
}

/// A point in time, and where it is shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// Seconds since 1970.
    pub(super) unix: i64,
    /// Nanoseconds in the second.
    pub(super) nanos: u32,
    pub(super) zone: Zone,
}

/// A moment as a clock and a calendar show it.
pub(super) struct Civil {
    pub(super) year: i64,
    /// From 1.
    pub(super) month: u32,
    /// From 1.
    pub(super) day: u32,
    /// From 1.
    pub(super) year_day: u32,
    /// From Sunday, which is 0.
    pub(super) weekday: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
}

impl Moment {
    /// Go's zero time, in the first year.
    pub(super) fn zero() -> Self {
        Self {
            unix: -YEAR_ONE,
            nanos: 0,
            zone: Zone::Utc,
        }
    }

    /// The moment that these fields show where `offset` holds. Fields may be out of range; they carry over.
    pub(super) fn at(
        year: i64,
        month: i64,
        day: i64,
        seconds: i64,
        nanos: u32,
        zone: Zone,
    ) -> Option<Self> {
        let months = year.checked_mul(12)?.checked_add(month - 1)?;
        let days =
            days_before(months.div_euclid(12), months.rem_euclid(12))?.checked_add(day - 1)?;
        let unix = days
            .checked_mul(DAY)?
            .checked_add(seconds)?
            .checked_sub(i64::from(zone.offset()))?;
        Some(Self { unix, nanos, zone })
    }

    /// The same point in time elsewhere.
    pub(super) fn shown_in(&self, zone: Zone) -> Self {
        Self {
            zone,
            ..self.clone()
        }
    }

    /// What clock and calendar show.
    pub(super) fn civil(&self) -> Civil {
        civil(self.unix, self.zone.offset())
    }

    /// Later by that many nanoseconds.
    pub(super) fn plus(&self, nanos: i64) -> Self {
        let total = i64::from(self.nanos) + nanos.rem_euclid(1_000_000_000);
        Self {
            unix: self
                .unix
                .wrapping_add(nanos.div_euclid(1_000_000_000))
                .wrapping_add(total / 1_000_000_000),
            nanos: u32::try_from(total % 1_000_000_000).unwrap_or(0),
            zone: self.zone.clone(),
        }
    }

    /// Nanoseconds from `other` to this, as far as `i64` reaches.
    pub(super) fn since(&self, other: &Self) -> i64 {
        let nanos =
            |moment: &Self| i128::from(moment.unix) * 1_000_000_000 + i128::from(moment.nanos);
        let gap = nanos(self) - nanos(other);
        i64::try_from(gap).unwrap_or(if gap < 0 { i64::MIN } else { i64::MAX })
    }

    /// Nanoseconds since the last multiple of `step` after year 1.
    pub(super) fn behind(&self, step: i64) -> i64 {
        let since =
            (i128::from(self.unix) + i128::from(YEAR_ONE)) * 1_000_000_000 + i128::from(self.nanos);
        i64::try_from(since.rem_euclid(i128::from(step))).unwrap_or(0)
    }
}

/// Fields of a moment at an offset. Go counts seconds from [`FIRST`] without sign, so what is earlier wraps to far later.
pub(super) fn civil(unix: i64, offset: i32) -> Civil {
    let shown = i128::from(unix) + i128::from(offset);
    let shown = FIRST + (shown - FIRST).rem_euclid(1 << 64);
    let days = i64::try_from(shown.div_euclid(i128::from(DAY))).unwrap_or(0);
    let second = u32::try_from(shown.rem_euclid(i128::from(DAY))).unwrap_or(0);
    // Years counted from March, so that the leap day is the last one.
    let since = days + 719_468;
    let (era, day_of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let year_day = days - days_before(year, 0).unwrap_or(days) + 1;
    let small = |value: i64| u32::try_from(value).unwrap_or(0);
    Civil {
        year,
        month: small(month),
        day: small(day),
        year_day: small(year_day),
        weekday: small((days + 4).rem_euclid(7)),
        hour: second / 3_600,
        minute: second / 60 % 60,
        second: second % 60,
    }
}

/// Days from 1970 to the first of a month (from 0).
fn days_before(year: i64, month: i64) -> Option<i64> {
    let year = if month < 2 {
        year.checked_sub(1)?
    } else {
        year
    };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 10) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era.checked_mul(146_097)?
        .checked_add(day_of_era)?
        .checked_sub(719_468)
}

/// Days of a month (from 1).
pub(super) fn days_in(year: i64, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}
