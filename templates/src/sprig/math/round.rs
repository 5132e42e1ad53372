//! `round`: to a number of decimal places, by scaling with a power of ten.

/// Rounds up from `up_from` in the first dropped place, else down; negative numbers too, so -0.4 becomes -1.
pub(super) fn round(value: f64, places: i64, up_from: f64) -> f64 {
    let power = power_of_ten(places);
    let scaled = power * value;
    let whole = if scaled.fract() >= up_from {
        scaled.ceil()
    } else {
        scaled.floor()
    };
    whole / power
}

/// Ten to a whole power as Go's `math.Pow` makes it: by squaring, with the exponent of two apart, so that the last bit
/// is the same.
fn power_of_ten(exponent: i64) -> f64 {
    // 10 is 0.625 · 2^4.
    let (mut square, mut square_exponent) = (0.625_f64, 4_i64);
    let (mut result, mut result_exponent) = (1.0_f64, 0_i64);
    let mut rest = exponent.unsigned_abs();
    while rest != 0 {
        if square_exponent > 1 << 12 {
            // Beyond every float already.
            result_exponent += square_exponent;
            break;
        }
        if rest & 1 == 1 {
            result *= square;
            result_exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        rest >>= 1;
    }
    if exponent < 0 {
        result = 1.0 / result;
        result_exponent = -result_exponent;
    }
    scale(result, result_exponent)
}

/// `value · 2^exponent`, rounded once.
fn scale(value: f64, exponent: i64) -> f64 {
    let exponent = i32::try_from(exponent.clamp(-4000, 4000)).unwrap_or(0);
    if exponent < -1000 {
        // The first two steps are exact for every value between 1/4 and 2.
        value * 2.0_f64.powi(-500) * 2.0_f64.powi(-400) * 2.0_f64.powi(exponent + 900)
    } else {
        value * 2.0_f64.powi(exponent / 2) * 2.0_f64.powi(exponent - exponent / 2)
    }
}
