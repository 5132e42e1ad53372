//! What people type instead of what `signet` takes, and what they mean: words of other programs, flags of `kubeseal`, near misses.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use signet_common::Printable;

use crate::error::Failure;

/// Words and flags that are no verb or flag here, and what does the same.
const INSTEAD: [(&[&str], &str); 12] = [
    (
        &["--merge-into", "merge", "set", "edit", "patch", "update"],
        "'kubeseal --merge-into FILE' seals a Secret from stdin into a SealedSecret that exists",
    ),
    (
        &["--fetch-cert", "fetch", "fetch-cert", "certificate"],
        "'signet cert fetch' prints the certificate",
    ),
    (
        &["--validate", "validate", "check"],
        "'signet verify' asks the controller",
    ),
    (
        &[
            "--re-encrypt",
            "--rotate",
            "re-encrypt",
            "reencrypt",
            "rotate",
        ],
        "'kubeseal --re-encrypt -f FILE' has the controller seal with its newest key",
    ),
    (
        &["--recovery-unseal", "decrypt", "open"],
        "'signet unseal -k KEY' opens with private keys at hand",
    ),
    (
        &["--recovery-private-key"],
        "'signet unseal -k KEY' takes private keys",
    ),
    (&["encrypt"], "'signet seal' seals Secrets"),
    (
        &["raw", "--from-literal"],
        "'signet seal --raw' seals one value from stdin or --from-file",
    ),
    (
        &["generate", "generate-key"],
        "'signet keys generate' makes a key and its certificate",
    ),
    (
        &["--secret-file"],
        "the input is an argument: 'signet seal FILE'",
    ),
    (&["--sealed-secret-file"], "'-w FILE' names the output"),
    (
        &[
            "--cluster",
            "--user",
            "--server",
            "--token",
            "--certificate-authority",
            "--as",
        ],
        "'signet' takes --kubeconfig and --context of kubectl; 'kubeseal' takes all of its flags",
    ),
];

/// `help` and `version` as words mean the flags.
pub(super) fn as_flags(mut arguments: Vec<OsString>) -> Vec<OsString> {
    match arguments.get(1).and_then(|word| word.to_str()) {
        Some("help") => {
            arguments.remove(1);
            arguments.push("--help".into());
        }
        Some("version") if arguments.len() == 2 => arguments[1] = "--version".into(),
        _ => {}
    }
    arguments
}

/// Nothing but the program's name.
pub(super) fn no_verb() -> Failure {
    let verbs: String = super::parser()
        .get_subcommands()
        .map(|verb| {
            let about = verb.get_about().map(ToString::to_string);
            format!("\n  {:<12}{}", verb.get_name(), about.unwrap_or_default())
        })
        .collect();
    Failure::usage(format_args!("a verb is missing; there are{verbs}"))
        .hint("'signet VERB --help' lists the flags of a verb; 'signet seal secret.yaml -w sealed.yaml' is where most begin")
}

/// What was meant, if that can be told.
pub(super) fn explain(error: &clap::Error, arguments: &[OsString]) -> Option<Failure> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let (what, word) = match error.kind() {
        ErrorKind::InvalidSubcommand => ("verb", text(ContextKind::InvalidSubcommand)?),
        ErrorKind::UnknownArgument => ("flag", text(ContextKind::InvalidArg)?),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Some(Failure::usage("a verb is missing").hint(help(arguments)));
        }
        _ => return None,
    };
    let name = word.split('=').next().unwrap_or_default();
    let shown = Printable(word);
    let message = match what {
        "verb" => format!("unknown verb '{shown}'"),
        _ => format!("unknown flag: {shown}"),
    };
    if let Some((_, advice)) = INSTEAD.iter().find(|(words, _)| words.contains(&name)) {
        return Some(Failure::usage(message).hint(advice));
    }
    if what != "verb" {
        return None;
    }
    let near = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(near)) => near.last().cloned(),
        Some(ContextValue::String(near)) => Some(near.clone()),
        _ => None,
    };
    Some(match near {
        Some(near) => Failure::usage(message).hint(format_args!(
            "did you mean '{} {near}'?",
            path(arguments).join(" ")
        )),
        None => Failure::usage(message).hint(help(arguments)),
    })
}

/// Where to read on: the help of the verb that was typed.
pub(super) fn help(arguments: &[OsString]) -> String {
    let path = path(arguments);
    let lists = if path.len() == 1 {
        "the verbs"
    } else {
        "what it takes"
    };
    format!("'{} --help' lists {lists}", path.join(" "))
}

/// The program and the verbs that were typed.
fn path(arguments: &[OsString]) -> Vec<String> {
    let mut path = vec!["signet".to_owned()];
    let mut at = super::parser();
    for word in arguments.iter().skip(1) {
        let Some(next) = word.to_str().and_then(|word| at.find_subcommand(word)) else {
            break;
        };
        path.push(next.get_name().to_owned());
        at = next.clone();
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_advice_names_a_verb_that_there_is_or_the_other_program() {
        let verbs = super::super::parser();
        for (words, advice) in INSTEAD {
            let named = advice
                .split('\'')
                .nth(1)
                .unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>();
            let known = match named.as_slice() {
                ["signet", verb, ..] => verbs.find_subcommand(verb).is_some(),
                [first, ..] => ["kubeseal", "signet", "-w"].contains(first),
                [] => false,
            };
            assert!(known, "{words:?}: {advice}");
        }
    }
}
