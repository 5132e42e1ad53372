//! Reading and writing private keys, and what may be known of them.

use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use rustls_pki_types::PrivatePkcs1KeyDer;
use rustls_pki_types::pem::PemObject;
use signet_common::{
    Certificate, CertificateRequest, KeySize, Plaintext, PrivateKey, PrivateKeyError, SealTarget,
    UnwrapContext, UnwrapKey, open, seal,
};

use crate::test_keys::{KEY_3072, KEY_4096, KEY_A, KEY_B, RSA_1024, rng};

const PKCS8: &str = include_str!("../fixtures/rsa-pkcs8.key");
const ENCRYPTED_PKCS8: &str = include_str!("../fixtures/rsa-encrypted-pkcs8.key");
const ENCRYPTED_PKCS1: &str = include_str!("../fixtures/rsa-encrypted-pkcs1.key");
const EC_PKCS8: &str = include_str!("../fixtures/ec.key");
const EC_SEC1: &str = include_str!("../fixtures/ec-sec1.key");
const ED25519: &str = include_str!("../fixtures/ed25519.key");
const RSA_PSS: &str = include_str!("../fixtures/rsa-pss.key");

fn error_of(pem: &str) -> PrivateKeyError {
    PrivateKey::parse_pem(pem.as_bytes()).unwrap_err()
}

#[test]
fn pkcs1_and_pkcs8_forms_are_the_same_key() {
    let from_pkcs8 = PrivateKey::parse_pem(PKCS8.as_bytes()).unwrap();
    assert_eq!(from_pkcs8.spki_der(), KEY_A.key.spki_der());
    assert_eq!(*from_pkcs8.to_pkcs1_pem(), *KEY_A.key.to_pkcs1_pem());
    assert_eq!(
        from_pkcs8.derive("x").tag([]),
        KEY_A.key.derive("x").tag([])
    );
}

#[test]
fn what_is_not_a_usable_rsa_key_is_refused() {
    use PrivateKeyError::{NoKey, NotRsa, Rejected};
    let certificate = KEY_A.certificate.to_pem();
    let cut = "-----BEGIN RSA PRIVATE KEY-----\nMIIC\n-----END RSA PRIVATE KEY-----\n";
    let unfinished = KEY_A.pem.replace("-----END RSA PRIVATE KEY-----", "");
    let mislabelled = KEY_A.pem.replace("RSA PRIVATE KEY", "PRIVATE KEY");
    let table = [
        ("nothing", "", NoKey),
        ("garbage", "no key", NoKey),
        ("a certificate", &certificate, NoKey),
        ("no end", &unfinished, NoKey),
        ("encrypted PKCS#8", ENCRYPTED_PKCS8, NoKey),
        ("encrypted PKCS#1", ENCRYPTED_PKCS1, NoKey),
        ("EC, SEC1", EC_SEC1, NotRsa),
        ("EC, PKCS#8", EC_PKCS8, Rejected),
        ("Ed25519", ED25519, Rejected),
        ("RSA-PSS", RSA_PSS, Rejected),
        ("1024 bits", RSA_1024, Rejected),
        ("cut DER", cut, Rejected),
        ("PKCS#1 labelled PKCS#8", &mislabelled, Rejected),
    ];
    for (what, pem, error) in table {
        assert_eq!(error_of(pem), error, "{what}");
    }
}

#[test]
fn a_key_whose_numbers_do_not_fit_together_is_refused() {
    // The last bytes of PKCS#1 are the CRT coefficient.
    let der = PrivatePkcs1KeyDer::from_pem_slice(KEY_A.pem.as_bytes()).unwrap();
    let mut der = der.secret_pkcs1_der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n");
    assert_eq!(error_of(&pem), PrivateKeyError::Rejected);
}

#[test]
fn the_first_of_several_keys_is_read_and_all_of_them_on_request() {
    let both = format!("{}{}{}", KEY_B.pem, KEY_A.certificate.to_pem(), PKCS8);
    assert_eq!(
        PrivateKey::parse_pem(both.as_bytes()).unwrap().key_id(),
        KEY_B.key.key_id()
    );
    let ids = |text: &str| {
        let all = PrivateKey::parse_pem_all(text.as_bytes())?;
        let id = |key: Result<PrivateKey, _>| key.map(|key| key.key_id());
        Ok(all.into_iter().map(id).collect::<Vec<_>>())
    };
    let (a, b) = (KEY_A.key.key_id(), KEY_B.key.key_id());
    assert_eq!(ids(&both), Ok(vec![Ok(b), Ok(a)]));
    assert_eq!(ids(""), Err(PrivateKeyError::NoKey));
    // One that cannot be used takes nothing from the others.
    assert_eq!(
        ids(&format!("{RSA_1024}{}", KEY_A.pem)),
        Ok(vec![Err(PrivateKeyError::Rejected), Ok(a)])
    );
}

#[test]
fn crlf_line_ends_are_read() {
    let key = PrivateKey::parse_pem(KEY_A.pem.replace('\n', "\r\n").as_bytes()).unwrap();
    assert_eq!(key.spki_der(), KEY_A.key.spki_der());
}

#[test]
fn the_written_pem_is_the_one_that_openssl_wrote() {
    for key in [&*KEY_A, &KEY_B, &KEY_3072, &KEY_4096] {
        assert_eq!(*key.key.to_pkcs1_pem(), key.pem);
    }
}

#[test]
fn a_generated_key_goes_round_and_other_libraries_read_it() {
    let key = PrivateKey::generate(KeySize::Rsa2048).unwrap();
    let pem = key.to_pkcs1_pem();
    assert_eq!(
        PrivateKey::parse_pem(pem.as_bytes()).unwrap().spki_der(),
        key.spki_der()
    );

    let der = PrivatePkcs1KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let read_by_rsa = RsaPrivateKey::from_pkcs1_der(der.secret_pkcs1_der()).unwrap();
    assert_eq!((read_by_rsa.size(), key.bits()), (256, 2048));

    let request = CertificateRequest {
        common_name: "",
        valid_for: std::time::Duration::from_hours(1),
    };
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let certificate = Certificate::self_signed(&mut rng(1), &key, &request, now).unwrap();
    let target = SealTarget::cluster_wide();
    let plaintext = Plaintext::new(b"value".to_vec());
    let blob = seal(&mut rng(1), certificate.key(), &target, "item", &plaintext).unwrap();
    assert!(open(&key, &blob, &target, "item").is_ok_and(|opened| opened.same_as(&plaintext)));
}

#[test]
fn sizes_are_named_by_their_bits() {
    let sizes = [2048, 3072, 4096, 8192].map(KeySize::from_bits);
    assert_eq!(
        sizes,
        [
            KeySize::Rsa2048,
            KeySize::Rsa3072,
            KeySize::Rsa4096,
            KeySize::Rsa8192
        ]
        .map(Some)
    );
    for bits in [0, 1024, 2047, 4095, 16_384] {
        assert_eq!(KeySize::from_bits(bits), None);
    }
    assert_eq!(KeySize::default(), KeySize::Rsa4096);
}

#[test]
fn the_key_id_is_the_one_that_openssl_and_sha256sum_give() {
    assert_eq!(KEY_A.key.key_id().to_string(), "95d82762b5afade0");
}

#[test]
fn debug_shows_the_id_and_no_key() {
    assert_eq!(
        format!("{:?}", KEY_A.key),
        format!("PrivateKey({})", KEY_A.key.key_id())
    );
}

#[test]
fn unwrap_refuses_every_length_but_its_own() {
    for length in [0, 1, 128, 255, 257, 384] {
        let context = UnwrapContext {
            label: b"",
            item: "item",
        };
        assert!(
            KEY_A.key.unwrap(&vec![1; length], context).is_err(),
            "{length}"
        );
    }
}
