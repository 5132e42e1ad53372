//! The self-signed certificate is what upstream makes, byte for byte where nothing is random.

use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use signet_common::{Certificate, CertificateError, CertificateRequest};
use x509_cert::der::{Decode, Encode};
use x509_cert::time::Time;

use crate::test_keys::{KEY_3072, KEY_A, KEY_B, rng};

const UPSTREAM: &str = include_str!("../fixtures/upstream.crt");
const UPSTREAM_PRINTABLE: &str = include_str!("../fixtures/upstream-printable.crt");
const UPSTREAM_NAMED: &str = include_str!("../fixtures/upstream-named.crt");
const TEN_YEARS: Duration = Duration::from_hours(87_600);

fn now() -> Timestamp {
    "2026-02-03T04:05:06.789Z".parse().unwrap()
}

fn self_signed(seed: u64, common_name: &str, valid_for: Duration, now: Timestamp) -> Certificate {
    let request = CertificateRequest {
        common_name,
        valid_for,
    };
    Certificate::self_signed(&mut rng(seed), &KEY_A.key, &request, now).unwrap()
}

fn parsed(pem: &str) -> x509_cert::Certificate {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    x509_cert::Certificate::from_der(&der).unwrap()
}

/// SubjectKeyId that upstream computes: the leftmost 160 bits of SHA-256 of the key bits.
fn key_identifier(certificate: &x509_cert::Certificate) -> Vec<u8> {
    let key_bits = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .subject_public_key
        .raw_bytes();
    [&[4, 20], &Sha256::digest(key_bits)[..20]].concat()
}

/// All that the issuer chooses and that is not random or a time: name, algorithms, version, and extensions in order.
fn shape(certificate: &x509_cert::Certificate) -> Vec<String> {
    let tbs = certificate.tbs_certificate();
    let mut shape = vec![
        format!("{:?}", tbs.version()),
        format!("{:?}", tbs.signature()),
        format!("{:?}", certificate.signature_algorithm()),
        format!("{:?}", tbs.subject_public_key_info().algorithm),
        format!("issuer {:02x?}", tbs.issuer().to_der().unwrap()),
        format!("subject {:02x?}", tbs.subject().to_der().unwrap()),
    ];
    for extension in tbs.extensions().unwrap() {
        let value = extension.extn_value.as_bytes();
        let is_key_identifier = value == key_identifier(certificate);
        let value = if is_key_identifier {
            "key identifier".to_owned()
        } else {
            format!("{value:02x?}")
        };
        shape.push(format!(
            "{} critical={} {value}",
            extension.extn_id, extension.critical
        ));
    }
    shape
}

#[test]
fn it_has_the_shape_of_upstreams() {
    for (name, upstream) in [
        ("", UPSTREAM),
        ("sealed secrets", UPSTREAM_PRINTABLE),
        ("sealed/secrets, Zürich", UPSTREAM_NAMED),
    ] {
        let ours = self_signed(1, name, TEN_YEARS, now()).to_pem();
        assert_eq!(shape(&parsed(&ours)), shape(&parsed(upstream)), "{name:?}");
    }
}

#[test]
fn it_says_what_the_format_document_says() {
    let shape = shape(&parsed(&self_signed(1, "", TEN_YEARS, now()).to_pem()));
    let key_usage_encipher_only = "2.5.29.15 critical=true [03, 02, 00, 01]";
    let basic_constraints_ca = "2.5.29.19 critical=true [30, 03, 01, 01, ff]";
    let subject_key_id = "2.5.29.14 critical=false key identifier";
    assert_eq!(shape[0], "V3");
    assert_eq!(
        shape[4..],
        [
            "issuer [30, 00]",
            "subject [30, 00]",
            key_usage_encipher_only,
            basic_constraints_ca,
            subject_key_id,
        ]
    );
}

#[test]
fn it_is_valid_from_now_for_as_long_as_asked() {
    let certificate = self_signed(1, "", TEN_YEARS, now());
    assert_eq!(
        certificate.not_before(),
        "2026-02-03T04:05:06Z".parse().unwrap()
    );
    assert_eq!(
        certificate.not_after(),
        "2036-02-01T04:05:06Z".parse().unwrap()
    );
}

#[test]
fn years_before_2050_are_utc_time_and_later_ones_generalized_time() {
    let certificate = parsed(&self_signed(1, "", TEN_YEARS * 3, now()).to_pem());
    let validity = certificate.tbs_certificate().validity();
    assert!(matches!(validity.not_before, Time::UtcTime(_)));
    assert!(matches!(validity.not_after, Time::GeneralTime(_)));
}

#[test]
fn its_serial_is_random_positive_and_below_two_to_the_128() {
    let serial = |seed| {
        let certificate = parsed(&self_signed(seed, "", TEN_YEARS, now()).to_pem());
        certificate
            .tbs_certificate()
            .serial_number()
            .as_bytes()
            .to_vec()
    };
    let serials: Vec<_> = (0..20).map(serial).collect();
    for serial in &serials {
        let positive = serial[0] < 0x80;
        let magnitude = serial.strip_prefix(&[0]).unwrap_or(serial);
        assert!(
            positive && (1..=16).contains(&magnitude.len()),
            "{serial:02x?}"
        );
    }
    let high_bit_set = serials.iter().filter(|serial| serial.len() == 17).count();
    assert!((1..20).contains(&high_bit_set), "all 128 bits are drawn");
    assert_ne!(serials[0], serials[1]);
}

#[test]
fn its_signature_is_its_own_keys() {
    let certificate = parsed(&self_signed(1, "name", TEN_YEARS, now()).to_pem());
    let key_bits = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .subject_public_key
        .raw_bytes();
    let signed = certificate.tbs_certificate().to_der().unwrap();
    let signature = certificate.signature().raw_bytes();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key_bits)
        .verify(&signed, signature)
        .unwrap();
}

#[test]
fn it_belongs_to_its_key_and_to_no_other() {
    let certificate = self_signed(1, "", TEN_YEARS, now());
    assert!(certificate.matches(&KEY_A.key));
    assert!(!certificate.matches(&KEY_B.key));
    assert!(!certificate.matches(&KEY_3072.key));
    assert_eq!(certificate.key().spki_der(), KEY_A.key.spki_der());
    assert_eq!(certificate.key_id(), KEY_A.certificate.key_id());
    assert_eq!((certificate.key().bits(), KEY_A.key.bits()), (2048, 2048));
}

#[test]
fn it_reads_back_from_pem_unchanged() {
    let pem = self_signed(1, "", TEN_YEARS, now()).to_pem();
    assert_eq!(
        Certificate::parse_pem(pem.as_bytes()).unwrap().to_pem(),
        pem
    );
    assert_eq!(
        Certificate::parse_pem(UPSTREAM.as_bytes())
            .unwrap()
            .to_pem(),
        UPSTREAM
    );
    assert!(pem.lines().all(|line| line.len() <= 64));
}

#[test]
fn times_that_x509_cannot_write_are_refused() {
    let request = |valid_for| CertificateRequest {
        common_name: "",
        valid_for,
    };
    let make = |valid_for, now| {
        Certificate::self_signed(&mut rng(1), &KEY_A.key, &request(valid_for), now)
    };
    let before_1970 = "1969-12-31T23:59:59Z".parse().unwrap();
    for (valid_for, now) in [
        (Duration::MAX, now()),
        (TEN_YEARS * 1000, now()),
        (TEN_YEARS, before_1970),
    ] {
        assert!(matches!(make(valid_for, now), Err(CertificateError::Build)));
    }
}
