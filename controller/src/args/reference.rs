//! The table of flags in docs/guide/controller.md, from what clap knows.

use clap::{Arg, CommandFactory as _};

use super::Args;

/// Flags that upstream's controller does not have.
const OWN: [&str; 14] = [
    "allow-sealed-keys",
    "forbidden-secret-types",
    "kubeconfig",
    "leader-elect",
    "leader-elect-lease-duration",
    "leader-elect-renew-deadline",
    "leader-elect-resource-name",
    "leader-elect-retry-period",
    "namespace",
    "repair",
    "rotate",
    "template-functions",
    "templates",
    "workers",
];
const BEGIN: &str = "<!-- flags -->\n";
const END: &str = "<!-- end -->";

/// The guide with its table of flags as clap has them; as it is if it has no place for the table.
pub fn fill(guide: &str) -> String {
    let parts = guide.split_once(BEGIN);
    let parts = parts.and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    match parts {
        Some((before, after)) => format!("{before}{BEGIN}{}{END}{after}", table()),
        None => guide.to_owned(),
    }
}

fn table() -> String {
    let command = Args::command();
    let mut flags: Vec<&Arg> = command.get_arguments().collect();
    flags.sort_by_key(|flag| flag.get_long());
    let rows: String = flags.into_iter().map(row).collect();
    format!("| flag | variable | default | meaning |\n|---|---|---|---|\n{rows}")
}

fn row(flag: &Arg) -> String {
    let name = flag.get_long().unwrap_or_default();
    let aliases = flag.get_all_aliases().unwrap_or_default();
    let names: Vec<String> = [name]
        .into_iter()
        .chain(aliases)
        .map(|name| format!("`--{name}`"))
        .collect();
    let variable = flag
        .get_env()
        .map(|name| format!("`{}`", name.to_string_lossy()));
    let defaults: Vec<_> = flag
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    let default = defaults.join(",");
    let default = (!default.is_empty()).then(|| format!("`{default}`"));
    let own = if OWN.contains(&name) {
        " (Signet's own)"
    } else {
        ""
    };
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "–".to_owned());
    let meaning = flag.get_help().map(ToString::to_string).unwrap_or_default();
    format!(
        "| {} | {} | {} | {meaning}{own} |\n",
        names.join(", "),
        or_dash(variable),
        or_dash(default)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_lists_every_flag_variable_and_default() {
        let guide = include_str!("../../../docs/guide/controller.md");
        assert!(
            guide.contains(BEGIN)
                && guide.contains("| `--key-ttl` | `SEALED_SECRETS_KEY_TTL` | `87600h` |")
        );
        assert!(
            fill(guide) == guide,
            "docs/guide/controller.md is out of date: run `cargo xtask codegen`"
        );
    }

    #[test]
    fn every_flag_has_a_variable_by_upstreams_rule() {
        for flag in Args::command().get_arguments() {
            let name = flag.get_long().unwrap_or_default();
            let rule = format!("SEALED_SECRETS_{}", name.replace('-', "_").to_uppercase());
            let variable = flag
                .get_env()
                .map(|name| name.to_string_lossy().into_owned());
            match name {
                "version" | "kubeconfig" => assert_eq!(variable, None, "{name}"),
                "namespace" => assert_eq!(variable.as_deref(), Some("POD_NAMESPACE")),
                _ => assert_eq!(variable, Some(rule)),
            }
        }
    }
}
