//! Functions that make keys or hash passwords: what they cost, and that chance comes from the caller alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_templates::{Env, FaultKind, Functions, Limits, Mode, Options, TemplateError, render};

/// Each with the steps that the guide says it takes. Those that need a key or an authority first make one.
const COSTS: &[(&str, u64)] = &[
    (r#"{{ genPrivateKey "rsa" }}"#, 400_000),
    (r#"{{ genPrivateKey "" }}"#, 400_000),
    (r#"{{ genPrivateKey "dsa" }}"#, 400_000),
    (r#"{{ genPrivateKey "ecdsa" }}"#, 1_000),
    (r#"{{ genPrivateKey "ed25519" }}"#, 1_000),
    (r#"{{ genCA "ca" 1 }}"#, 102_000),
    (r#"{{ genSelfSignedCert "host" nil nil 1 }}"#, 102_000),
    (
        r#"{{ genSelfSignedCertWithKey "host" nil nil 1 (genPrivateKey "ecdsa") }}"#,
        3_000,
    ),
    (
        r#"{{ genSignedCert "host" nil nil 1 (genCAWithKey "ca" 1 (genPrivateKey "ed25519")) }}"#,
        105_000,
    ),
    (
        r#"{{ $k := genPrivateKey "ecdsa" }}{{ genSignedCertWithKey "host" nil nil 1 (genCAWithKey "ca" 1 $k) $k }}"#,
        5_000,
    ),
    (
        r#"{{ $c := genCAWithKey "ca" 1 (genPrivateKey "ed25519") }}{{ buildCustomCert (b64enc $c.Cert) (b64enc $c.Key) }}"#,
        5_000,
    ),
    (r#"{{ bcrypt "x" }}"#, 20_000),
    (r#"{{ htpasswd "user" "x" }}"#, 20_000),
    (r#"{{ derivePassword 1 "pin" "x" "user" "site" }}"#, 100_000),
];

/// What evaluating the template itself may take beside.
const AROUND: u64 = 500;

const ALL: Options = Options {
    mode: Mode::Full,
    functions: Functions::All,
};

/// Renders with so many steps left.
fn run(text: &str, steps: u64, options: Options) -> Result<Vec<u8>, TemplateError> {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut env = Env::new(Timestamp::UNIX_EPOCH, &mut rng);
    env.meter
        .step(Limits::STEPS - steps)
        .expect("so many there are");
    let mut out = render(&[("t", text)].into(), &BTreeMap::new(), options, &mut env)?;
    Ok(out.remove("t").expect("it was rendered").to_vec())
}

#[test]
fn making_keys_and_hashing_passwords_is_charged_before_it_is_done() {
    for (text, cost) in COSTS {
        let error = run(text, cost - 1, ALL).expect_err(text);
        assert_eq!(error.kind, FaultKind::TooExpensive, "{text}: {error}");
    }
}

#[test]
fn what_is_charged_is_what_the_guide_says_and_the_same_generator_gives_the_same_keys() {
    for (text, cost) in COSTS.iter().filter(|(_, cost)| *cost < 400_000) {
        let give =
            || run(text, cost + AROUND, ALL).unwrap_or_else(|error| panic!("{text}: {error}"));
        let given = give();
        assert!(given.len() >= 4, "{text}");
        assert_eq!(given, give(), "{text}");
    }
}

#[test]
fn without_the_setting_no_key_is_made_and_the_function_is_named() {
    for (text, _) in COSTS {
        let error = run(text, Limits::STEPS, Options::default()).expect_err(text);
        assert_eq!(error.kind, FaultKind::UnknownFunction, "{text}");
        let name = error.function.expect("the function is named");
        assert!(text.contains(&name), "{text}: {name}");
        assert!(signet_templates::find(&name).is_some_and(|entry| entry.key_making));
    }
}

#[test]
fn the_guide_says_what_they_cost() {
    let guide = include_str!("../../docs/guide/templates.md");
    let row = |what: &str| {
        let row = guide.lines().find(|line| line.contains(what));
        let row = row.unwrap_or_else(|| panic!("no row for {what}"));
        let steps = row.trim_end_matches(" |").rsplit("| ").next();
        let steps = steps.unwrap_or_default().replace(',', "");
        steps.parse::<u64>().unwrap_or_else(|_| panic!("{row}"))
    };
    let signature = row("a signature, or");
    let key = row("an RSA key of 2048");
    assert_eq!(row("an RSA key of 4096"), COSTS[0].1);
    assert_eq!(row("a DSA key"), COSTS[2].1);
    assert_eq!(row("a key on an elliptic curve"), COSTS[3].1);
    assert_eq!(key + signature, COSTS[5].1);
    assert_eq!(row("a hash of cost 10"), COSTS[11].1);
    assert_eq!(row("a password derived"), COSTS[13].1);
}
