//! Welch's t-test over cropped samples.

/// Places at which the slowest runs are cropped, beside none at all: what the machine did meanwhile.
const CROPS: i32 = 10;
/// With fewer runs left, a place says nothing.
const FEWEST: usize = 100;

/// What two classes come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Comparison {
    /// The t of largest magnitude, over all places of cropping.
    pub(super) t: f64,
    /// The difference of the means at that place, in the unit of the samples.
    pub(super) difference: f64,
}

/// Compares two classes. The places are quantiles of both together, so that cropping favours neither.
pub(super) fn compare(a: &[f64], b: &[f64]) -> Comparison {
    let mut all: Vec<f64> = a.iter().chain(b).copied().collect();
    all.sort_by(f64::total_cmp);
    let limits = (1..=CROPS).filter_map(|crop| quantile(&all, 1.0 - 0.5_f64.powi(crop)));
    let mut worst = Comparison {
        t: 0.0,
        difference: 0.0,
    };
    for limit in limits.chain([f64::INFINITY]) {
        let (a, b) = (Summary::below(a, limit), Summary::below(b, limit));
        if let Some(t) = welch(&a, &b)
            && t.abs() > worst.t.abs()
        {
            let difference = a.mean - b.mean;
            worst = Comparison { t, difference };
        }
    }
    worst
}

/// The value below which this part of the sorted samples lies.
fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a part of a length"
    )]
    let at = (sorted.len() as f64 * part) as usize;
    sorted.get(at).copied()
}

/// Number, mean and sum of squared distances from it, after Welford.
#[derive(Debug, Clone, Copy, Default)]
struct Summary {
    count: usize,
    mean: f64,
    squares: f64,
}

impl Summary {
    fn below(samples: &[f64], limit: f64) -> Self {
        let mut summary = Self::default();
        samples
            .iter()
            .filter(|sample| **sample < limit)
            .for_each(|sample| summary.add(*sample));
        summary
    }

    fn add(&mut self, sample: f64) {
        self.count += 1;
        let distance = sample - self.mean;
        self.mean += distance / self.number();
        self.squares += distance * (sample - self.mean);
    }

    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 samples")]
    fn number(&self) -> f64 {
        self.count as f64
    }

    fn variance_of_mean(&self) -> f64 {
        self.squares / (self.number() - 1.0) / self.number()
    }
}

/// Welch's t, if there is enough to go by.
fn welch(a: &Summary, b: &Summary) -> Option<f64> {
    let spread = (a.variance_of_mean() + b.variance_of_mean()).sqrt();
    (a.count.min(b.count) >= FEWEST && spread > 0.0).then(|| (a.mean - b.mean) / spread)
}

#[cfg(test)]
mod tests {
    use rand::RngExt as _;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng as _;

    use super::*;

    /// Times as a machine gives them: mostly even, now and then much too long.
    fn samples(seed: u64, mean: f64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut one = || {
            let late = if rng.random_ratio(1, 50) {
                rng.random_range(0.0..5_000.0)
            } else {
                0.0
            };
            mean + rng.random_range(-20.0..20.0) + late
        };
        (0..20_000).map(|_| one()).collect()
    }

    #[test]
    fn t_is_welchs() {
        // Means 3 and 5, variances 2.5 and 10, five of each, often enough to count.
        let repeat = |values: [f64; 5]| -> Vec<f64> { values.repeat(20) };
        let (a, b) = (
            repeat([1.0, 2.0, 3.0, 4.0, 5.0]),
            repeat([1.0, 3.0, 5.0, 7.0, 9.0]),
        );
        let everything = |samples: &[f64]| Summary::below(samples, f64::INFINITY);
        let t = welch(&everything(&a), &everything(&b)).expect("enough");
        let expected = -2.0 / (200.0 / 99.0 / 100.0 + 800.0 / 99.0 / 100.0_f64).sqrt();
        assert!((t - expected).abs() < 1e-9, "{t} {expected}");
    }

    #[test]
    fn equal_classes_do_not_differ_and_a_small_difference_is_seen_behind_outliers() {
        let base = samples(1, 1_000.0);
        let same = compare(&base, &samples(2, 1_000.0));
        assert!(same.t.abs() < 4.5, "{same:?}");
        let slower = compare(&base, &samples(3, 1_003.0));
        assert!(slower.t < -10.0, "{slower:?}");
        assert!((-4.0..-2.0).contains(&slower.difference), "{slower:?}");
        let cropped = compare(&samples(3, 1_003.0), &base);
        assert!(cropped.t > 10.0, "{cropped:?}");
    }

    #[test]
    fn too_few_samples_say_nothing() {
        assert_eq!(compare(&[1.0, 2.0], &[9.0, 10.0]).t, 0.0);
        assert_eq!(compare(&[], &[]).t, 0.0);
        assert_eq!(compare(&[5.0; 500], &[5.0; 500]).t, 0.0);
    }
}
