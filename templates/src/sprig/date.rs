//! sprig: times and durations. The local zone is UTC, as in upstream's image; zones by name come from the
//! database that is built in.

mod duration;
mod format;
mod layout;
mod moment;
mod object;
mod parse;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::{Call, Entry, Fault, Param, Value};
use Param::{Any, Named, Str};
use moment::{Moment, Zone};
use object::{TIME, Time};

pub(crate) use object::duration_value;

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("ago", &[Any], ago).varies(),
    // A date of another type than expected is taken for now.
    Entry::new("date", &[Str, Any], date).varies(),
    Entry::new("dateInZone", &[Str, Any, Str], date_in_zone).varies(),
    Entry::new("dateModify", &[Str, Named(TIME)], date_modify),
    Entry::new("date_in_zone", &[Str, Any, Str], date_in_zone).varies(),
    Entry::new("date_modify", &[Str, Named(TIME)], date_modify),
    Entry::new("duration", &[Any], duration),
    Entry::new("durationRound", &[Any], duration_round).varies(),
    Entry::new("htmlDate", &[Any], html_date).varies(),
    Entry::new("htmlDateInZone", &[Any, Str], html_date_in_zone).varies(),
    Entry::new("mustDateModify", &[Str, Named(TIME)], must_date_modify),
    Entry::new("mustToDate", &[Str, Str], must_to_date),
    Entry::new("must_date_modify", &[Str, Named(TIME)], must_date_modify),
    Entry::new("now", &[], now).varies(),
    Entry::new("toDate", &[Str, Str], to_date),
    Entry::new("unixEpoch", &[Named(TIME)], unix_epoch),
];

fn current(call: &Call<'_, '_>) -> Moment {
    let now = call.env.now;
    let nanos = i64::from(now.subsec_nanosecond());
    Moment {
        unix: now.as_second(),
        nanos: 0,
        zone: Zone::Local,
    }
    .plus(nanos)
}

fn now(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let now = current(call);
    object::value(call, now)
}

fn at_second(unix: i64) -> Moment {
    Moment {
        unix,
        nanos: 0,
        zone: Zone::Local,
    }
}

fn time(value: &Value) -> Option<Moment> {
    match value {
        Value::Object(object) => Some(object.as_any().downcast_ref::<Time>()?.0.clone()),
        _ => None,
    }
}

/// A time, or seconds since 1970; anything else is now.
fn moment(call: &Call<'_, '_>, value: &Value) -> Moment {
    match value {
        Value::Int(unix) | Value::Int64(unix) => at_second(*unix),
        Value::Int32(unix) => at_second(i64::from(*unix)),
        value => time(value).unwrap_or_else(|| current(call)),
    }
}

fn date(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let shown = moment(call, call.any(1)?).shown_in(Zone::Local);
    formatted(call, &shown, call.str(0)?, b"Local")
}

fn date_in_zone(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let shown = moment(call, call.any(1)?);
    formatted(call, &shown, call.str(0)?, call.str(2)?)
}

fn html_date(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let shown = moment(call, call.any(0)?);
    formatted(call, &shown, HTML, b"Local")
}

fn html_date_in_zone(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let shown = moment(call, call.any(0)?);
    formatted(call, &shown, HTML, call.str(1)?)
}

/// The layout of a date in a form of HTML.
const HTML: &[u8] = b"2006-01-02";

/// The most bytes that one byte of a layout can make: `1` is a month, `__2` a day of the year.
const GROWTH: usize = 12;

fn formatted(
    call: &mut Call<'_, '_>,
    shown: &Moment,
    layout: &[u8],
    zone: &[u8],
) -> Result<Value, Fault> {
    call.room(layout.len().saturating_mul(GROWTH))?;
    call.work(layout.len().saturating_mul(64))?;
    let text = match zone_of(zone) {
        None => format::format(&shown.shown_in(Zone::Utc), layout),
        Some(zone) => {
            let at = Timestamp::from_second(near(shown.unix)).unwrap_or(Timestamp::MIN);
            let info = zone.to_offset_info(at);
            format::format_at(shown, layout, info.offset().seconds(), info.abbreviation())
        }
    };
    call.text(text)
}

/// A time before year 9999 at which zones do the same: the calendar repeats after 400 years.
fn near(unix: i64) -> i64 {
    const YEARS_400: i64 = 146_097 * 86_400;
    const YEAR_9999: i64 = 253_370_764_800;
    let beyond = unix.saturating_sub(YEAR_9999);
    if beyond > 0 {
        unix - (beyond / YEARS_400 + 1) * YEARS_400
    } else {
        unix
    }
}

/// The zone of that name in the database. Unlike files, names in it have no case.
fn zone_of(name: &[u8]) -> Option<TimeZone> {
    let name = str::from_utf8(name).ok()?;
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    (zone.iana_name() == Some(name)).then_some(zone)
}

fn to_date(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    call.work(call.str(0)?.len().saturating_mul(64))?;
    let moment = parse::parse(call.str(0)?, call.str(1)?).unwrap_or_else(Moment::zero);
    object::value(call, moment)
}

fn must_to_date(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    call.work(call.str(0)?.len().saturating_mul(64))?;
    let moment =
        parse::parse(call.str(0)?, call.str(1)?).ok_or(Fault::failed("cannot parse time"))?;
    object::value(call, moment)
}

fn date_modify(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let moment = time(call.any(1)?).ok_or(Fault::wrong_type())?;
    let moved = match duration::parse(call.str(0)?) {
        Some(nanos) => moment.plus(nanos),
        None => moment,
    };
    object::value(call, moved)
}

fn must_date_modify(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let moment = time(call.any(1)?).ok_or(Fault::wrong_type())?;
    let nanos = duration::parse(call.str(0)?).ok_or(Fault::failed("invalid duration"))?;
    object::value(call, moment.plus(nanos))
}

fn unix_epoch(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let moment = time(call.any(0)?).ok_or(Fault::wrong_type())?;
    call.text(moment.unix.to_string())
}

fn ago(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let then = match call.any(0)? {
        Value::Int(unix) | Value::Int64(unix) => at_second(*unix),
        value => time(value).unwrap_or_else(|| current(call)),
    };
    let since = current(call).since(&then);
    call.text(duration::text(duration::round(since, 1_000_000_000)))
}

/// Seconds, as a text or an `int64`; anything else is none.
fn duration(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let seconds = match call.any(0)? {
        Value::Int64(seconds) => *seconds,
        Value::Str(text) => str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0),
        _ => 0,
    };
    call.text(duration::text(seconds.wrapping_mul(1_000_000_000)))
}

fn duration_round(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let nanos = match call.any(0)? {
        Value::Str(text) => duration::parse(text).unwrap_or(0),
        Value::Int64(nanos) => *nanos,
        value => time(value).map_or(0, |then| current(call).since(&then)),
    };
    call.text(duration::rough(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: Option<Moment>) -> String {
        text.map_or("none".to_owned(), |moment| {
            String::from_utf8(format::text(&moment)).unwrap()
        })
    }

    /// What Go 1.26 printed.
    #[test]
    fn times_are_read_and_written_by_example() {
        let moment = Moment {
            unix: 1_714_979_289,
            nanos: 120_000_000,
            zone: Zone::Local,
        };
        let layout = b"2006 06 01 1 Jan January 02 2 _2 002 __2 Mon Monday 15 03 3 PM pm 04 4 05 5 .000 .999";
        let text = String::from_utf8(format::format(&moment, layout)).unwrap();
        let expected =
            "2024 24 05 5 May May 06 6  6 127 127 Mon Monday 07 07 7 AM am 08 8 09 9 .120 .12";
        assert_eq!(text, expected);
        let read =
            |layout: &str, text: &str| shown(parse::parse(layout.as_bytes(), text.as_bytes()));
        assert_eq!(
            read("2006-01-02 -0700", "2024-05-06 +0130"),
            "2024-05-06 00:00:00 +0130 +0130"
        );
        assert_eq!(
            read("2006-01-02 MST", "2024-05-06 CET"),
            "2024-05-06 00:00:00 +0000 CET"
        );
        assert_eq!(
            read("2006-01-02 MST", "2024-05-06 GMT+3"),
            "2024-05-06 03:00:00 +0300 GMT+3"
        );
        assert_eq!(
            read("2006 002", "2024 060"),
            "2024-02-29 00:00:00 +0000 UTC"
        );
        assert_eq!(
            read("15:04:05", "07:08:09,25"),
            "0000-01-01 07:08:09.25 +0000 UTC"
        );
        assert_eq!(read("Janet 2", "Janet 2"), "0000-01-02 00:00:00 +0000 UTC");
        assert_eq!(read("2006-01-02", "2023-02-29"), "none");
    }

    #[test]
    fn zones_are_known_by_their_exact_names() {
        assert!(zone_of(b"Europe/Berlin").is_some());
        for name in [&b"europe/berlin"[..], b"", b"Local", b"../etc", b"bad"] {
            assert!(zone_of(name).is_none());
        }
    }

    #[test]
    fn durations_are_read_and_rounded() {
        let read = |text: &str| duration::parse(text.as_bytes()).map(duration::text);
        assert_eq!(read("-1.5h").as_deref(), Some("-1h30m0s"));
        assert_eq!(read("1h30m0.25s").as_deref(), Some("1h30m0.25s"));
        assert_eq!(read("2562047h47m16.854775808s"), None);
        assert_eq!(read("1h 2m"), None);
        assert_eq!(duration::rough(2_400 * 3_600 * 1_000_000_000), "3mo");
        assert_eq!(duration::rough(3_600 * 1_000_000_000), "60m");
    }
}
