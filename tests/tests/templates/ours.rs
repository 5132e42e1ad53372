//! Signet's templates.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use signet_templates::{Env, Functions, Mode, Options, render};

use crate::case::{Case, Outcome};

/// What Signet makes of a case, with every function switched on.
pub(crate) fn outcome(case: &Case) -> Outcome {
    outcome_at(case, Timestamp::now())
}

/// The same, at another time.
pub(crate) fn outcome_at(case: &Case, now: Timestamp) -> Outcome {
    // A panic is a difference of its own: Go's failures are no excuse for it.
    panic::catch_unwind(AssertUnwindSafe(|| rendered(case, now))).unwrap_or(Outcome::Panicked)
}

fn rendered(case: &Case, now: Timestamp) -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut env = Env::new(now, &mut rng);
    let templates = BTreeMap::from([(case.name.as_str(), case.template.as_str())]);
    let data = case
        .data
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_slice()))
        .collect();
    let options = Options {
        mode: Mode::Full,
        functions: Functions::All,
    };
    match render(&templates, &data, options, &mut env) {
        Ok(mut rendered) => match rendered.remove(&case.name) {
            Some(bytes) => Outcome::Output(bytes.to_vec()),
            None => Outcome::Failed("nothing was rendered".to_owned()),
        },
        Err(error) => Outcome::Failed(format!("{:?}: {error}", error.kind)),
    }
}
