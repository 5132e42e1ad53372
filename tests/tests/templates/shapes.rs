//! Functions whose results differ from call to call: each with templates whose output is the same in Go and here.

use crate::case::Case;
use crate::compare::compare;
use crate::oracle::Oracle;

/// Functions that depend on time or chance, or are only good for what such a function gives, with templates that show the
/// shape of what they give.
const VARYING: &[(&str, &[&str])] = &[
    ("ago", &["{{ ago now }}", "{{ kindOf (ago now) }}"]),
    (
        "bcrypt",
        &[
            r#"{{ regexMatch "^\\$2a\\$10\\$[./A-Za-z0-9]{53}$" (bcrypt "x") }} {{ eq (bcrypt "x") (bcrypt "x") }}"#,
        ],
    ),
    (
        "buildCustomCert",
        &[
            r#"{{ $ca := genCA "ca" 1 }}{{ $c := buildCustomCert (b64enc $ca.Cert) (b64enc $ca.Key) }}{{ eq $c.Cert $ca.Cert }} {{ eq $c.Key $ca.Key }} {{ typeOf $c }}"#,
            r#"{{ buildCustomCert "x" "y" }}"#,
            r#"{{ buildCustomCert (b64enc "x") (b64enc "y") }}"#,
        ],
    ),
    (
        "encryptAES",
        &[
            r#"{{ encryptAES "key" "plain text" | decryptAES "key" }}"#,
            r#"{{ encryptAES "a key longer than thirty-two bytes, really" "" | decryptAES "a key longer than thirty-two bytes, really" }}"#,
            r#"{{ range list "" "a" "0123456789abcdef" "0123456789abcdef0" }}{{ encryptAES "k" . | b64dec | len }} {{ end }}"#,
        ],
    ),
    (
        "genCA",
        &[
            r#"{{ $c := genCA "ca" 365 }}{{ typeOf $c }} {{ kindOf $c }} {{ regexMatch "^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n$" $c.Cert }} {{ regexMatch "^-----BEGIN RSA PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END RSA PRIVATE KEY-----\n$" $c.Key }}"#,
            r#"{{ (genCA "ca" 365).Nothing }}"#,
        ],
    ),
    (
        "genCAWithKey",
        &[
            r#"{{ $k := genPrivateKey "ecdsa" }}{{ $c := genCAWithKey "ca" 365 $k }}{{ eq $c.Key $k }} {{ contains "BEGIN CERTIFICATE" $c.Cert }}"#,
            r#"{{ genCAWithKey "ca" 365 "no key" }}"#,
        ],
    ),
    (
        "genPrivateKey",
        &[
            r#"{{ $k := genPrivateKey "rsa" }}{{ splitList "\n" $k | first }} {{ hasSuffix "-----\n" $k }}"#,
            r#"{{ genPrivateKey "" | splitList "\n" | first }}"#,
            r#"{{ genPrivateKey "dsa" | splitList "\n" | first }}"#,
            r#"{{ range list "ecdsa" "ed25519" }}{{ $k := genPrivateKey . }}{{ splitList "\n" $k | first }} {{ hasSuffix "-----\n" $k }};{{ end }}"#,
            r#"{{ genPrivateKey "no such kind" }}"#,
        ],
    ),
    (
        "genSelfSignedCert",
        &[
            r#"{{ $c := genSelfSignedCert "host" (list "127.0.0.1" "::1") (list "a.example" "b.example") 30 }}{{ contains "BEGIN CERTIFICATE" $c.Cert }} {{ contains "RSA PRIVATE" $c.Key }}"#,
            r#"{{ genSelfSignedCert "host" (list "not an address") nil 30 }}"#,
            r#"{{ genSelfSignedCert "host" nil (list 3) 30 }}"#,
        ],
    ),
    (
        "genSelfSignedCertWithKey",
        &[
            r#"{{ $k := genPrivateKey "ecdsa" }}{{ (genSelfSignedCertWithKey "host" nil nil 30 $k).Key | eq $k }}"#,
        ],
    ),
    (
        "genSignedCert",
        &[
            r#"{{ $ca := genCA "ca" 365 }}{{ $c := genSignedCert "host" nil (list "a.example") 30 $ca }}{{ contains "BEGIN CERTIFICATE" $c.Cert }} {{ eq $c.Key $ca.Key }}"#,
            r#"{{ genSignedCert "host" nil nil 30 "no authority" }}"#,
        ],
    ),
    (
        "genSignedCertWithKey",
        &[
            r#"{{ $ca := genCA "ca" 365 }}{{ $k := genPrivateKey "ecdsa" }}{{ (genSignedCertWithKey "host" nil nil 30 $ca $k).Key | eq $k }}"#,
        ],
    ),
    (
        "htpasswd",
        &[
            r#"{{ regexMatch "^user:\\$2a\\$10\\$[./A-Za-z0-9]{53}$" (htpasswd "user" "pw") }}"#,
            r#"{{ htpasswd "us:er" "pw" }}"#,
        ],
    ),
    (
        "now",
        &[
            r#"{{ typeOf now }} {{ kindOf now }} {{ now | unixEpoch | len }} {{ now | date "2006-01-02" | regexMatch "^20[0-9]{2}-[01][0-9]-[0-3][0-9]$" }}"#,
        ],
    ),
    (
        "randAlpha",
        &[
            r#"{{ regexMatch "^[a-zA-Z]{24}$" (randAlpha 24) }} {{ randAlpha 0 | quote }} {{ eq (randAlpha 24) (randAlpha 24) }}"#,
        ],
    ),
    (
        "randAlphaNum",
        &[
            r#"{{ regexMatch "^[a-zA-Z0-9]{24}$" (randAlphaNum 24) }} {{ randAlphaNum 0 | quote }}"#,
            r#"{{ randAlphaNum -1 }}"#,
            r#"{{ randAlphaNum "x" }}"#,
        ],
    ),
    (
        "randAscii",
        &[r#"{{ regexMatch "^[ -~]{24}$" (randAscii 24) }} {{ randAscii 0 | quote }}"#],
    ),
    (
        "randBytes",
        &[
            r#"{{ randBytes 20 | b64dec | len }} {{ randBytes 0 | quote }}"#,
            "{{ randBytes -1 }}",
        ],
    ),
    (
        "randInt",
        &[
            r#"{{ $n := randInt 3 9 }}{{ and (ge $n 3) (lt $n 9) }} {{ typeOf $n }} {{ randInt 5 6 }} {{ randInt -3 -2 }}"#,
            "{{ randInt 5 5 }}",
            "{{ randInt 9 3 }}",
            "{{ randInt -9223372036854775808 9223372036854775807 }}",
        ],
    ),
    (
        "randNumeric",
        &[r#"{{ regexMatch "^[0-9]{24}$" (randNumeric 24) }} {{ randNumeric 0 | quote }}"#],
    ),
    (
        "shuffle",
        &[
            r#"{{ shuffle "aabbccdé" | splitList "" | sortAlpha | join "" }} {{ shuffle "" | quote }}"#,
        ],
    ),
    (
        "uuidv4",
        &[
            r#"{{ regexMatch "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$" uuidv4 }} {{ eq uuidv4 uuidv4 }}"#,
        ],
    ),
];

/// Functions that take what is no time for the current one. With a time they do not vary: the grid compares them.
pub(crate) const TIMED: &[&str] = &[
    "date",
    "dateInZone",
    "date_in_zone",
    "durationRound",
    "htmlDate",
    "htmlDateInZone",
];

/// Functions among the above that give the same each time.
const STEADY: &[&str] = &["buildCustomCert"];

/// Whether two calls with the same arguments can differ, whatever these are.
pub(crate) fn varies(name: &str) -> bool {
    has_shape(name) && !STEADY.contains(&name)
}

/// Whether templates here show the function at work.
pub(crate) fn has_shape(name: &str) -> bool {
    VARYING.iter().any(|(varying, _)| *varying == name)
}

#[test]
fn varying_functions_have_the_shape_that_they_have_in_go() -> anyhow::Result<()> {
    let cases: Vec<Case> = VARYING
        .iter()
        .flat_map(|(_, templates)| templates.iter().copied().map(Case::new))
        .collect();
    let tally = compare(&Oracle::new()?, &cases)?;
    assert!(tally.different.is_empty(), "{}", tally.different.join("\n"));
    Ok(())
}

#[test]
fn every_varying_function_says_so_and_no_other() {
    let entries = || {
        signet_templates::FUNCTIONS
            .iter()
            .flat_map(|table| table.iter())
    };
    for entry in entries() {
        let wanted = varies(entry.name) || TIMED.contains(&entry.name);
        assert_eq!(entry.varies, wanted, "{}", entry.name);
    }
}
