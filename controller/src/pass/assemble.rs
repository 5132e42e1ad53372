//! From opened items to the Secret that is wanted: renders the templates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_common::Plaintext;
use signet_crds::{DesiredSecret, Reason, Refusal, SealedSecret, assemble};
use signet_templates::{Env, Options};

use super::{End, Pass};

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

impl Pass<'_> {
    /// Whoever may write an object learns something about values from each refusal of what its templates made.
    pub(super) fn note_answer(&self, end: &End) {
        let End::Said(said) = end else { return };
        let tells = matches!(
            said.outcome.reason,
            Reason::TemplateFailed
                | Reason::TemplateTooExpensive
                | Reason::SecretInvalid
                | Reason::WriteRefused
                | Reason::Immutable
        );
        if tells && self.object.has_templates() {
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
        self.state.on_cores(render).await
    }
}
