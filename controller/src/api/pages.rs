//! Lists in pages of bounded bytes.
//!
//! Whoever lists asks for pages of so many objects, and a tenant decides how large an object is. A page that turns out to
//! be larger than [`PAGE_BYTES`] is given up while it is read, and asked for again with fewer objects: the caller gets a
//! shorter page, and its place in the list, from the API server itself. What was learnt holds for the pages that follow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body as Asked;
use tower::{BoxError, Service, ServiceExt as _};

/// Bytes of one page, unless a single object is larger.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// A service whose lists come in pages of at most [`PAGE_BYTES`].
#[derive(Clone)]
pub(super) struct Pages<S> {
    service: S,
    learnt: Learnt,
}

/// For each path, how often the asked number of objects was halved.
type Learnt = Arc<Mutex<HashMap<String, u32>>>;

impl<S> Pages<S> {
    pub(super) fn new(service: S) -> Self {
        Self {
            service,
            learnt: Learnt::default(),
        }
    }
}

impl<S, B> Service<Request<Asked>> for Pages<S>
where
    S: Service<Request<Asked>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Asked>) -> Self::Future {
        let Some(asked) = page_size(request.uri()) else {
            let answer = self.service.call(request);
            return Box::pin(async { Ok(answer.await?.map(Body::new)) });
        };
        let (service, learnt) = (self.service.clone(), Arc::clone(&self.learnt));
        Box::pin(page(service, learnt, request, asked))
    }
}

async fn page<S, B>(
    mut service: S,
    learnt: Learnt,
    request: Request<Asked>,
    asked: u32,
) -> Result<Response<Body>, BoxError>
where
    S: Service<Request<Asked>, Response = Response<B>, Error = BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (parts, _) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let known = || learnt.lock().unwrap_or_else(PoisonError::into_inner);
    let mut halved = known().get(&path).copied().unwrap_or_default();
    loop {
        let limit = (asked >> halved.min(31)).max(1);
        let mut parts = parts.clone();
        parts.uri = with_page_size(&parts.uri, limit)?;
        let request = Request::from_parts(parts, Asked::empty());
        let (answer, body) = service.ready().await?.call(request).await?.into_parts();
        if !answer.status.is_success() {
            return Ok(Response::from_parts(answer, Body::new(body)));
        }
        let bound = if limit == 1 { usize::MAX } else { PAGE_BYTES };
        match Limited::new(body, bound).collect().await {
            Ok(body) => {
                let bytes = body.to_bytes();
                // A page that leaves so much room would have fitted twice.
                if bytes.len() < PAGE_BYTES / 4 {
                    halved = halved.saturating_sub(1);
                }
                known().insert(path, halved);
                return Ok(Response::from_parts(answer, Body::from(bytes)));
            }
            Err(error) if error.is::<LengthLimitError>() => halved += 1,
            Err(error) => return Err(error),
        }
    }
}

/// How many objects a list asks for; `None` of every other request.
fn page_size(uri: &Uri) -> Option<u32> {
    let mut pairs = uri.query()?.split('&');
    pairs.find_map(|pair| pair.strip_prefix("limit=")?.parse().ok())
}

fn with_page_size(uri: &Uri, limit: u32) -> Result<Uri, http::Error> {
    let pairs: Vec<String> = (uri.query().unwrap_or_default().split('&'))
        .map(|pair| match pair.starts_with("limit=") {
            true => format!("limit={limit}"),
            false => pair.to_owned(),
        })
        .collect();
    let mut parts = uri.clone().into_parts();
    let path = format!("{}?{}", uri.path(), pairs.join("&"));
    parts.path_and_query = Some(path.parse()?);
    Ok(Uri::from_parts(parts)?)
}

#[cfg(test)]
mod tests {
    use tower::service_fn;

    use super::*;

    /// A server of objects of these sizes, whose continue token is the place of the next one; and the limits it was asked.
    async fn listed(sizes: &'static [usize], asked: u32) -> (Vec<usize>, Vec<u32>) {
        let limits = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&limits);
        let server = service_fn(move |request: Request<Asked>| {
            let limit = page_size(request.uri()).expect("a list");
            seen.lock().unwrap().push(limit);
            let query = request.uri().query().unwrap_or_default();
            let begin: usize = query.rsplit_once("continue=").unwrap().1.parse().unwrap();
            let page: usize = sizes[begin..].iter().take(limit as usize).sum();
            async move { Ok::<_, BoxError>(Response::new(Body::from(vec![b'x'; page]))) }
        });
        let mut pages = Pages::new(server);
        let (mut received, mut place) = (Vec::new(), 0);
        while place < sizes.len() {
            let uri = format!("https://api/apis/x?&limit={asked}&continue={place}");
            let request = Request::get(uri).body(Asked::empty()).unwrap();
            let body = pages.ready().await.unwrap().call(request).await.unwrap();
            let bytes = body.into_body().collect().await.unwrap().to_bytes().len();
            // The place that the server would name: behind the last limit that it was asked for.
            place += *limits.lock().unwrap().last().unwrap() as usize;
            received.push(bytes);
        }
        let limits = limits.lock().unwrap().clone();
        (received, limits)
    }

    const SMALL: usize = 2_000;
    const LARGE: usize = 1_400_000;

    #[tokio::test]
    async fn pages_of_small_objects_are_as_long_as_asked() {
        let (received, limits) = listed(&[SMALL; 200], 50).await;
        assert_eq!(limits, [50; 4]);
        assert_eq!(received, [50 * SMALL; 4]);
    }

    #[tokio::test]
    async fn no_page_is_larger_than_its_bound_or_one_object() {
        let (received, limits) = listed(&[LARGE; 20], 50).await;
        assert_eq!(received, [LARGE; 20]);
        // Five halvings, once; what was learnt holds.
        assert_eq!(limits.len(), 20 + 5);
    }

    #[tokio::test]
    async fn pages_grow_again_behind_large_objects() {
        static MIXED: [usize; 410] = {
            let mut sizes = [SMALL; 410];
            let mut place = 0;
            while place < 10 {
                sizes[place] = LARGE;
                place += 1;
            }
            sizes
        };
        let (received, limits) = listed(&MIXED, 50).await;
        assert!(received.iter().all(|bytes| *bytes <= PAGE_BYTES));
        assert_eq!(limits.last(), Some(&50));
    }

    #[tokio::test]
    async fn other_requests_and_errors_pass_as_they_are() {
        let refused = service_fn(|request: Request<Asked>| async move {
            let shown = Bytes::from(request.uri().to_string());
            let mut answer = Response::new(Body::from(shown));
            *answer.status_mut() = http::StatusCode::FORBIDDEN;
            Ok::<_, BoxError>(answer)
        });
        for uri in [
            "https://api/x?limit=500&labelSelector=a%3Db",
            "https://api/x",
        ] {
            let request = Request::get(uri).body(Asked::empty()).unwrap();
            let answer = Pages::new(refused).oneshot(request).await.unwrap();
            assert_eq!(answer.status(), http::StatusCode::FORBIDDEN);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, uri);
        }
    }
}
