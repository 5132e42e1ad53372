//! Decimal numbers of any length, between `float64` on the way in and `float64` on the way out.

use num_bigint::{BigInt, Sign};

use crate::Fault;
use crate::format::shortest;

/// Places after the point in a quotient.
const QUOTIENT_PLACES: i64 = 16;

/// `digits · 10^exponent`.
pub(super) struct Decimal {
    digits: BigInt,
    exponent: i64,
}

impl Decimal {
    pub(super) fn zero() -> Self {
        Self {
            digits: BigInt::ZERO,
            exponent: 0,
        }
    }

    pub(super) fn one() -> Self {
        Self {
            digits: BigInt::from(1),
            exponent: 0,
        }
    }

    /// The shortest decimal number that stands for this float.
    pub(super) fn from_float(value: f64) -> Result<Self, Fault> {
        if !value.is_finite() {
            return Err(Fault::failed("not a decimal number"));
        }
        let (digits, exponent) = shortest(value.abs());
        let places = i64::try_from(digits.len()).unwrap_or(0) - 1;
        let magnitude: BigInt = digits.parse().unwrap_or(BigInt::ZERO);
        Ok(Self {
            digits: if value < 0.0 { -magnitude } else { magnitude },
            exponent: i64::from(exponent) - places,
        })
    }

    /// The nearest float; infinite if there is none.
    pub(super) fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent)
            .parse()
            .unwrap_or(f64::NAN)
    }

    /// Bytes that the digits take, at least one.
    pub(super) fn size(&self) -> usize {
        usize::try_from(self.digits.bits() / 8 + 1).unwrap_or(usize::MAX)
    }

    pub(super) fn add(&self, other: &Self) -> Result<Self, Fault> {
        let exponent = self.exponent.min(other.exponent);
        Ok(Self {
            digits: self.digits_at(exponent) + other.digits_at(exponent),
            exponent,
        })
    }

    pub(super) fn subtract(&self, other: &Self) -> Result<Self, Fault> {
        let exponent = self.exponent.min(other.exponent);
        Ok(Self {
            digits: self.digits_at(exponent) - other.digits_at(exponent),
            exponent,
        })
    }

    pub(super) fn multiply(&self, other: &Self) -> Result<Self, Fault> {
        Ok(Self {
            digits: &self.digits * &other.digits,
            exponent: self.exponent + other.exponent,
        })
    }

    /// To 16 places, halves away from zero.
    pub(super) fn divide(&self, other: &Self) -> Result<Self, Fault> {
        if other.digits == BigInt::ZERO {
            return Err(Fault::failed("decimal division by 0"));
        }
        // The quotient in units of the last place is dividend / divisor, both made whole.
        let shift = self.exponent - other.exponent + QUOTIENT_PLACES;
        let (dividend, divisor) = if shift >= 0 {
            (&self.digits * power_of_ten(shift), other.digits.clone())
        } else {
            (self.digits.clone(), &other.digits * power_of_ten(-shift))
        };
        let negative = (dividend.sign() == Sign::Minus) != (divisor.sign() == Sign::Minus);
        let (dividend, divisor) = (dividend.magnitude(), divisor.magnitude());
        let quotient = (dividend * 2_u32 + divisor) / (divisor * 2_u32);
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        Ok(Self {
            digits: BigInt::from_biguint(sign, quotient),
            exponent: -QUOTIENT_PLACES,
        })
    }

    /// The digits for an exponent that is not larger.
    fn digits_at(&self, exponent: i64) -> BigInt {
        &self.digits * power_of_ten(self.exponent - exponent)
    }
}

/// Exponents come from floats, and from a product of a few: the meter sees to that.
fn power_of_ten(exponent: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).unwrap_or(0))
}
