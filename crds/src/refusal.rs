//! What a failed opening is called: pure, from public facts.

use signet_common::{Printable, Scope};

use crate::{ItemFailure, Reason, Refusal, SealedSecret};

/// One refusal for all failing items: the reason of the first, a line for each, and upstream's phrase where it fits.
pub fn failed_items(sealed: &SealedSecret, failures: &[ItemFailure]) -> Refusal {
    let first = failures
        .first()
        .map_or(Reason::Internal, |failure| failure.reason);
    let named = |reason| {
        failures
            .iter()
            .filter(move |failure| failure.reason == reason)
    };
    let mut lines = Vec::new();
    let lost: Vec<_> = named(Reason::NoKey)
        .map(|failure| failure.item.as_str())
        .collect();
    if !lost.is_empty() {
        lines.push(format!("no key could decrypt secret ({})", lost.join(", ")));
    }
    let others = failures
        .iter()
        .filter(|failure| failure.reason != Reason::NoKey);
    lines.extend(others.map(|failure| format!("{}: {}", failure.item, failure.message)));
    let reason = match was_renamed(sealed) {
        Some(hint) if first == Reason::NoKey => {
            lines.push(hint);
            Reason::Renamed
        }
        _ => first,
    };
    Refusal::new(reason, lines.join("\n"))
}

/// kubeseal records the name and namespace that it sealed for in the template.
fn was_renamed(sealed: &SealedSecret) -> Option<String> {
    let recorded = &sealed.spec.template.metadata;
    let differs = |recorded: &Option<String>, now: &str| {
        recorded.as_deref().is_some_and(|recorded| recorded != now)
    };
    let moved = differs(&recorded.namespace, sealed.namespace());
    let renamed = differs(&recorded.name, sealed.name());
    let relevant = match sealed.scope() {
        Scope::Strict => moved || renamed,
        Scope::NamespaceWide => moved,
        Scope::ClusterWide => false,
    };
    relevant.then(|| {
        let text = |text: &Option<String>| Printable(text.as_deref().unwrap_or("?")).to_string();
        format!(
            "it was sealed for {}/{}; seal it again for its new place",
            text(&recorded.namespace),
            text(&recorded.name)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SealedSecretSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    fn sealed(recorded: (&str, &str)) -> SealedSecret {
        let metadata = ObjectMeta {
            namespace: Some("ns".to_owned()),
            name: Some("db".to_owned()),
            ..ObjectMeta::default()
        };
        let mut spec = SealedSecretSpec::default();
        spec.template.metadata.namespace = Some(recorded.0.to_owned());
        spec.template.metadata.name = Some(recorded.1.to_owned());
        SealedSecret::new(metadata, spec)
    }

    fn failure(item: &str, reason: Reason) -> ItemFailure {
        ItemFailure {
            item: item.to_owned(),
            reason,
            message: "because".to_owned(),
        }
    }

    #[test]
    fn every_failing_item_is_named_and_lost_ones_in_upstreams_words() {
        let failures = [
            failure("a", Reason::MalformedItem),
            failure("b", Reason::NoKey),
            failure("c", Reason::NoKey),
        ];
        let refusal = failed_items(&sealed(("ns", "db")), &failures);
        assert_eq!(refusal.reason, Reason::MalformedItem);
        assert_eq!(
            refusal.message,
            "no key could decrypt secret (b, c)\na: because"
        );
    }

    #[test]
    fn a_recorded_place_that_differs_explains_a_lost_item() {
        let failures = [failure("a", Reason::NoKey)];
        let moved = failed_items(&sealed(("other", "db")), &failures);
        assert_eq!(moved.reason, Reason::Renamed);
        assert!(
            moved.message.contains("it was sealed for other/db"),
            "{}",
            moved.message
        );
        assert_eq!(
            failed_items(&sealed(("ns", "db")), &failures).reason,
            Reason::NoKey
        );
    }

    #[test]
    fn a_hostile_recorded_name_is_escaped() {
        let refusal = failed_items(
            &sealed(("\u{1b}[2J", "x\ny")),
            &[failure("a", Reason::NoKey)],
        );
        assert!(
            refusal.message.contains("\\u{1b}[2J/x\\u{a}y"),
            "{}",
            refusal.message
        );
    }
}
