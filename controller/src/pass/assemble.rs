//! From opened items to the Secret that is wanted: renders the templates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_common::Plaintext;
use signet_crds::{DesiredSecret, Reason, Refusal, SealedSecret, assemble};
use signet_templates::Env;

use super::Pass;

impl Pass<'_> {
    /// On a core of its own turn, as an opening: a slow template makes nobody wait.
    pub(super) async fn assemble(
        &self,
        sealed: SealedSecret,
        data: BTreeMap<String, Plaintext>,
    ) -> (SealedSecret, Result<DesiredSecret, Refusal>) {
        let options = self.state.policy.templates;
        let seed = self.keys.tags.template_seed(self.object);
        let render = move || {
            let mut rng = ChaCha20Rng::from_seed(seed);
            let mut env = Env::new(Timestamp::now(), &mut rng);
            let result = assemble(&sealed, data, options, &mut env);
            drop(env);
            (sealed, result)
        };
        if !self.object.has_templates() {
            return render();
        }
        let (sealed, result) = self.state.on_cores(render).await;
        let failed = result.as_ref().err().is_some_and(|refusal| {
            matches!(
                refusal.reason,
                Reason::TemplateFailed | Reason::TemplateTooExpensive
            )
        });
        if failed {
            self.state.brake.note(self.key);
        }
        (sealed, result)
    }
}
