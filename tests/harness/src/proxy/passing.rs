//! The body of an answer on its way through the proxy: as it comes, unless it is cut off.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::{Body, Frame};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;

use super::{Fate, Shared};

type Signal = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The body of an answer. When it ends by itself, its connection is kept for the next request.
pub(super) struct Passing {
    body: Incoming,
    cut: Signal,
    sender: Option<SendRequest<Incoming>>,
    shared: Arc<Shared>,
}

impl Passing {
    pub(super) fn new(body: Incoming, sender: SendRequest<Incoming>, shared: Arc<Shared>) -> Self {
        let mut streams = shared.streams.subscribe();
        let cut = Box::pin(async move {
            if streams.changed().await.is_err() {
                // The proxy is going away, and its runtime ends everything.
                std::future::pending::<()>().await;
            }
        });
        Self {
            body,
            cut,
            sender: Some(sender),
            shared,
        }
    }

    fn done(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.shared.upstream.keep(sender);
        }
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = anyhow::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, anyhow::Error>>> {
        if self.cut.as_mut().poll(context).is_ready() {
            self.shared.count(Fate::Cut);
            return Poll::Ready(Some(Err(anyhow::anyhow!("cut off"))));
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.done();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(anyhow::Error::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
