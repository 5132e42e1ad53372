//! Where templates give something else here than in Go, on purpose. The guide has this table too.

use crate::case::Case;
use crate::compare::compare;
use crate::oracle::Oracle;

/// One difference.
pub(crate) struct Difference {
    /// What it is about.
    pub(crate) title: &'static str,
    /// What Signet does instead, and why.
    pub(crate) reason: &'static str,
    /// Whether a template of the grid or the generator runs into it. No more than it must: what it covers is not compared.
    covers: fn(&str) -> bool,
    /// Templates that show it.
    examples: &'static [&'static str],
}

/// All of them.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        title: "complex numbers (`2i`)",
        reason: "a syntax error: no function makes use of them",
        covers: |template| template.contains("2i"),
        examples: &["{{ 2i }}", "{{ printf \"%v\" 2i }}"],
    },
    Difference {
        title: "`slice` beyond the end of a list that a function made",
        reason: "an error: what Go shows there depends on how it hands out memory",
        covers: |_| false,
        examples: &["{{ slice (append (list 1 2 3 4) 5) 0 6 }}"],
    },
    Difference {
        title: "`printf \"%#v\"` of a version (`semver`)",
        reason: "without its fields: they are private to the library",
        covers: |_| false,
        examples: &["{{ semver \"1.2.3\" | printf \"%#v\" }}"],
    },
    Difference {
        title: "`printf` of a time or a time zone with verbs for numbers",
        reason: "without its fields: they are private to Go's library, and one is an address in memory",
        covers: prints_inside_of_a_time,
        examples: &[
            "{{ printf \"%d\" (toDate \"2006\" \"2024\") }}",
            "{{ printf \"%#v\" (toDate \"2006\" \"2024\").Location }}",
        ],
    },
    Difference {
        title: "order of `keys` and `values`",
        reason: "sorted by key: in Go it is another one each time",
        covers: |_| false,
        examples: &[
            "{{ $d := dict }}{{ range until 60 }}{{ $_ := set $d (toString .) . }}{{ end }}{{ keys $d }}",
            "{{ $d := dict }}{{ range until 60 }}{{ $_ := set $d (toString .) . }}{{ end }}{{ values $d }}",
        ],
    },
    Difference {
        title: "certificates with keys other than RSA from 2048 bits, ECDSA on P-256 and Ed25519",
        reason: "an error: `genPrivateKey` makes no such keys but DSA, which Go refuses too",
        covers: |_| false,
        examples: &[
            // The private key is a row of ones.
            "{{ (genCAWithKey \"ca\" 1 (printf \"-----BEGIN PRIVATE KEY-----\\n%s\\n-----END PRIVATE KEY-----\" \
             \"ME4CAQAwEAYHKoZIzj0CAQYFK4EEACIENzA1AgEBBDABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\")).Cert | len }}",
        ],
    },
    Difference {
        title: "certificates that end before 1970",
        reason: "an error: the library does not write such times",
        covers: |_| false,
        examples: &["{{ (genCA \"ca\" -30000).Cert | splitList \"\\n\" | first }}"],
    },
    Difference {
        title: "templates beyond the [limits](#limits)",
        reason: "an error: one object must not take what all objects need",
        covers: |_| false,
        examples: &[
            "{{ repeat 2000000 \"a\" }}",
            "{{ until 2000000 | len }}",
            "{{ repeat 100 \"[\" | cat (repeat 100 \"]\") | len }}{{ printf \"%20000d\" 1 }}",
            "{{ fromJson (printf \"%s%s\" (repeat 100 \"[\") (repeat 100 \"]\")) }}",
        ],
    },
];

/// Whether an action has a time among the arguments of `printf`, and a verb that is not for text.
fn prints_inside_of_a_time(template: &str) -> bool {
    template.split("printf \"").skip(1).any(|call| {
        let action = call.split("}}").next().unwrap_or_default();
        let (format, arguments) = action.split_once('"').unwrap_or_default();
        let verbs = format.replace("%%", "");
        let for_numbers = verbs.split('%').skip(1).any(|verb| {
            let verb = verb.trim_start_matches(|c: char| "+-# 0123456789.".contains(c));
            !verb.starts_with(['v', 's', 'q', 'x', 'X', 'T'])
        });
        for_numbers && (arguments.contains("toDate") || arguments.contains("ToDate"))
    })
}

/// Whether a case runs into a difference that is known.
pub(crate) fn is_known(template: &str) -> bool {
    DIFFERENCES
        .iter()
        .any(|difference| (difference.covers)(template))
}

#[test]
fn every_documented_difference_still_differs() -> anyhow::Result<()> {
    let oracle = Oracle::new()?;
    for difference in DIFFERENCES {
        let cases: Vec<Case> = difference.examples.iter().copied().map(Case::new).collect();
        let tally = compare(&oracle, &cases)?;
        assert_eq!(
            tally.different.len(),
            cases.len(),
            "{} ({}): no longer a difference in all of {:?}",
            difference.title,
            difference.reason,
            difference.examples
        );
    }
    Ok(())
}

#[test]
fn the_guide_lists_the_differences() -> anyhow::Result<()> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/templates.md");
    let guide = std::fs::read_to_string(guide)?;
    let listed: Vec<&str> = guide
        .lines()
        .skip_while(|line| *line != "## Differences from Go")
        .filter(|line| line.starts_with("| ") && !line.starts_with("| what "))
        .collect();
    let wanted: Vec<String> = DIFFERENCES
        .iter()
        .map(|difference| format!("| {} | {} |", difference.title, difference.reason))
        .collect();
    assert_eq!(listed, wanted, "the table below \"## Differences from Go\"");
    Ok(())
}
