//! Times, durations, months, days of the week and zones as templates see them.

use std::any::Any;
use std::rc::Rc;

use super::layout::{DAYS, MONTHS};
use super::moment::{Civil, Moment, Zone};
use super::{GROWTH, duration, format};
use crate::value::is_object;
use crate::{Call, Entry, Fault, Kind, Object, Param, Type, Value};
use Param::{Int, Named, Str};

pub(super) const TIME: &str = "time.Time";
const DURATION: &str = "time.Duration";
const LOCATION: &str = "*time.Location";

/// A `time.Time`.
pub(super) struct Time(pub(super) Moment);
/// A `time.Duration`, in nanoseconds.
struct Duration(i64);
/// A `time.Month`, from 1, or a `time.Weekday`, from 0.
struct Named12 {
    type_name: &'static str,
    names: &'static [&'static str],
    first: i64,
    number: i64,
}
/// A `*time.Location`.
struct Location(Zone);

/// A time as a value, charged.
pub(super) fn value(call: &mut Call<'_, '_>, moment: Moment) -> Result<Value, Fault> {
    object(call, Time(moment))
}

fn object(call: &mut Call<'_, '_>, object: impl Object + 'static) -> Result<Value, Fault> {
    call.env.meter.allocate(size_of_val(&object) + 48)?;
    Ok(Value::Object(Rc::new(object)))
}

/// What a number in a template is where a duration is wanted.
pub(crate) fn duration_value(nanos: i64) -> Value {
    Value::Object(Rc::new(Duration(nanos)))
}

fn receiver<'a, T: 'static + Object>(call: &Call<'a, '_>) -> Result<&'a T, Fault> {
    call.object(call.receiver.ok_or(Fault::wrong_type())?)
}

fn this<'a>(call: &Call<'a, '_>) -> Result<&'a Moment, Fault> {
    Ok(&receiver::<Time>(call)?.0)
}

fn other<'a>(call: &Call<'a, '_>) -> Result<&'a Moment, Fault> {
    Ok(&call.object::<Time>(call.any(0)?)?.0)
}

fn nanos(call: &Call<'_, '_>) -> Result<i64, Fault> {
    Ok(call.object::<Duration>(call.any(0)?)?.0)
}

fn field(call: &Call<'_, '_>, of: impl Fn(&Civil) -> i64) -> Result<Value, Fault> {
    Ok(Value::Int(of(&this(call)?.civil())))
}

fn compared(call: &Call<'_, '_>) -> Result<std::cmp::Ordering, Fault> {
    let (this, other) = (this(call)?, other(call)?);
    Ok((this.unix, this.nanos).cmp(&(other.unix, other.nanos)))
}

/// Seconds times `scale` and the fraction in that unit; wraps as in Go.
fn unix(call: &Call<'_, '_>, scale: i64) -> Result<Value, Fault> {
    let moment = this(call)?;
    let fraction = i64::from(moment.nanos) / (1_000_000_000 / scale);
    Ok(Value::Int64(
        moment.unix.wrapping_mul(scale).wrapping_add(fraction),
    ))
}

fn in_zone(call: &mut Call<'_, '_>, zone: Zone) -> Result<Value, Fault> {
    let moment = this(call)?.shown_in(zone);
    value(call, moment)
}

const TIME_METHODS: &[Entry] = &[
    Entry::new("Add", &[Named(DURATION)], |call| {
        let moment = this(call)?.plus(nanos(call)?);
        value(call, moment)
    }),
    Entry::new("AddDate", &[Int, Int, Int], add_date),
    Entry::new("After", &[Named(TIME)], |call| {
        Ok(Value::Bool(compared(call)?.is_gt()))
    }),
    Entry::new("Before", &[Named(TIME)], |call| {
        Ok(Value::Bool(compared(call)?.is_lt()))
    }),
    Entry::new("Compare", &[Named(TIME)], |call| {
        Ok(Value::Int(compared(call)? as i64))
    }),
    Entry::new("Day", &[], |call| field(call, |it| i64::from(it.day))),
    Entry::new("Equal", &[Named(TIME)], |call| {
        Ok(Value::Bool(compared(call)?.is_eq()))
    }),
    Entry::new("Format", &[Str], |call| {
        let (moment, layout) = (this(call)?, call.str(0)?);
        call.room(layout.len().saturating_mul(GROWTH))?;
        call.work(layout.len().saturating_mul(64))?;
        call.text(format::format(moment, layout))
    }),
    Entry::new("Hour", &[], |call| field(call, |it| i64::from(it.hour))),
    Entry::new("In", &[Named(LOCATION)], |call| {
        let zone = call.object::<Location>(call.any(0)?)?.0.clone();
        in_zone(call, zone)
    }),
    Entry::new("IsDST", &[], |_| Ok(Value::Bool(false))),
    Entry::new("IsZero", &[], |call| {
        let (moment, zero) = (this(call)?, Moment::zero());
        Ok(Value::Bool(
            (moment.unix, moment.nanos) == (zero.unix, zero.nanos),
        ))
    }),
    Entry::new("Local", &[], |call| in_zone(call, Zone::Local)),
    Entry::new("Location", &[], |call| {
        let zone = this(call)?.zone.clone();
        object(call, Location(zone))
    }),
    Entry::new("MarshalJSON", &[], |call| {
        let text = rfc3339(this(call)?).ok_or(OUT_OF_RANGE)?;
        bytes(call, &[b"\"", &text[..], b"\""].concat())
    }),
    Entry::new("MarshalText", &[], |call| {
        let text = rfc3339(this(call)?).ok_or(OUT_OF_RANGE)?;
        bytes(call, &text)
    }),
    Entry::new("Minute", &[], |call| field(call, |it| i64::from(it.minute))),
    Entry::new("Month", &[], |call| {
        let number = i64::from(this(call)?.civil().month);
        object(
            call,
            Named12 {
                type_name: "time.Month",
                names: &MONTHS,
                first: 1,
                number,
            },
        )
    }),
    Entry::new("Nanosecond", &[], |call| {
        Ok(Value::Int(i64::from(this(call)?.nanos)))
    }),
    Entry::new("Round", &[Named(DURATION)], |call| {
        let (moment, step) = (this(call)?, nanos(call)?);
        let behind = if step > 0 { moment.behind(step) } else { 0 };
        let down = behind.unsigned_abs() * 2 < step.unsigned_abs() || step <= 0;
        let moment = moment.plus(if down { -behind } else { step - behind });
        value(call, moment)
    }),
    Entry::new("Second", &[], |call| field(call, |it| i64::from(it.second))),
    Entry::new("String", &[], |call| call.text(format::text(this(call)?))),
    Entry::new("Sub", &[Named(TIME)], |call| {
        let gap = this(call)?.since(other(call)?);
        object(call, Duration(gap))
    }),
    Entry::new("Truncate", &[Named(DURATION)], |call| {
        let (moment, step) = (this(call)?, nanos(call)?);
        let moment = moment.plus(if step > 0 { -moment.behind(step) } else { 0 });
        value(call, moment)
    }),
    Entry::new("UTC", &[], |call| in_zone(call, Zone::Utc)),
    Entry::new("Unix", &[], |call| unix(call, 1)),
    Entry::new("UnixMicro", &[], |call| unix(call, 1_000_000)),
    Entry::new("UnixMilli", &[], |call| unix(call, 1_000)),
    Entry::new("UnixNano", &[], |call| unix(call, 1_000_000_000)),
    Entry::new("Weekday", &[], |call| {
        let number = i64::from(this(call)?.civil().weekday);
        object(
            call,
            Named12 {
                type_name: "time.Weekday",
                names: &DAYS,
                first: 0,
                number,
            },
        )
    }),
    Entry::new("Year", &[], |call| field(call, |it| it.year)),
    Entry::new("YearDay", &[], |call| {
        field(call, |it| i64::from(it.year_day))
    }),
];

const OUT_OF_RANGE: Fault = Fault::failed("time out of range");

fn add_date(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let moment = this(call)?;
    let shown = moment.civil();
    let seconds = i64::from(shown.hour * 3_600 + shown.minute * 60 + shown.second);
    let sum = |field: i64, index| field.checked_add(call.int(index).ok()?);
    let moved = || {
        let (year, month) = (sum(shown.year, 0)?, sum(i64::from(shown.month), 1)?);
        let day = sum(i64::from(shown.day), 2)?;
        Moment::at(year, month, day, seconds, moment.nanos, moment.zone.clone())
    };
    let moved = moved().ok_or(OUT_OF_RANGE)?;
    value(call, moved)
}

/// As `encoding/json` writes it; years have four digits and offsets no seconds.
fn rfc3339(moment: &Moment) -> Option<Vec<u8>> {
    let offset = moment.zone.offset();
    let valid = (0..10_000).contains(&moment.civil().year) && offset.abs() < 24 * 3_600;
    valid.then(|| format::format(moment, b"2006-01-02T15:04:05.999999999Z07:00"))
}

fn bytes(call: &mut Call<'_, '_>, text: &[u8]) -> Result<Value, Fault> {
    call.list(
        Type::Uint8,
        text.iter().copied().map(Value::Uint8).collect(),
    )
}

/// A duration in larger units, whole and fraction apart as Go divides them.
#[expect(
    clippy::cast_precision_loss,
    reason = "the fraction is below one unit, the whole as in Go"
)]
fn float(call: &Call<'_, '_>, unit: i64) -> Result<Value, Fault> {
    let nanos = receiver::<Duration>(call)?.0;
    Ok(Value::Float64(
        (nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64,
    ))
}

fn whole(call: &Call<'_, '_>, unit: i64) -> Result<Value, Fault> {
    Ok(Value::Int64(receiver::<Duration>(call)?.0 / unit))
}

const DURATION_METHODS: &[Entry] = &[
    Entry::new("Abs", &[], |call| {
        let nanos = receiver::<Duration>(call)?.0.saturating_abs();
        object(call, Duration(nanos))
    }),
    Entry::new("Hours", &[], |call| float(call, 3_600_000_000_000)),
    Entry::new("Microseconds", &[], |call| whole(call, 1_000)),
    Entry::new("Milliseconds", &[], |call| whole(call, 1_000_000)),
    Entry::new("Minutes", &[], |call| float(call, 60_000_000_000)),
    Entry::new("Nanoseconds", &[], |call| whole(call, 1)),
    Entry::new("Round", &[Named(DURATION)], |call| {
        let nanos = duration::round(receiver::<Duration>(call)?.0, nanos(call)?);
        object(call, Duration(nanos))
    }),
    Entry::new("Seconds", &[], |call| float(call, 1_000_000_000)),
    Entry::new("String", &[], |call| {
        call.text(duration::text(receiver::<Duration>(call)?.0))
    }),
    Entry::new("Truncate", &[Named(DURATION)], |call| {
        let (this, step) = (receiver::<Duration>(call)?.0, nanos(call)?);
        object(
            call,
            Duration(if step <= 0 { this } else { this - this % step }),
        )
    }),
];

const NAME_METHODS: &[Entry] = &[Entry::new("String", &[], |call| {
    call.text(receiver::<Named12>(call)?.name())
})];

const LOCATION_METHODS: &[Entry] = &[Entry::new("String", &[], |call| {
    call.text(receiver::<Location>(call)?.0.name().as_bytes())
})];

impl Named12 {
    fn name(&self) -> &'static [u8] {
        let place = usize::try_from(self.number - self.first).ok();
        place
            .and_then(|place| self.names.get(place))
            .map_or(b"", |name| name.as_bytes())
    }
}

fn method(methods: &'static [Entry], name: &str) -> Option<&'static Entry> {
    methods.iter().find(|method| method.name == name)
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        TIME
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn string(&self) -> Option<Vec<u8>> {
        Some(format::text(&self.0))
    }

    fn go_string(&self) -> Option<Vec<u8>> {
        Some(format::go_text(&self.0))
    }

    fn method(&self, name: &str) -> Option<&'static Entry> {
        method(TIME_METHODS, name)
    }

    fn json(&self) -> Option<Vec<u8>> {
        Some([b"\"", &rfc3339(&self.0)?[..], b"\""].concat())
    }

    fn deep_equal(&self, other: &dyn Object) -> bool {
        is_object(other, |other: &Self| self.0 == other.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for Duration {
    fn type_name(&self) -> &'static str {
        DURATION
    }

    fn kind(&self) -> Kind {
        Kind::Int64
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::Int64(self.0))
    }

    fn string(&self) -> Option<Vec<u8>> {
        Some(duration::text(self.0).into_bytes())
    }

    fn method(&self, name: &str) -> Option<&'static Entry> {
        method(DURATION_METHODS, name)
    }

    fn json(&self) -> Option<Vec<u8>> {
        Some(self.0.to_string().into_bytes())
    }

    fn deep_equal(&self, other: &dyn Object) -> bool {
        is_object(other, |other: &Self| self.0 == other.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for Named12 {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn kind(&self) -> Kind {
        Kind::Int
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::Int(self.number))
    }

    fn string(&self) -> Option<Vec<u8>> {
        Some(self.name().to_vec())
    }

    fn method(&self, name: &str) -> Option<&'static Entry> {
        method(NAME_METHODS, name)
    }

    fn json(&self) -> Option<Vec<u8>> {
        Some(self.number.to_string().into_bytes())
    }

    fn deep_equal(&self, other: &dyn Object) -> bool {
        let same = |other: &Self| (self.type_name, self.number) == (other.type_name, other.number);
        is_object(other, same)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for Location {
    fn type_name(&self) -> &'static str {
        LOCATION
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn string(&self) -> Option<Vec<u8>> {
        Some(self.0.name().as_bytes().to_vec())
    }

    fn method(&self, name: &str) -> Option<&'static Entry> {
        method(LOCATION_METHODS, name)
    }

    fn json(&self) -> Option<Vec<u8>> {
        Some(b"{}".to_vec())
    }

    fn deep_equal(&self, other: &dyn Object) -> bool {
        is_object(other, |other: &Self| self.0 == other.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
