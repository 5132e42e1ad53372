//! Reading of hostile text: upstream's parser of YAML once panicked (CVE-2022-28948), and another never ended.

use proptest::prelude::*;
use signet_crds::manifest::parse_documents;
use signet_crds::{InputSecret, SealedSecret};

/// Pieces that YAML and JSON are made of, which meet in every order.
const PIECES: [&str; 48] = [
    "a",
    "0",
    "-",
    "- ",
    "--- ",
    "---\n",
    "...\n",
    ":",
    ": ",
    "? ",
    "| ",
    ">-\n",
    "\n",
    "\n  ",
    " ",
    "\t",
    "\r\n",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "\\",
    "\\u12",
    "\\xZ",
    "#",
    " #",
    "&a ",
    "*a",
    "*a: ",
    "!",
    "!!",
    "!!binary ",
    "!<x> ",
    "%YAML 9.9\n",
    "%TAG ! !\n",
    "<<: *a",
    "~",
    "null",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\0",
    "\u{fffe}",
    "kind: Secret\n",
    "data: {k: ",
];

fn read_all(bytes: &[u8]) {
    // An error or documents: what matters is that it ends, and how much it is.
    let Ok(documents) = parse_documents(bytes) else {
        return;
    };
    for document in &documents {
        let _ = InputSecret::parse(document);
        let _ = SealedSecret::parse(document);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_text_is_reading_it_ends(
        pieces in prop::collection::vec(prop::sample::select(&PIECES), 0..40),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = pieces.concat();
        read_all(text.as_bytes());
        read_all(&bytes);
        // One in the other, and cut anywhere, also within a character.
        let mut both = text.into_bytes();
        let at = cut.index(both.len() + 1);
        both.truncate(at);
        read_all(&both);
        both.extend(&bytes);
        read_all(&both);
    }
}

#[test]
fn texts_that_stopped_parsers_before_are_read_or_refused() {
    let nested = "[".repeat(5_000);
    let comma = format!("{{{}", ",".repeat(50_000));
    let texts = [
        "0: [:!00 \u{ef}",
        "#\n-\n#",
        "- - - - -\n - ? ? ?",
        "a: !!binary '",
        "? ",
        "&a *a",
        "*a",
        "a: &a [*a]",
        "<<: &a {<<: *a}",
        "---\n...\n---\n...",
        "%",
        "%YAML",
        "\u{feff}",
        "\"\\",
        "'",
        "|9999999999\n a",
        ">+\n",
        "{\"a\":",
        "{\"a\":1}}\n",
        "{\"a\":\"\\ud800\"}",
        "[1e999999999]",
        &nested,
        &comma,
    ];
    for text in texts {
        read_all(text.as_bytes());
    }
}
