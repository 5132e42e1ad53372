//! A private key whose private operation costs nothing and keeps nothing secret.
//!
//! What it unwraps is a session key in clear with a digest over the key's id and the label beside it, so an input opens
//! exactly if it was made for this key and this label: as with OAEP, but a thousand times as fast.

use std::sync::{Arc, LazyLock};

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use signet_common::{
    Certificate, KeyEntry, KeyId, KeyRing, KeyUse, MacKey, OpenError, PrivateKey, SealTarget,
    SealedBlob, SessionKey, UnwrapContext, UnwrapKey,
};

/// PEM of the public test keys and their certificates.
pub const PEM: [(&str, &str); 2] = [
    (
        include_str!("../../common/tests/vectors/keys/rsa-2048-a.key"),
        include_str!("../../common/tests/vectors/keys/rsa-2048-a.crt"),
    ),
    (
        include_str!("../../common/tests/vectors/keys/rsa-2048-b.key"),
        include_str!("../../common/tests/vectors/keys/rsa-2048-b.crt"),
    ),
];

/// A real key pair of which everything is real but the private operation.
#[derive(Debug)]
pub struct FakeKey {
    /// The real key.
    pub real: PrivateKey,
}

/// Both test keys, the older one first.
pub static KEYS: LazyLock<[Arc<FakeKey>; 2]> =
    LazyLock::new(|| PEM.map(|(pem, _)| Arc::new(FakeKey::load(pem))));

/// A ring of [`KEYS`].
pub static RING: LazyLock<KeyRing> = LazyLock::new(|| ring(|at| KEYS[at].clone()));

/// A ring of the same keys with real private operations.
pub static REAL_RING: LazyLock<KeyRing> =
    LazyLock::new(|| ring(|at| Arc::new(KEYS[at].real.clone())));

fn ring(key: fn(usize) -> Arc<dyn UnwrapKey>) -> KeyRing {
    let entries = PEM.iter().enumerate().map(|(at, (_, certificate))| {
        let certificate =
            Certificate::parse_pem(certificate.as_bytes()).expect("a test certificate");
        let after = i64::try_from(at).unwrap_or_default();
        KeyEntry {
            key: key(at),
            ordered_at: Timestamp::from_second(1 + after).expect("a time"),
            certificate: Arc::new(certificate),
            key_use: KeyUse::SealAndOpen,
            source: format!("key-{at}"),
        }
    });
    KeyRing::new(entries.collect()).expect("two keys")
}

/// When the certificates of both keys are valid.
pub fn now() -> Timestamp {
    let begin = RING.entries()[0].certificate.not_before();
    begin + jiff::SignedDuration::from_hours(24)
}

impl FakeKey {
    fn load(pem: &str) -> Self {
        Self {
            real: PrivateKey::parse_pem(pem.as_bytes()).expect("a test key"),
        }
    }

    fn check(&self, session_key: &[u8], label: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new_with_prefix(self.real.spki_der());
        digest.update(session_key);
        digest.update(label);
        digest.finalize().into()
    }

    /// Seals a value so that this key opens it.
    pub fn seal(&self, target: &SealTarget, value: &[u8]) -> SealedBlob {
        let session_key = [7; SessionKey::LEN];
        let mut wrapped = session_key.to_vec();
        wrapped.extend(self.check(&session_key, &target.label()));
        wrapped.resize(self.wrapped_len(), 0);
        let sealed = Aes256Gcm::new(&session_key.into())
            .encrypt(&Nonce::default(), value)
            .expect("a short value");
        let length = u16::try_from(wrapped.len()).expect("256 bytes");
        let bytes = [&length.to_be_bytes()[..], &wrapped, &sealed].concat();
        SealedBlob::parse(&bytes).expect("it is framed")
    }
}

impl UnwrapKey for FakeKey {
    fn key_id(&self) -> KeyId {
        self.real.key_id()
    }

    fn spki_der(&self) -> &[u8] {
        self.real.spki_der()
    }

    fn derive(&self, purpose: &str) -> MacKey {
        self.real.derive(purpose)
    }

    fn wrapped_len(&self) -> usize {
        self.real.wrapped_len()
    }

    fn unwrap(&self, wrapped: &[u8], context: UnwrapContext<'_>) -> Result<SessionKey, OpenError> {
        let (session_key, rest) = wrapped.split_at_checked(SessionKey::LEN).ok_or(OpenError)?;
        let made_for = rest.starts_with(&self.check(session_key, context.label));
        let session_key = SessionKey::from_slice(session_key).filter(|_| made_for);
        session_key.ok_or(OpenError)
    }
}
