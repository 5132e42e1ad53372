//! Turns on the cores, for work that takes long: namespaces take turns, and within one the oldest is first, so that no tenant
//! makes another wait for all that it has (docs/trust.md row 7).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Who gets a core next.
pub(crate) struct Cores {
    all: u32,
    state: Mutex<State>,
}

struct State {
    free: u32,
    /// Whose turn it is, the next first. No line is empty.
    lines: VecDeque<(Arc<str>, VecDeque<Ask>)>,
}

struct Ask {
    cores: u32,
    grant: oneshot::Sender<Permit>,
}

/// One core or all of them, until it is dropped.
pub(crate) struct Permit {
    from: Arc<Cores>,
    cores: u32,
}

impl Cores {
    /// So many cores, all free.
    pub(crate) fn new(all: u32) -> Arc<Self> {
        let state = State {
            free: all,
            lines: VecDeque::new(),
        };
        Arc::new(Self {
            all,
            state: Mutex::new(state),
        })
    }

    /// Waits for a core; nobody waits for ever, as namespaces take turns.
    pub(crate) async fn one(self: &Arc<Self>, namespace: &Arc<str>) -> Permit {
        self.take(1, namespace).await
    }

    /// Waits until nothing else has a core.
    pub(crate) async fn all(self: &Arc<Self>, namespace: &Arc<str>) -> Permit {
        self.take(self.all, namespace).await
    }

    async fn take(self: &Arc<Self>, cores: u32, namespace: &Arc<str>) -> Permit {
        let (grant, granted) = oneshot::channel();
        self.state().push(namespace, Ask { cores, grant });
        self.give();
        match granted.await {
            Ok(permit) => permit,
            Err(_) => unreachable!("an ask is granted before it is dropped"),
        }
    }

    /// Gives what is free to those whose turn it is. Who needs more than there is keeps others behind it.
    fn give(self: &Arc<Self>) {
        // Those whose askers have gone give back when the lock is free.
        let mut unwanted = Vec::new();
        let mut state = self.state();
        while let Some(ask) = state.next() {
            state.free -= ask.cores;
            let permit = Permit {
                from: Arc::clone(self),
                cores: ask.cores,
            };
            unwanted.extend(ask.grant.send(permit).err());
        }
        drop(state);
        drop(unwanted);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn free(&self) -> u32 {
        self.state().free
    }
}

impl State {
    fn push(&mut self, namespace: &Arc<str>, ask: Ask) {
        match self.lines.iter_mut().find(|(of, _)| of == namespace) {
            Some((_, line)) => line.push_back(ask),
            None => self
                .lines
                .push_back((Arc::clone(namespace), VecDeque::from([ask]))),
        }
    }

    /// Takes the ask whose turn it is out of its line, if there is enough for it.
    fn next(&mut self) -> Option<Ask> {
        let (_, line) = self.lines.front()?;
        if line.front()?.cores > self.free {
            return None;
        }
        let (namespace, mut line) = self.lines.pop_front()?;
        let ask = line.pop_front();
        if !line.is_empty() {
            self.lines.push_back((namespace, line));
        }
        ask
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.from.state().free += self.cores;
        self.from.give();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::StreamExt as _;
    use futures::stream::FuturesUnordered;

    use super::*;

    #[tokio::test]
    async fn namespaces_take_turns_and_the_oldest_of_one_is_first() {
        let cores = Cores::new(1);
        let held = cores.one(&"a".into()).await;
        let asked = FuturesUnordered::new();
        for (number, namespace) in ["a", "a", "a", "b", "c", "b"].into_iter().enumerate() {
            let cores = &cores;
            let mut ask = Box::pin(async move {
                cores.one(&namespace.into()).await;
                number
            });
            assert_eq!(futures::poll!(&mut ask), Poll::Pending);
            asked.push(ask);
        }
        drop(held);
        let order: Vec<_> = asked.collect().await;
        assert_eq!(order, [0, 3, 4, 1, 5, 2]);
        assert_eq!(cores.free(), 1);
    }

    #[tokio::test]
    async fn who_wants_all_waits_for_all_and_others_behind_it() {
        let cores = Cores::new(2);
        let held = cores.one(&"a".into()).await;
        let (a, b) = ("a".into(), "b".into());
        let mut all = Box::pin(cores.all(&a));
        assert!(futures::poll!(&mut all).is_pending());
        let mut one = Box::pin(cores.one(&b));
        assert!(futures::poll!(&mut one).is_pending());
        drop(held);
        let whole = all.await;
        assert!(futures::poll!(&mut one).is_pending());
        drop(whole);
        drop(one.await);
        assert_eq!(cores.free(), 2);
    }

    #[tokio::test]
    async fn who_goes_away_keeps_nothing() {
        let cores = Cores::new(1);
        let namespace = "a".into();
        let held = cores.one(&namespace).await;
        let mut gone = Box::pin(cores.one(&namespace));
        assert!(futures::poll!(&mut gone).is_pending());
        drop(gone);
        let mut granted = Box::pin(cores.one(&namespace));
        assert!(futures::poll!(&mut granted).is_pending());
        drop(held);
        // It has its core, and goes away before it looks.
        drop(granted);
        assert_eq!(cores.free(), 1);
    }
}
