//! What a failed opening is called: pure, from public facts.

use signet_common::{Printable, Scope};
use signet_crds::{ItemFailure, Reason, Refusal, SealedSecret};

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
