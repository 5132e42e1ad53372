//! How often an object may be refused with an answer about values: its templates fail, or it compares with an immutable
//! Secret (docs/trust.md row 9).
//!
//! Each failure answers a question about values to somebody who may write the object. The answer cannot be withheld,
//! but it can be made slow.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::index::ObjectKey;

/// Between two failures of the templates of one object.
const REST: Duration = Duration::from_secs(10);

/// When the templates of objects failed last. An object that is deleted and made again is still the same one here.
#[derive(Default)]
pub struct Brake {
    failed: Mutex<HashMap<ObjectKey, Instant>>,
}

impl Brake {
    /// Notes that the templates of an object failed.
    pub fn note(&self, key: &ObjectKey) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, at| at.elapsed() < REST);
        failed.insert(key.clone(), Instant::now());
    }

    /// How long they must rest; `None` if they may be tried.
    pub fn rest(&self, key: &ObjectKey) -> Option<Duration> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = REST.checked_sub(failed.get(key)?.elapsed())?;
        (!rest.is_zero()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failure_rests_for_ten_seconds_and_others_do_not() {
        let brake = Brake::default();
        let key = |name: &str| ObjectKey {
            namespace: "ns".into(),
            name: name.into(),
        };
        assert_eq!(brake.rest(&key("a")), None);
        brake.note(&key("a"));
        assert_eq!(brake.rest(&key("a")), Some(REST));
        assert_eq!(brake.rest(&key("b")), None);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(brake.rest(&key("a")), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(brake.rest(&key("a")), None);
        brake.note(&key("b"));
        assert_eq!(
            brake.failed.lock().unwrap().len(),
            1,
            "old ones are dropped"
        );
    }
}
