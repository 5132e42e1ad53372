//! `SEALED_SECRETS_*`: every flag of upstream's can be set by a variable. Flags win; values that make no sense are ignored.

use std::ffi::OsString;

use super::args::{Arguments, LOGGING_HEADING};

const PREFIX: &str = "SEALED_SECRETS_";

/// Puts `--flag=value` for each variable that is set in front of the flags. A repeated flag's last value wins, and lists
/// grow: both as upstream has it.
pub(super) fn before_flags(
    arguments: Vec<OsString>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let mut all: Vec<OsString> = arguments.next().into_iter().collect();
    for flag in flags() {
        let name = format!("{PREFIX}{}", flag.to_uppercase().replace('-', "_"));
        let Some(value) = variable(&name) else {
            continue;
        };
        // Upstream's notice is for those who type the deprecated flag.
        let flag = if flag == "rotate" {
            "re-encrypt"
        } else {
            &flag
        };
        let argument = format!("--{flag}={value}");
        // Judged alone, so that one that makes no sense is left out, as upstream leaves it out.
        if Arguments::parse_as_go(vec!["kubeseal".into(), argument.clone().into()]).is_ok() {
            all.push(argument.into());
        }
    }
    all.extend(arguments);
    all
}

/// Long names of all flags except those for logging, which upstream does not read from the environment.
fn flags() -> Vec<String> {
    Arguments::parser()
        .get_arguments()
        .filter(|argument| argument.get_help_heading() != Some(LOGGING_HEADING))
        .filter_map(|argument| argument.get_long().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str], variables: &[(&str, &str)]) -> Arguments {
        let arguments = arguments.iter().map(OsString::from).collect();
        let variable = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name)?;
            Some(found.1.to_owned())
        };
        Arguments::parse_as_go(before_flags(arguments, &variable))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn variables_come_before_flags_and_nonsense_is_ignored() {
        let variables = [
            ("SEALED_SECRETS_CONTROLLER_NAMESPACE", "env"),
            ("SEALED_SECRETS_CERT", "env.pem"),
            ("SEALED_SECRETS_SCOPE", "typo"),
            ("SEALED_SECRETS_VALIDATE", "maybe"),
            ("SEALED_SECRETS_RAW", "T"),
            ("SEALED_SECRETS_FROM_FILE", "a,b"),
            ("SEALED_SECRETS_PORT", "tcp://10.0.0.1:8080"),
            ("SEALED_SECRETS_V", "9"),
        ];
        let parsed = parse(
            &["kubeseal", "--cert=flag.pem", "--from-file", "c"],
            &variables,
        );
        assert_eq!(parsed.controller_namespace, "env");
        assert_eq!(parsed.cert.as_deref(), Some("flag.pem"));
        assert_eq!(parsed.scope, signet_common::Scope::Strict);
        assert!(!parsed.validate);
        assert!(parsed.raw);
        assert_eq!(parsed.from_file, ["a", "b", "c"]);
    }

    #[test]
    fn an_empty_variable_counts_as_set() {
        let parsed = parse(&["kubeseal"], &[("SEALED_SECRETS_CONTROLLER_NAME", "")]);
        assert_eq!(parsed.controller_name, "");
    }
}
