//! What templates make with keys: certificates field by field as Go's, and all of it good in Go's eyes.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use x509_cert::Certificate;
use x509_cert::der::oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use x509_cert::der::{DecodePem, Encode};
use x509_cert::time::Time;

use crate::case::{Case, Outcome};
use crate::compare::compare;
use crate::dice::Dice;
use crate::oracle::{Chain, Oracle};
use crate::ours;

/// Makes `$ca` and `$c`, which it vouches for.
const MAKERS: &[&str] = &[
    r#"{{ $ca := genCA "the authority" 365 }}{{ $c := genSignedCert "host" (list "127.0.0.1" "::1" "::ffff:10.0.0.1") (list "a.example" "*.b.example") 30 $ca }}"#,
    r#"{{ $ca := genCAWithKey "ä*" 365 (genPrivateKey "ecdsa") }}{{ $c := genSignedCertWithKey "" nil (list "a.example") 30 $ca (genPrivateKey "ed25519") }}"#,
    r#"{{ $ca := genCAWithKey "ed" 20000 (genPrivateKey "ed25519") }}{{ $c := genSignedCertWithKey "host" (list "fe80::1") (list "a.example") 9000 $ca (genPrivateKey "ecdsa") }}"#,
    r#"{{ $c := genSelfSignedCert "host" (list "10.1.2.3") (list "a.example") 3 }}{{ $ca := $c }}"#,
    r#"{{ $k := genPrivateKey "ecdsa" }}{{ $c := genSelfSignedCertWithKey "host" nil (list "a.example") 3 $k }}{{ $ca := $c }}"#,
    r#"{{ $k := genPrivateKey "ed25519" }}{{ $ca := genCAWithKey "same name" 3 $k }}{{ $c := genSignedCertWithKey "same name" nil (list "a.example") 3 (buildCustomCert (b64enc $ca.Cert) (b64enc $ca.Key)) $k }}"#,
];

const BETWEEN: &str = "=====\n";

fn chain(outcome: &Outcome) -> anyhow::Result<Chain> {
    let Outcome::Output(bytes) = outcome else {
        anyhow::bail!("{outcome}");
    };
    let text = String::from_utf8(bytes.clone())?;
    let mut parts = text.split(BETWEEN).map(str::to_owned);
    let mut next = || parts.next().context("three parts");
    Ok(Chain {
        authority: next()?,
        certificate: next()?,
        key: next()?,
    })
}

/// Everything but serial, keys, times and signature: these differ.
fn fields(pem: &str) -> anyhow::Result<String> {
    let certificate = Certificate::from_pem(pem)?;
    let tbs = certificate.tbs_certificate();
    let key = tbs.subject_public_key_info();
    let validity = tbs.validity();
    let (from, to) = (validity.not_before, validity.not_after);
    let extensions: Vec<String> = tbs
        .extensions()
        .context("extensions")?
        .iter()
        .map(|extension| {
            let value = extension.extn_value.as_bytes();
            let is_hash = [ID_CE_SUBJECT_KEY_IDENTIFIER, ID_CE_AUTHORITY_KEY_IDENTIFIER]
                .contains(&extension.extn_id);
            let shown = if is_hash {
                &value[..value.len() - 20]
            } else {
                value
            };
            format!("{} {} {shown:?}", extension.extn_id, extension.critical)
        })
        .collect();
    Ok(format!(
        "{:?}\nissuer {:?}\nsubject {:?}\nkey {:?} of {} bytes\nsigned {:?} and {:?}\nfor {:?}, {} and {}\n{}",
        tbs.version(),
        tbs.issuer().to_der()?,
        tbs.subject().to_der()?,
        key.algorithm,
        key.subject_public_key.raw_bytes().len(),
        tbs.signature(),
        certificate.signature_algorithm(),
        to.to_unix_duration() - from.to_unix_duration(),
        is_utc(from),
        is_utc(to),
        extensions.join("\n"),
    ))
}

/// How the time is written: in two digits of the year, or four.
fn is_utc(time: Time) -> bool {
    matches!(time, Time::UtcTime(_))
}

#[test]
fn certificates_have_the_fields_that_go_gives_them_and_are_good_in_go() -> anyhow::Result<()> {
    let oracle = Oracle::new()?;
    let show = "{{ $ca.Cert }}BETWEEN{{ $c.Cert }}BETWEEN{{ $c.Key }}".replace("BETWEEN", BETWEEN);
    let cases: Vec<Case> = MAKERS
        .iter()
        .map(|make| Case::new(format!("{make}{show}")))
        .collect();
    for (case, go) in cases.iter().zip(oracle.render(&cases)?) {
        let (go, ours) = (chain(&go)?, chain(&ours::outcome(case))?);
        assert_eq!(fields(&ours.authority)?, fields(&go.authority)?, "{case}");
        assert_eq!(
            fields(&ours.certificate)?,
            fields(&go.certificate)?,
            "{case}"
        );
        let (read, wanted) = (
            oracle.verify("a.example", &ours)?,
            oracle.verify("a.example", &go)?,
        );
        ensure!(matches!(wanted, Outcome::Output(_)), "{case}: {wanted}");
        assert_eq!(read, wanted, "{case}");
        // The witness tells good from bad.
        let other = Chain {
            authority: go.authority,
            ..ours
        };
        let refused = oracle.verify("a.example", &other)?;
        ensure!(matches!(refused, Outcome::Failed(_)), "{case}: {refused}");
    }
    Ok(())
}

/// sprig looks at the last byte of the padding only, so some of what nobody encrypted opens.
#[test]
fn any_bytes_as_a_ciphertext_open_to_the_same_as_in_go_or_fail_in_both() -> anyhow::Result<()> {
    let mut dice = Dice::seeded("ciphertexts");
    let cases: Vec<Case> = (0..1_000)
        .map(|_| {
            let blocks = 2 + dice.below(9);
            let odd = usize::from(dice.percent(10));
            let bytes: Vec<u8> = (0..16 * blocks + odd)
                .map(|_| u8::try_from(dice.below(256)).expect("a byte"))
                .collect();
            let text = BASE64_STANDARD.encode(bytes);
            let key = "k".repeat(dice.below(40));
            Case::new(format!(
                "{{{{ decryptAES \"{key}\" \"{text}\" | b64enc }}}}"
            ))
        })
        .collect();
    let tally = compare(&Oracle::new()?, &cases)?;
    assert!(tally.different.is_empty(), "{}", tally.different.join("\n"));
    assert!(tally.both_succeeded > 100, "{}", tally.both_succeeded);
    Ok(())
}

#[test]
fn passwords_that_templates_hash_open_in_go_and_ciphertexts_too() -> anyhow::Result<()> {
    let oracle = Oracle::new()?;
    let case = Case::new(r#"{{ encryptAES "a key" .password }}"#);
    let Outcome::Output(sealed) = ours::outcome(&case) else {
        anyhow::bail!("no ciphertext");
    };
    let mut open = Case::new(r#"{{ decryptAES "a key" .sealed }}"#);
    open.data.insert("sealed".to_owned(), sealed);
    let opened = oracle.render(&[open.clone()])?;
    assert_eq!(opened, [Outcome::Output(open.data["password"].clone())]);
    // Up to what bcrypt looks at, which has no room for the end of the string.
    for length in [0, 1, 71, 72] {
        let mut case = Case::new(r#"{{ htpasswd "user" .pw }}"#);
        let password: Vec<u8> = b"p\xc3\xa4 ".repeat(18)[..length].to_vec();
        case.data.insert("pw".to_owned(), password.clone());
        let Outcome::Output(line) = ours::outcome(&case) else {
            anyhow::bail!("no hash of {length} bytes");
        };
        let line = String::from_utf8(line)?;
        let hash = line.strip_prefix("user:").context("the user")?;
        ensure!(oracle.is_hash(hash, &password)?, "{length}: {hash}");
        ensure!(!oracle.is_hash(hash, b"another")?, "{hash}");
    }
    Ok(())
}
