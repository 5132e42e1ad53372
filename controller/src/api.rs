//! The requests that the controller makes, and what their failures mean.
//!
//! Every request has a deadline, and every write passes the fence: it is sent only while this replica leads (ARCHITECTURE.md
//! "Several replicas"). A change of what exists carries uid and resourceVersion. Of an error only its code and reason are
//! kept: the text may quote the object that was sent (ARCHITECTURE.md "Failure classes").

mod client;
#[cfg(test)]
mod fenced;
mod lease;
mod pages;

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use k8s_openapi::api::core::v1::{Event, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, GetParams, ListParams, PostParams, Preconditions};
use kube::{Api, Client};
use thiserror::Error;

pub use client::client;
use client::{DEADLINE, NoAnswerInTime};

use crate::fence::{Fence, boot_time};
use crate::index::ObjectKey;
use crate::object::RawSealedSecret;

/// So far at most an answer puts off the next attempt.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(10 * 60);

/// Objects in one page of a list.
const LIST_PAGE: u32 = 200;

/// Why a request failed, by what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApiFailure {
    /// 409 Conflict: read again.
    #[error("the object changed meanwhile")]
    Conflict,
    /// 409 AlreadyExists: read it.
    #[error("the object exists already")]
    AlreadyExists,
    /// 404.
    #[error("the object does not exist")]
    NotFound,
    /// 422 that names fields: this content will never be accepted.
    #[error("the API server refuses the content: {0}")]
    Invalid(String),
    /// 413, or 500 of an API server whose etcd takes no object of this size.
    #[error("the object is too large for the API server; split it")]
    TooLarge,
    /// 400, 401, 403, or 422 without fields: permissions, quota, a policy or a webhook.
    #[error("the API server refuses the request: {0}")]
    Refused(String),
    /// 403, because the namespace is being deleted: nothing can be created in it any more.
    #[error("the namespace is being deleted")]
    NamespaceTerminating,
    /// 429, 5xx, time-outs, network.
    #[error("the API server cannot be used: {shown}")]
    Unavailable {
        /// Code and reason, or what happened instead of an answer.
        shown: String,
        /// `Retry-After` of the answer.
        retry_after: Option<Duration>,
    },
    /// Not sent: another replica may lead by now.
    #[error("this replica does not lead")]
    NotLeading,
}

impl ApiFailure {
    /// Sorts an error of the client. Nothing of the error's text is kept.
    pub fn of(error: &kube::Error) -> Self {
        let status = match error {
            kube::Error::Api(status) => status,
            kube::Error::Service(error) if error.is::<NoAnswerInTime>() => {
                return Self::unanswered(&NoAnswerInTime.to_string());
            }
            _ => return Self::unanswered("no answer"),
        };
        let shown = format!("{} {}", status.code, plain_reason(&status.reason));
        match (status.code, status.reason.as_str()) {
            (409, "AlreadyExists") => Self::AlreadyExists,
            // A namespace that is going away answers 403 with this reason in the details, or 409 with Conflict.
            (409, _) => Self::Conflict,
            (404, _) => Self::NotFound,
            (403, _) if is_terminating(status) => Self::NamespaceTerminating,
            (413, _) => Self::TooLarge,
            (500, _) if is_too_large(status) => Self::TooLarge,
            (422, _) if names_fields(status) => Self::Invalid(shown + &known_fields(status)),
            (400 | 401 | 403 | 422, _) => Self::Refused(shown),
            _ => {
                let details = status.details.as_ref();
                let seconds = details.map_or(0, |details| details.retry_after_seconds);
                Self::Unavailable {
                    shown,
                    retry_after: (seconds > 0).then(|| Duration::from_secs(seconds.into())),
                }
            }
        }
    }

    /// The server did not speak.
    fn unanswered(shown: &str) -> Self {
        Self::Unavailable {
            shown: shown.to_owned(),
            retry_after: None,
        }
    }

    /// The pause before the next attempt: this one, or a longer one that the server asks for. The queue waits, not a worker.
    pub fn rest(&self, rest: Duration) -> Duration {
        match self {
            Self::Unavailable {
                retry_after: Some(asked),
                ..
            } => rest.max(*asked.min(&LONGEST_RETRY_AFTER)),
            _ => rest,
        }
    }

    /// Whether it is 403: a right is missing, or a policy is against it.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused(shown) if shown.starts_with("403 "))
    }
}

/// The cluster, as the controller uses it. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    limiter: Option<Arc<DefaultDirectRateLimiter>>,
    fence: Arc<Fence>,
}

impl Cluster {
    /// A cluster behind this client; at most `queries_per_second` requests if given. Nothing can be written until the
    /// fence is opened.
    pub fn new(client: Client, queries_per_second: Option<(NonZeroU32, NonZeroU32)>) -> Self {
        let limiter = queries_per_second.map(|(rate, burst)| {
            Arc::new(RateLimiter::direct(
                Quota::per_second(rate).allow_burst(burst),
            ))
        });
        let fence = Arc::default();
        Self {
            client,
            limiter,
            fence,
        }
    }

    /// The same cluster and the same fence through another client.
    pub fn through(&self, client: Client) -> Self {
        Self {
            client,
            ..self.clone()
        }
    }

    /// What decides whether writes are sent.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// The client, for watches.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    async fn call<T>(
        &self,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ApiFailure> {
        self.await_turn().await;
        answer(DEADLINE, request).await
    }

    /// Sends a write, if this replica still leads when its turn has come.
    async fn write<T>(
        &self,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ApiFailure> {
        self.await_turn().await;
        if !self.fence.lets_pass(boot_time()) {
            return Err(ApiFailure::NotLeading);
        }
        answer(DEADLINE, request).await
    }

    async fn await_turn(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.until_ready().await;
        }
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn sealed(&self, namespace: &str) -> Api<RawSealedSecret> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Reads a Secret; `None` if there is none.
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn secret(&self, key: &ObjectKey) -> Result<Option<Secret>, ApiFailure> {
        absent_is_none(self.call(self.secrets(&key.namespace).get(&key.name)).await)
    }

    /// Reads a SealedSecret; `None` if there is none.
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn sealed_secret(
        &self,
        key: &ObjectKey,
    ) -> Result<Option<RawSealedSecret>, ApiFailure> {
        absent_is_none(self.call(self.sealed(&key.namespace).get(&key.name)).await)
    }

    /// Whether there is a SealedSecret of this name with these labels.
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn has_sealed_secret(
        &self,
        key: &ObjectKey,
        selector: &str,
    ) -> Result<bool, ApiFailure> {
        let mut params = ListParams::default().fields(&format!("metadata.name={}", key.name));
        if !selector.is_empty() {
            params = params.labels(selector);
        }
        let api = self.sealed(&key.namespace);
        let found = self.call(api.list_metadata(&params)).await?;
        Ok(!found.items.is_empty())
    }

    /// Reads every SealedSecret of one namespace, or of all, with these labels.
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn sealed_secrets(
        &self,
        namespace: Option<&str>,
        selector: &str,
    ) -> Result<Vec<RawSealedSecret>, ApiFailure> {
        let api: Api<RawSealedSecret> = match namespace {
            Some(namespace) => self.sealed(namespace),
            None => Api::all(self.client.clone()),
        };
        let mut params = ListParams::default().limit(LIST_PAGE);
        if !selector.is_empty() {
            params = params.labels(selector);
        }
        let mut objects = Vec::new();
        loop {
            let page = self.call(api.list(&params)).await?;
            objects.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(objects),
            }
        }
    }

    /// Creates a Secret; fails if there is one.
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn create_secret(&self, secret: &Secret) -> Result<Secret, ApiFailure> {
        let namespace = secret.metadata.namespace.as_deref().unwrap_or_default();
        self.write(
            self.secrets(namespace)
                .create(&PostParams::default(), secret),
        )
        .await
    }

    /// Replaces a Secret that carries the uid and resourceVersion that were read.
    ///
    /// # Errors
    /// [`ApiFailure`]; [`ApiFailure::Conflict`] if it is another one by now.
    pub async fn replace_secret(&self, secret: &Secret) -> Result<Secret, ApiFailure> {
        let metadata = &secret.metadata;
        conditional(metadata)?;
        let (namespace, name) = (metadata.namespace.as_deref(), metadata.name.as_deref());
        let api = self.secrets(namespace.unwrap_or_default());
        let params = PostParams::default();
        self.write(api.replace(name.unwrap_or_default(), &params, secret))
            .await
    }

    /// Deletes exactly the Secret that was read: its uid and resourceVersion are preconditions.
    ///
    /// # Errors
    /// [`ApiFailure`]; [`ApiFailure::Conflict`] if it is another one by now.
    pub async fn delete_secret(&self, secret: &Secret) -> Result<(), ApiFailure> {
        let metadata = &secret.metadata;
        conditional(metadata)?;
        let (namespace, name) = (metadata.namespace.as_deref(), metadata.name.as_deref());
        let api = self.secrets(namespace.unwrap_or_default());
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: metadata.uid.clone(),
                resource_version: metadata.resource_version.clone(),
            }),
            ..DeleteParams::default()
        };
        self.write(api.delete(name.unwrap_or_default(), &params))
            .await
            .map(drop)
    }

    /// Replaces the status of a SealedSecret that carries its uid and resourceVersion.
    ///
    /// # Errors
    /// [`ApiFailure`]; [`ApiFailure::Conflict`] if the object changed.
    pub async fn replace_status(
        &self,
        object: &RawSealedSecret,
    ) -> Result<RawSealedSecret, ApiFailure> {
        conditional(&object.metadata)?;
        let key = ObjectKey::of(&object.metadata);
        let api = self.sealed(&key.namespace);
        let params = PostParams::default();
        self.write(api.replace_status(&key.name, &params, object))
            .await
    }

    /// Creates an event.
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn create_event(&self, event: &Event) -> Result<(), ApiFailure> {
        let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        self.write(api.create(&PostParams::default(), event))
            .await
            .map(drop)
    }

    /// Reads every Secret with a label, as the storage has it now (a quorum read).
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn secrets_with_label(
        &self,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<Secret>, ApiFailure> {
        let params = ListParams::default().labels(selector);
        self.call(self.secrets(namespace).list(&params))
            .await
            .map(|list| list.items)
    }

    /// Reads one Secret by a list, for which upstream's permissions are enough; `None` if there is none.
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn secret_by_list(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Secret>, ApiFailure> {
        let params = ListParams::default().fields(&format!("metadata.name={name}"));
        let found = self.call(self.secrets(namespace).list(&params)).await?;
        Ok(found.items.into_iter().next())
    }

    /// Reads a Secret of the key namespace; `None` if there is none.
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn legacy_key(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Secret>, ApiFailure> {
        let request = self.secrets(namespace);
        absent_is_none(
            self.call(request.get_with(name, &GetParams::default()))
                .await,
        )
    }
}

/// Awaits an answer for so long.
async fn answer<T>(
    deadline: Duration,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, ApiFailure> {
    match tokio::time::timeout(deadline, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(ApiFailure::of(&error)),
        Err(_) => Err(ApiFailure::unanswered(&NoAnswerInTime.to_string())),
    }
}

/// Checks that a change says what it is a change of: without these two the API server would take it over anything.
fn conditional(metadata: &ObjectMeta) -> Result<(), ApiFailure> {
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    let both = given(&metadata.uid) && given(&metadata.resource_version);
    both.then_some(()).ok_or(ApiFailure::Conflict)
}

/// Whether etcd refused the size: by its own limit (`--max-request-bytes`), or by that of the API server's client for it.
/// The API server hands on both as 500 without a reason.
fn is_too_large(status: &kube::core::Status) -> bool {
    let text = &status.message;
    text.contains("etcdserver: request is too large")
        || text.contains("trying to send message larger than max")
}

/// Whether the API server's own validation speaks: it names a field for each cause. Policies answer 422 and webhooks 400
/// by default, without fields; they may change their mind.
fn names_fields(status: &kube::core::Status) -> bool {
    let causes = status
        .details
        .as_ref()
        .map_or(&[][..], |details| &details.causes);
    !causes.is_empty() && causes.iter().all(|cause| !cause.field.is_empty())
}

/// Fields of a Secret that the API server names when it finds one invalid. No other text is taken over: a webhook may put
/// anything there.
const FIELDS: [&str; 16] = [
    "data",
    "data[.dockercfg]",
    "data[.dockerconfigjson]",
    "data[password]",
    "data[ssh-privatekey]",
    "data[tls.crt]",
    "data[tls.key]",
    "data[username]",
    "immutable",
    "metadata.annotations",
    "metadata.finalizers",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.ownerReferences",
    "type",
];

/// Those of the named fields that are known, after a colon.
fn known_fields(status: &kube::core::Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let named: Vec<_> = causes.map(|cause| cause.field.as_str()).collect();
    let known = FIELDS.into_iter().filter(|field| named.contains(field));
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        String::new()
    } else {
        format!(": {}", known.join(", "))
    }
}

/// The reason if it is a word of Kubernetes' kind: a webhook may put any text there.
fn plain_reason(reason: &str) -> &str {
    let word = reason.len() <= 40 && reason.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if word { reason } else { "" }
}

/// The API server's namespace lifecycle names this cause since 1.16.
fn is_terminating(status: &kube::core::Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut reasons = causes.map(|cause| cause.reason.as_str());
    reasons.any(|reason| reason == "NamespaceTerminating")
}

fn absent_is_none<T>(answer: Result<T, ApiFailure>) -> Result<Option<T>, ApiFailure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(ApiFailure::NotFound) => Ok(None),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests;
