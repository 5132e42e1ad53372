//! What the rows must hold: every flag that upstream lists and has hidden, the variable of each, and every error text.

use std::collections::BTreeSet;

use anyhow::ensure;

use crate::row::{Row, row};
use crate::rows;
use crate::run::{Whose, run};
use crate::world::world;

/// Every text of upstream's that begins an error, as far as an input can make it say it. These cannot be had: that a namespace
/// is missing with `--raw` (there is always `default`), that a SealedSecret cannot be marshalled, that a private key is of an
/// unexpected type (it is passed over), and that both formats are used at once (the old one is refused first).
const TEXTS: [&str; 31] = [
    "error: --from-file requires --raw\n",
    "error: Could not read file specified with --secret-file\n",
    "error: must provide the --name flag with --raw and --scope strict\n",
    "error: must provide only one --from-file when encrypting a single item with --raw\n",
    "error: failed to encrypt using an expired certificate on ",
    "error: expected RSA public key but found ",
    "error: data does not contain any valid RSA or ECDSA certificates\n",
    "error: cannot get sealed secret service: ",
    ".\nPlease, use the flag --controller-name and --controller-namespace to set up the name and namespace of the sealed secrets controller\n",
    "error: cannot fetch certificate: ",
    "error: cannot fetch \"",
    "error: no secrets found. Ensure the input is valid and UTF-8 encoded\n",
    "error: secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, --allow-empty-data can be used\n",
    "error: missing metadata.name in input Secret\n",
    "error: namespace mismatch: input secret is in namespace \"",
    "error: secret must declare a namespace\n",
    "error: unable to decrypt sealed secret\n",
    "error: unable to decrypt sealed secret: db\n",
    "error: cannot validate sealed secret: ",
    "error: cannot re-encrypt secret: ",
    "error: secret must contain a 'tls.data' key\n",
    "error: unsupported output format: ",
    "must be one of: strict, namespace-wide, cluster-wide",
    "error: no key could decrypt secret (a, b)\n",
    "error: using deprecated 'data' field, use 'encryptedData' or flip the feature flag\n",
    "error: invalid configuration: ",
    "error: Invalid timeout value. ",
    "unknown flag: --",
    "unknown shorthand flag: '",
    "flag needs an argument: ",
    ": no such file or directory\n",
];

/// Flags that the help does not show.
const HIDDEN: [&str; 1] = ["rotate"];

/// Fails for a text that upstream said in no row. `outcomes` are all of upstream's.
pub(crate) fn every_text_was_said(outcomes: &[&str]) -> anyhow::Result<()> {
    let missing: Vec<_> = TEXTS
        .iter()
        .filter(|text| !outcomes.iter().any(|outcome| outcome.contains(**text)))
        .collect();
    ensure!(missing.is_empty(), "no row makes upstream say {missing:#?}");
    Ok(())
}

/// The flags of upstream's own help, with the short form.
fn flags() -> anyhow::Result<Vec<(String, Option<char>)>> {
    let help = run(world()?, Whose::Upstream, &row("help", &["--help"]))?;
    let help = [help.stdout, help.stderr].concat();
    let mut flags: Vec<_> = String::from_utf8(help)?
        .lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let (short, long) = match line.split_once(", --") {
                Some((short, long)) if short.len() == 2 => (short.chars().nth(1), long),
                _ => (None, line.strip_prefix("--")?),
            };
            let end = long.find([' ', '[', '=']).unwrap_or(long.len());
            Some((long[..end].to_owned(), short))
        })
        .collect();
    flags.extend(HIDDEN.map(|name| (name.to_owned(), None)));
    ensure!(flags.len() > 50, "only {} flags: {flags:?}", flags.len());
    Ok(flags)
}

/// Flags of the logging library, which has no variables.
fn is_for_logging(flag: &str) -> bool {
    let names = ["v", "vmodule", "logtostderr", "alsologtostderr"];
    flag.contains('_') || flag.ends_with("threshold") || names.contains(&flag)
}

fn gives(row: &Row, long: &str, short: Option<char>) -> bool {
    row.arguments.iter().any(|word| {
        let name = word.split('=').next().unwrap_or_default();
        name.strip_prefix("--") == Some(long)
            || short.is_some_and(|letter| {
                !word.starts_with("--") && word.starts_with(&format!("-{letter}"))
            })
    })
}

#[test]
fn every_flag_of_upstream_has_a_row() -> anyhow::Result<()> {
    let rows = rows::all();
    let mut missing = Vec::new();
    for (long, short) in flags()? {
        let written: &[Option<char>] = match short {
            Some(letter) => &[None, Some(letter)],
            None => &[None],
        };
        for short in written {
            let found = match short {
                None => rows.iter().any(|row| gives(row, &long, None)),
                letter => rows.iter().any(|row| gives(row, "", *letter)),
            };
            if !found {
                missing.push((long.clone(), *short));
            }
        }
    }
    ensure!(missing.is_empty(), "no row gives {missing:?}");
    Ok(())
}

#[test]
fn every_flag_that_has_a_variable_has_a_row_with_it() -> anyhow::Result<()> {
    let given: BTreeSet<_> = rows::all()
        .into_iter()
        .flat_map(|row| row.variables)
        .map(|(name, _)| name)
        .collect();
    let missing: Vec<_> = flags()?
        .into_iter()
        .filter(|(long, _)| !is_for_logging(long))
        .map(|(long, _)| format!("SEALED_SECRETS_{}", long.to_uppercase().replace('-', "_")))
        .filter(|name| !given.contains(name))
        .collect();
    ensure!(missing.is_empty(), "no row sets {missing:?}");
    Ok(())
}
