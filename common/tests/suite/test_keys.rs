//! The fixed public test keys. Making RSA keys is too slow to do in each test.

use std::sync::{Arc, LazyLock};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use signet_common::{Certificate, PrivateKey};

/// One test key with its certificate.
pub(crate) struct TestKey {
    pub(crate) pem: &'static str,
    pub(crate) key: Arc<PrivateKey>,
    pub(crate) certificate: Arc<Certificate>,
}

macro_rules! test_keys {
    ($($name:ident = $file:literal;)*) => {$(
        pub(crate) static $name: LazyLock<TestKey> = LazyLock::new(|| TestKey::load(
            include_str!(concat!("../vectors/keys/", $file, ".key")),
            include_str!(concat!("../vectors/keys/", $file, ".crt")),
        ));
    )*};
}

test_keys! {
    KEY_A = "rsa-2048-a";
    KEY_B = "rsa-2048-b";
    KEY_3072 = "rsa-3072";
    KEY_4096 = "rsa-4096";
}

/// Too small to be used.
pub(crate) const RSA_1024: &str = include_str!("../vectors/keys/rsa-1024.key");

impl TestKey {
    fn load(pem: &'static str, certificate: &'static str) -> Self {
        Self {
            pem,
            key: Arc::new(PrivateKey::parse_pem(pem.as_bytes()).unwrap()),
            certificate: Arc::new(Certificate::parse_pem(certificate.as_bytes()).unwrap()),
        }
    }
}

/// Randomness that is the same in each run.
pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}
