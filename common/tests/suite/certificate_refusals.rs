//! What is not sealed to, and what is read in spite of how it is written.

use jiff::Timestamp;
use signet_common::{Certificate, CertificateError, SealingKey, SealingKeyError};
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier, UintRef};
use x509_cert::der::{Encode, Tag};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::test_keys::{KEY_4096, KEY_A, KEY_B};

const CERTIFICATE_A: &str = include_str!("../vectors/keys/rsa-2048-a.crt");
const CERTIFICATE_B: &str = include_str!("../vectors/keys/rsa-2048-b.crt");
const CERTIFICATE_1024: &str = include_str!("../vectors/keys/rsa-1024.crt");
const EC: &str = include_str!("../fixtures/ec.crt");
const ED25519: &str = include_str!("../fixtures/ed25519.crt");
const RSA_PSS: &str = include_str!("../fixtures/rsa-pss.crt");
const ENDLESS: &str = include_str!("../fixtures/endless.crt");
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";

fn key_of(pem: &str) -> Result<Vec<u8>, CertificateError> {
    Certificate::parse_pem(pem.as_bytes()).map(|certificate| certificate.key().spki_der().to_vec())
}

#[test]
fn text_without_a_certificate_is_refused() {
    let public_key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    let unfinished = CERTIFICATE_A.replace("-----END CERTIFICATE-----", "");
    let not_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    for text in [
        "",
        "<html>404</html>",
        "-----BEGIN CERTIFICATE-----",
        public_key,
        &unfinished,
        not_base64,
    ] {
        assert_eq!(key_of(text), Err(CertificateError::NoCertificate), "{text}");
    }
    assert_eq!(
        Certificate::parse_pem(b"\xff\xfe\x00").unwrap_err(),
        CertificateError::NoCertificate
    );
}

#[test]
fn a_certificate_block_with_other_content_is_refused() {
    let cut = "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n";
    assert_eq!(key_of(cut), Err(CertificateError::Malformed));
    let der = rustls_pki_types::pem::PemObject::from_pem_slice(CERTIFICATE_A.as_bytes());
    let der: rustls_pki_types::CertificateDer<'_> = der.unwrap();
    for changed in [&der[..der.len() - 1], &[&der[..], &[0]].concat(), &[]] {
        assert_eq!(
            Certificate::parse_der(changed).unwrap_err(),
            CertificateError::Malformed
        );
    }
}

#[test]
fn a_private_key_anywhere_in_the_text_is_refused() {
    let keys = [
        KEY_A.pem,
        include_str!("../fixtures/rsa-pkcs8.key"),
        include_str!("../fixtures/rsa-encrypted-pkcs8.key"),
        include_str!("../fixtures/rsa-encrypted-pkcs1.key"),
        include_str!("../fixtures/ec-sec1.key"),
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n",
        "PuTTY-User-Key-File-3: ssh-rsa\n",
        "AGE-SECRET-KEY-1QQQQ\n",
    ];
    for key in keys {
        for text in [
            format!("{key}{CERTIFICATE_A}"),
            format!("{CERTIFICATE_A}{key}"),
            format!("{CERTIFICATE_A}-----BEGIN X-----\n!\n-----END Y-----\n{key}"),
        ] {
            assert_eq!(
                key_of(&text),
                Err(CertificateError::PrivateKeyInInput),
                "{text}"
            );
        }
    }
}

#[test]
fn other_kinds_of_keys_are_refused_by_name() {
    for (pem, message) in [
        (
            EC,
            "expected RSA public key but found an elliptic curve key (ECDSA)",
        ),
        (ED25519, "expected RSA public key but found an Ed25519 key"),
        (
            RSA_PSS,
            "expected RSA public key but found an RSA-PSS key, which is for signing only",
        ),
        (
            CERTIFICATE_1024,
            "the RSA key has 1024 bits, but only 2048 to 8192 are accepted",
        ),
    ] {
        assert_eq!(key_of(pem).unwrap_err().to_string(), message);
    }
}

#[test]
fn the_first_of_several_certificates_wins() {
    let key_a = Ok(KEY_A.key.spki_der().to_vec());
    assert_eq!(key_of(&format!("{CERTIFICATE_A}{CERTIFICATE_B}")), key_a);
    assert_eq!(
        key_of(&format!("{CERTIFICATE_B}{CERTIFICATE_A}")),
        Ok(KEY_B.key.spki_der().to_vec())
    );
    assert_eq!(key_of(&format!("{CERTIFICATE_A}{EC}")), key_a);
    assert!(key_of(&format!("{EC}{CERTIFICATE_A}")).is_err());
}

#[test]
fn text_around_the_certificate_and_its_line_ends_do_not_matter() {
    let key_a = Ok(KEY_A.key.spki_der().to_vec());
    let unfinished = "-----BEGIN CERTIFICATE-----\nMIIC";
    for text in [
        format!("subject=CN=x\n\n{CERTIFICATE_A}"),
        format!("{CERTIFICATE_A}garbage"),
        format!("{CERTIFICATE_A}{unfinished}"),
        CERTIFICATE_A.replace('\n', "\r\n"),
        format!("\u{feff}{CERTIFICATE_A}"),
        CERTIFICATE_A.trim_end().to_owned(),
    ] {
        assert_eq!(key_of(&text), key_a, "{text}");
    }
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let text: Vec<u8> = format!("\u{feff}{CERTIFICATE_A}")
            .encode_utf16()
            .flat_map(order)
            .collect();
        assert!(
            Certificate::parse_pem(&text).is_ok(),
            "as PowerShell writes it"
        );
    }
}

#[test]
fn a_certificate_is_expired_from_the_second_after_not_after() {
    let certificate = Certificate::parse_pem(CERTIFICATE_A.as_bytes()).unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(certificate.not_after(), at("2124-12-08T00:00:00Z"));
    assert_eq!(
        certificate.check_not_expired(at("2024-01-01T00:00:00Z")),
        Ok(()),
        "NotBefore is not judged"
    );
    assert_eq!(
        certificate.check_not_expired(at("2124-12-08T00:00:00Z")),
        Ok(())
    );
    let expired = certificate
        .check_not_expired(at("2124-12-08T00:00:01Z"))
        .unwrap_err();
    assert_eq!(
        expired.to_string(),
        "failed to encrypt using an expired certificate on December 8, 2124"
    );
}

#[test]
fn a_certificate_without_end_is_read() {
    let certificate = Certificate::parse_pem(ENDLESS.as_bytes()).unwrap();
    assert_eq!(certificate.not_after(), Timestamp::MAX);
    assert_eq!(
        certificate.check_not_expired("9999-01-01T00:00:00Z".parse().unwrap()),
        Ok(())
    );
}

/// A `SubjectPublicKeyInfo` of these parts.
fn spki(oid: &str, parameters: Option<Any>, modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let mut integers = UintRef::new(modulus).unwrap().to_der().unwrap();
    integers.extend(UintRef::new(exponent).unwrap().to_der().unwrap());
    let pkcs1 = Any::new(Tag::Sequence, integers).unwrap().to_der().unwrap();
    let oid = ObjectIdentifier::new(oid).unwrap();
    let spki = SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned { oid, parameters },
        subject_public_key: BitString::from_bytes(&pkcs1).unwrap(),
    };
    spki.to_der().unwrap()
}

/// An odd number of this many bits without small factors.
fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] = 0xff >> (bytes.len() * 8 - bits);
    let last = bytes.len() - 2;
    for end in (1..=u16::MAX).rev().step_by(2) {
        bytes[last..].copy_from_slice(&end.to_be_bytes());
        if (3..1000)
            .step_by(2)
            .all(|divisor| remainder(&bytes, divisor) != 0)
        {
            break;
        }
    }
    bytes
}

fn remainder(number: &[u8], divisor: u64) -> u64 {
    let step = |rest: u64, byte: &u8| (rest * 256 + u64::from(*byte)) % divisor;
    number.iter().fold(0, step)
}

#[test]
fn a_modulus_that_shows_its_factors_is_refused() {
    let mut times_three = modulus(2048);
    while remainder(&times_three, 3) != 0 {
        let last = times_three.len() - 1;
        times_three[last] -= 2;
    }
    let mut power_and_one = vec![0; 256];
    (power_and_one[0], power_and_one[255]) = (0x80, 1);
    for modulus in [times_three, power_and_one, vec![0xff; 256]] {
        let spki = spki(
            RSA_ENCRYPTION,
            Some(Any::null()),
            &modulus,
            &65_537_u32.to_be_bytes(),
        );
        assert_eq!(
            SealingKey::from_spki_der(&spki),
            Err(SealingKeyError::Factored)
        );
    }
}

#[test]
fn sizes_and_exponents_outside_the_bounds_are_refused() {
    use SealingKeyError::{Exponent, Size};
    let e = 65_537_u64;
    let table = [
        (2048, e, None),
        (3000, e, None),
        (8192, e, None),
        (1024, e, Some(Size(1024))),
        (2047, e, Some(Size(2047))),
        (8193, e, Some(Size(8193))),
        (16_384, e, Some(Size(16_384))),
        (2048, 1, Some(Exponent)),
        (2048, 3, Some(Exponent)),
        (2048, 65_535, Some(Exponent)),
        (2048, 65_538, Some(Exponent)),
        (2048, (1 << 32) - 1, None),
        (2048, 1 << 32, Some(Exponent)),
        (2048, (1 << 32) + 1, Some(Exponent)),
        (2048, u64::MAX, Some(Exponent)),
    ];
    for (bits, exponent, error) in table {
        let spki = spki(
            RSA_ENCRYPTION,
            Some(Any::null()),
            &modulus(bits),
            &exponent.to_be_bytes(),
        );
        assert_eq!(
            SealingKey::from_spki_der(&spki).err(),
            error,
            "{bits} {exponent}"
        );
    }
    let long = spki(RSA_ENCRYPTION, Some(Any::null()), &modulus(2048), &[1; 20]);
    assert_eq!(SealingKey::from_spki_der(&long), Err(Exponent));
}

#[test]
fn malformed_public_keys_are_refused() {
    let exponent = 65_537_u32.to_be_bytes();
    let good = spki(RSA_ENCRYPTION, Some(Any::null()), &modulus(2048), &exponent);
    let mut even = modulus(2048);
    *even.last_mut().unwrap() = 0xfe;
    let table = [
        (
            "no parameters",
            spki(RSA_ENCRYPTION, None, &modulus(2048), &exponent),
        ),
        (
            "other parameters",
            spki(
                RSA_ENCRYPTION,
                Some(Any::new(Tag::Integer, [1]).unwrap()),
                &modulus(2048),
                &exponent,
            ),
        ),
        (
            "even modulus",
            spki(RSA_ENCRYPTION, Some(Any::null()), &even, &exponent),
        ),
        ("a byte more", [&good[..], &[0]].concat()),
        ("a byte less", good[..good.len() - 1].to_vec()),
        ("nothing", Vec::new()),
    ];
    for (what, spki) in table {
        assert_eq!(
            SealingKey::from_spki_der(&spki),
            Err(SealingKeyError::Malformed),
            "{what}"
        );
    }
    let unknown = spki("1.2.3.4", None, &modulus(2048), &exponent);
    assert_eq!(
        SealingKey::from_spki_der(&unknown),
        Err(SealingKeyError::NotRsa(
            "a key with algorithm 1.2.3.4".to_owned()
        ))
    );
}

#[test]
fn a_key_is_the_same_from_its_certificate_and_from_its_spki() {
    for key in [&*KEY_A, &KEY_4096] {
        let from_spki = SealingKey::from_spki_der(key.key.spki_der()).unwrap();
        assert_eq!(&from_spki, key.certificate.key());
        assert_eq!(from_spki.key_id(), key.certificate.key_id());
    }
}
