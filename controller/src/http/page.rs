//! The page of metrics: rendered once at a time, for all who wait for it, however many ask (docs/trust.md row 12).
//!
//! Nobody gets a page that was begun before he asked. A page with ten thousand objects is megabytes, and a tenth of a second
//! of a core: after one, the next rests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::response::Parts;
use axum::response::Response;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use tokio::time::Instant;

use super::room::{Room, Share, answer_holding};

/// Times the work on a page is what rests after it: one that is rendered again and again takes a tenth of a core.
const REST: u32 = 9;
/// Longest rest.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// Room that is taken before the size of a page is known.
const FIRST_GUESS: usize = 64 * 1024;

/// A page, and the room that it takes.
pub(super) struct Page {
    text: Bytes,
    _share: Share,
}

impl Page {
    /// An answer with this page, which others may read as well.
    pub(super) fn answer(self: Arc<Self>, parts: Parts) -> Response {
        let text = self.text.clone();
        answer_holding(self, parts, text)
    }
}

/// Makes pages.
#[derive(Clone)]
pub(super) struct Pages(Arc<Inner>);

struct Inner {
    room: Room,
    /// The page that has not been begun; those who ask now wait for it.
    next: Mutex<Option<Next>>,
    last: tokio::sync::Mutex<Last>,
}

type Next = Shared<BoxFuture<'static, Option<Arc<Page>>>>;

/// What is remembered of the last page.
struct Last {
    size: usize,
    rests_until: Instant,
}

impl Pages {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            room: Room::new(),
            next: Mutex::default(),
            last: tokio::sync::Mutex::new(Last {
                size: FIRST_GUESS,
                rests_until: Instant::now(),
            }),
        }))
    }

    /// The next page; `None` if there is no room for it. It is made to its end if its client goes away: otherwise those
    /// who come and go would have many made at once.
    pub(super) async fn next<F>(
        &self,
        render: impl FnOnce() -> F + Send + 'static,
    ) -> Option<Arc<Page>>
    where
        F: Future<Output = String> + Send + 'static,
    {
        let begin = || {
            let page = tokio::spawn(self.clone().make(render));
            page.map(|page| page.ok().flatten()).boxed().shared()
        };
        let next = self.waiting().get_or_insert_with(begin).clone();
        next.await
    }

    async fn make<F>(self, render: impl FnOnce() -> F + Send) -> Option<Arc<Page>>
    where
        F: Future<Output = String> + Send,
    {
        let mut last = self.0.last.lock().await;
        tokio::time::sleep_until(last.rests_until).await;
        self.waiting().take();
        let mut share = self.0.room.share(None);
        if !share.grow(last.size).await {
            return None;
        }
        let begun = Instant::now();
        let text = render().await;
        let spent = begun.elapsed();
        last.rests_until = Instant::now() + (REST * spent).min(LONGEST_REST);
        last.size = text.len();
        let more = text.len().saturating_sub(share.bytes());
        share.grow(more).await.then(|| {
            let text = text.into();
            Arc::new(Page {
                text,
                _share: share,
            })
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Next>> {
        self.0.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
