//! Turns on the cores, for work that takes long.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::State;
use crate::cores::Permit;

impl State {
    /// Runs CPU work on a blocking thread, at most one a core. Work that was begun keeps its core to its end, also when
    /// nobody waits for it any more.
    ///
    /// # Panics
    /// As `work` does.
    pub async fn on_cores<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        // No namespace has this name.
        on(self.cores.one(&"".into()).await, work).await
    }

    /// As [`State::on_cores`], in the turn of a namespace.
    ///
    /// # Panics
    /// As `work` does.
    pub async fn on_cores_for<T: Send + 'static>(
        &self,
        namespace: &Arc<str>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        on(self.cores.one(namespace).await, work).await
    }

    /// As [`State::on_cores_for`], while nothing else runs there.
    ///
    /// # Panics
    /// As `work` does.
    pub async fn alone_on_cores<T: Send + 'static>(
        &self,
        namespace: &Arc<str>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        on(self.cores.all(namespace).await, work).await
    }

    /// Whether a turn that is running should give way to those that wait: to all of them, but not for ever.
    pub fn others_wait(&self) -> bool {
        /// For so long after it was asked for the first time.
        const PATIENCE: Duration = Duration::from_secs(60);
        let since = self.gives_way.get_or_init(Instant::now);
        since.elapsed() < PATIENCE && !(self.is_ready() && self.queue.has_one_turn())
    }
}

async fn on<T: Send + 'static>(permit: Permit, work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(permit);
        done
    })
    .await;
    match done {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
