//! Certificates as PEM (docs/trust.md row 15).
//!
//! Holds for every input: a private key in it is refused whatever else it is; what is read is written and read back as
//! the same; its key is one that `aws-lc` reads as well, with the same size; its times can be shown.

use aws_lc_rs::rsa::PublicEncryptingKey;
use jiff::Timestamp;
use signet_common::{Certificate, CertificateError, SealingKey, decode_text};

use crate::fake::PEM;
use crate::feedback::{note, note_text};
use crate::{PARSER, Target};

/// See the head of the module.
pub const TARGET: Target = Target {
    name: "certificate",
    run: target,
    seeds,
    words: &[
        "-----BEGIN CERTIFICATE-----\n",
        "-----END CERTIFICATE-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "ENCRYPTED PRIVATE KEY-----",
        "\r\n",
        "\u{feff}",
        "Proc-Type: 4,ENCRYPTED\n",
    ],
    longest: 8192,
    executions: PARSER,
};

/// What no text of a certificate holds.
const KEY_MARKS: [&str; 5] = [
    "PRIVATE KEY-----",
    "PRIVATE KEY BLOCK-----",
    "PRIVATE KEY ----",
    "PuTTY-User-Key-File-",
    "AGE-SECRET-KEY-",
];

/// One input: a PEM text.
pub fn target(data: &[u8]) {
    check(data, Certificate::parse_pem);
}

fn check(data: &[u8], parse: fn(&[u8]) -> Result<Certificate, CertificateError>) {
    let text = decode_text(data);
    let bytes = text.as_ref().map_or(data, |text| text.as_bytes());
    let has_key = KEY_MARKS.iter().any(|mark| {
        bytes
            .windows(mark.len())
            .any(|window| window == mark.as_bytes())
    });
    let found = parse(data);
    assert_eq!(
        has_key,
        found.as_ref().err() == Some(&CertificateError::PrivateKeyInInput)
    );
    let certificate = match found {
        Ok(certificate) => certificate,
        Err(error) => return note_text(&error.to_string()),
    };
    let pem = certificate.to_pem();
    let again = parse(pem.as_bytes()).expect("what was written is read");
    assert_eq!(
        (again.to_pem(), again.key_id()),
        (pem, certificate.key_id())
    );
    assert_eq!(again.not_before(), certificate.not_before());
    let key = certificate.key();
    note((
        key.bits(),
        certificate.not_after() < certificate.not_before(),
    ));
    assert!(
        (2048..=8192).contains(&key.bits()),
        "a key of {} bits",
        key.bits()
    );
    assert_eq!(SealingKey::from_spki_der(key.spki_der()).as_ref(), Ok(key));
    let other = PublicEncryptingKey::from_der(key.spki_der()).expect("aws-lc reads the key");
    assert_eq!(other.key_size_bits(), key.bits());
    for now in [Timestamp::MIN, certificate.not_after(), Timestamp::MAX] {
        let expired = certificate.check_not_expired(now);
        assert_eq!(expired.is_err(), now > certificate.not_after());
        let text = expired.map_or_else(|error| error.to_string(), |()| " on ".to_owned());
        assert!(text.contains(" on "), "{text}");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let more = [
        include_str!("../../../common/tests/vectors/keys/rsa-3072.crt"),
        include_str!("../../../common/tests/vectors/keys/rsa-1024.crt"),
    ];
    let first = PEM.iter().map(|(_, certificate)| *certificate);
    first
        .chain(more)
        .map(|text| text.as_bytes().to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::LazyLock;

    use super::*;
    use crate::planted::{finds, passes};

    #[test]
    fn certificates_bear_any_input() {
        passes(&TARGET, 20_000);
    }

    #[test]
    fn a_private_key_that_is_overlooked_is_found() {
        fn parse(data: &[u8]) -> Result<Certificate, CertificateError> {
            let text = String::from_utf8_lossy(data).replace("ENCRYPTED PRIVATE", "");
            Certificate::parse_pem(text.as_bytes())
        }
        finds(&TARGET, "left", |data| check(data, parse));
    }

    /// When the certificates of the seeds begin.
    static BEGINNINGS: LazyLock<BTreeSet<Timestamp>> = LazyLock::new(|| {
        let read = |text: Vec<u8>| Certificate::parse_pem(&text).ok();
        let certificates = seeds().into_iter().filter_map(read);
        certificates.map(|found| found.not_before()).collect()
    });

    #[test]
    fn a_panic_over_another_date_is_found() {
        fn parse(data: &[u8]) -> Result<Certificate, CertificateError> {
            let found = Certificate::parse_pem(data)?;
            assert!(BEGINNINGS.contains(&found.not_before()), "another date");
            Ok(found)
        }
        finds(&TARGET, "another date", |data| check(data, parse));
    }
}
