//! `--request-timeout`, as Kubernetes' own clients read it.

use std::time::Duration;

use crate::error::Failure;

/// Go's notation: a sum of numbers with units, or a bare number of seconds. Nothing, zero and less mean no limit of the user's.
///
/// # Errors
/// It is none of that.
pub(crate) fn timeout(text: &str) -> Result<Option<Duration>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let below_zero = text.strip_prefix('-');
    let number = below_zero.unwrap_or(text.strip_prefix('+').unwrap_or(text));
    let seconds = match number.parse::<u64>() {
        Ok(whole) => Some(whole as f64),
        Err(_) => go_duration(number),
    };
    let duration = seconds
        .filter(|_| !number.is_empty())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| {
            Failure::trouble(
                "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a \
                 corresponding time unit (e.g. 1s | 2m | 3h)",
            )
        })?;
    Ok(Some(duration).filter(|duration| below_zero.is_none() && !duration.is_zero()))
}

fn go_duration(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let factor = match unit {
            "ns" => 1e-9,
            // Go takes the micro sign and the Greek letter.
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_go_reads_them() {
        let seconds = |text| timeout(text).map(|limit| limit.map(|limit| limit.as_secs_f64()));
        assert_eq!(seconds("0"), Ok(None));
        assert_eq!(seconds("0s"), Ok(None));
        assert_eq!(seconds(""), Ok(None));
        assert_eq!(seconds("5"), Ok(Some(5.0)));
        assert_eq!(seconds("1h2m3.5s"), Ok(Some(3723.5)));
        assert_eq!(seconds("100ms"), Ok(Some(0.1)));
        assert_eq!(seconds("500000\u{b5}s"), Ok(Some(0.5)));
        assert_eq!(seconds("500000\u{3bc}s"), Ok(Some(0.5)));
        assert_eq!(seconds("-1s"), Ok(None));
        for bad in ["x", "5x", "s", "-", "--1s"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
