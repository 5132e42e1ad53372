//! The files of the chart that follow from others: README and schema from the comments of `values.yaml`, and the copy of the
//! CRD, because a chart can read its own files only: one for the templates, one for Helm's folder `crds`.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::schema;
use super::values::{self, Line, Param};

const FOLDER: &str = "charts/signet";
const BEGIN: &str = "<!-- values: made by `cargo xtask codegen` -->\n";
const END: &str = "<!-- end of values -->\n";

/// The generated files of the chart, given the text of the CRD.
pub(super) fn files(root: &Path, crd: &str) -> anyhow::Result<Vec<(&'static str, String)>> {
    let read = |name: &str| {
        let path = root.join(FOLDER).join(name);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    let text = read("values.yaml")?;
    let defaults: Value = serde_saphyr::from_str(&text).context("values.yaml")?;
    let lines = values::parse(&text).context("values.yaml")?;
    values::check(&lines, &defaults).context("values.yaml")?;
    let schema = serde_json::to_string_pretty(&schema::of(&lines, &defaults)?)? + "\n";
    Ok(vec![
        ("charts/signet/files/crd.yaml", crd.to_owned()),
        (
            "charts/signet/charts/signet-crd/crds/sealedsecrets.yaml",
            crd.to_owned(),
        ),
        ("charts/signet/values.schema.json", schema),
        (
            "charts/signet/README.md",
            readme(&read("README.md")?, &lines, &defaults)?,
        ),
    ])
}

/// The README with new tables; the rest of it is written by hand.
fn readme(present: &str, lines: &[Line], defaults: &Value) -> anyhow::Result<String> {
    let (before, rest) = present
        .split_once(BEGIN)
        .context("the README has no place for the values")?;
    let (_, after) = rest
        .split_once(END)
        .context("the README's values have no end")?;
    let mut tables = String::new();
    for line in lines {
        match line {
            Line::Section(title) => {
                tables +=
                    &format!("\n### {title}\n\n| value | default | meaning |\n|---|---|---|\n");
            }
            Line::Param(param) => {
                ensure!(
                    !tables.is_empty(),
                    "a value stands before the first section"
                );
                tables += &row(param, defaults)?;
            }
        }
    }
    Ok(format!("{before}{BEGIN}{tables}\n{END}{after}"))
}

fn row(param: &Param, defaults: &Value) -> anyhow::Result<String> {
    let default = values::at(defaults, &param.name).context("checked before")?;
    let default = match default {
        Value::Object(map) if !map.is_empty() => "see below".to_owned(),
        long if long.to_string().len() > 160 => "see `values.yaml`".to_owned(),
        Value::String(text) => format!("`{:?}`", text.trim_end()),
        other => format!("`{other}`"),
    };
    Ok(format!(
        "| `{}` | {} | {} |\n",
        param.name,
        default.replace('|', "\\|"),
        param.description.replace('|', "\\|")
    ))
}
