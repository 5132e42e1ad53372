//! From opened items to the Secret that is wanted: renders the templates.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_common::Plaintext;
use signet_crds::{DesiredSecret, Reason, Refusal, SealedSecret, assemble};
use signet_templates::{Env, Options};

use super::{End, Pass};
use crate::suspects::Verdict;

/// The Secret that is wanted, with templates rendered as a pass renders them. `seed` is `Tags::template_seed`.
///
/// # Errors
/// As [`assemble`].
pub(crate) fn rendered(
    seed: [u8; 32],
    options: Options,
    sealed: &SealedSecret,
    data: BTreeMap<String, Plaintext>,
) -> Result<DesiredSecret, Refusal> {
    let mut rng = ChaCha20Rng::from_seed(seed);
    let mut env = Env::new(Timestamp::now(), &mut rng);
    assemble(sealed, data, options, &mut env)
}

/// Between two looks of an object that gives way to all others.
const GIVE_WAY: Duration = Duration::from_secs(1);

impl Pass<'_> {
    /// Why the Secret is not made now, if it is not: an answer about values that came a moment ago, or templates that killed
    /// a process.
    pub(super) fn put_off(&self, existing: Option<&Secret>) -> Option<End> {
        let rest = || self.state.brake.rest(self.key).map(End::Later);
        if !self.object.has_templates() {
            // Compared is only what is there.
            return existing.and_then(|_| rest());
        }
        match self.state.suspects.verdict(&self.object.metadata) {
            Verdict::Never => {
                let message = "the controller was killed when it rendered these templates, and again when it rendered nothing else; they are not rendered again until the SealedSecret changes";
                let refusal = Refusal {
                    reason: Reason::TemplateTooExpensive,
                    message: message.to_owned(),
                };
                Some(self.refused(refusal, existing))
            }
            Verdict::LastAndAlone if self.state.others_wait() => Some(End::Later(GIVE_WAY)),
            _ => rest(),
        }
    }

    /// Whoever may write an object learns something about values from each refusal of what its templates made, and from
    /// whether plain items are those of a Secret that cannot change.
    pub(super) fn note_answer(&self, end: &End) {
        let End::Said(said) = end else { return };
        let tells = matches!(
            said.outcome.reason,
            Reason::TemplateFailed
                | Reason::TemplateTooExpensive
                | Reason::SecretInvalid
                | Reason::WriteRefused
        );
        let compares = said.outcome.reason == Reason::Immutable;
        if compares || tells && self.object.has_templates() {
            self.state.brake.note(self.key);
        }
    }

    /// On a core of its own turn, as an opening: a slow template makes nobody wait.
    pub(super) async fn assemble(
        &self,
        sealed: SealedSecret,
        data: BTreeMap<String, Plaintext>,
    ) -> (SealedSecret, Result<DesiredSecret, Refusal>) {
        let options = self.state.policy.templates;
        let seed = self.keys.tags.template_seed(self.object);
        let render = move || {
            let result = rendered(seed, options, &sealed, data);
            (sealed, result)
        };
        if !self.object.has_templates() {
            return render();
        }
        let metadata = &self.object.metadata;
        let alone = self.state.suspects.verdict(metadata) == Verdict::LastAndAlone;
        let (state, metadata) = (Arc::clone(self.state), metadata.clone());
        // Noted when it has a core: what still waits for one has killed nobody.
        let noted = move || {
            let _rendering = state.suspects.begin(&metadata, alone);
            render()
        };
        let namespace = &self.key.namespace;
        if alone {
            self.state.alone_on_cores(namespace, noted).await
        } else {
            self.state.on_cores_for(namespace, noted).await
        }
    }
}
