//! What measurements come to.

use std::fmt;
use std::process::ExitCode;

/// Below this |t|, no difference is seen.
const NOT_SEEN: f64 = 4.5;
/// Above this, there is one.
const SEEN: f64 = 10.0;

/// The largest |t| of a measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Measured {
    /// Of classes that are equal.
    control: f64,
    /// Of classes that are not.
    worst: f64,
}

impl Measured {
    /// Adds a pair of classes.
    pub(super) fn add(&mut self, control: bool, t: f64) {
        let largest = if control {
            &mut self.control
        } else {
            &mut self.worst
        };
        *largest = largest.max(t.abs());
    }
}

/// What all measurements say together, with the t that decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// Equal classes differ: the place or the machine is measured, and not the code.
    EqualClassesDiffer(f64),
    /// A planted leak was not seen, so that no other would have been.
    TooCoarse(f64),
    /// There is a difference.
    Different(f64),
    /// Neither seen nor excluded.
    Unclear(f64),
    /// None is seen.
    Alike(f64),
}

impl Verdict {
    /// From what was measured as it is, and with a leak planted.
    pub(super) fn of(real: &[Measured], planted: &[Measured]) -> Self {
        let control = real.iter().chain(planted).map(|measured| measured.control);
        let control = control.fold(0.0, f64::max);
        let least = planted.iter().map(|measured| measured.worst);
        let least = least.fold(f64::INFINITY, f64::min);
        let worst = real.iter().map(|measured| measured.worst);
        let worst = worst.fold(0.0, f64::max);
        if control >= NOT_SEEN {
            Self::EqualClassesDiffer(control)
        } else if least <= SEEN {
            Self::TooCoarse(least)
        } else if worst >= SEEN {
            Self::Different(worst)
        } else if worst >= NOT_SEEN {
            Self::Unclear(worst)
        } else {
            Self::Alike(worst)
        }
    }

    /// 0 if there is no certain difference, 1 if there is one, 2 if nothing can be said.
    pub(super) fn exit_code(self) -> ExitCode {
        match self {
            Self::Alike(_) | Self::Unclear(_) => ExitCode::SUCCESS,
            Self::Different(_) => ExitCode::FAILURE,
            Self::EqualClassesDiffer(_) | Self::TooCoarse(_) => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EqualClassesDiffer(t) => write!(
                f,
                "not measurable here: equal classes differ with |t| = {t:.2} (must be below {NOT_SEEN})"
            ),
            Self::TooCoarse(t) => write!(
                f,
                "not measurable here: a planted leak shows |t| = {t:.2} only (must be above {SEEN})"
            ),
            Self::Different(t) => write!(f, "there is a difference: |t| = {t:.2}"),
            Self::Unclear(t) => {
                write!(
                    f,
                    "unclear: |t| = {t:.2}, between {NOT_SEEN} and {SEEN}; measure more"
                )
            }
            Self::Alike(t) => write!(f, "no difference is seen: |t| = {t:.2} at most"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(control: f64, worst: f64) -> Measured {
        Measured { control, worst }
    }

    #[test]
    fn a_difference_counts_only_if_equal_classes_are_alike_and_planted_leaks_are_seen() {
        let (good, leak) = (measured(1.0, 2.0), measured(2.0, 50.0));
        let of = |real, planted| Verdict::of(&[good, real], &[leak, planted]);
        assert_eq!(of(good, leak), Verdict::Alike(2.0));
        assert_eq!(of(measured(1.0, 6.0), leak), Verdict::Unclear(6.0));
        assert_eq!(of(measured(1.0, 60.0), leak), Verdict::Different(60.0));
        assert_eq!(of(measured(1.0, 60.0), good), Verdict::TooCoarse(2.0));
        let uneven = measured(5.0, 60.0);
        assert_eq!(of(uneven, leak), Verdict::EqualClassesDiffer(5.0));
        assert_eq!(of(good, uneven), Verdict::EqualClassesDiffer(5.0));
    }

    #[test]
    fn the_largest_t_of_either_sign_counts() {
        let mut both = Measured::default();
        for (control, t) in [(true, -3.0), (true, 1.0), (false, 2.0), (false, -7.0)] {
            both.add(control, t);
        }
        assert_eq!(both, measured(3.0, 7.0));
    }
}
