//! Blobs that fail in one certain way each.

use num_bigint::BigUint;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};
use signet_common::{PrivateKey, SealTarget};

use crate::fake::KEYS;

/// Size of the values, in bytes.
const VALUE: usize = 1024;
/// Length of SHA-256, and with it of label hash and seed.
const HASH: usize = 32;

/// Blobs that fail in the same way. Two classes of the same name are equal.
pub(super) struct Class<'a> {
    /// What is wrong with them.
    pub(super) name: &'static str,
    /// Makes the bytes of another one, which are always as many.
    pub(super) blob: Make<'a>,
}

/// Makes bytes.
type Make<'a> = Box<dyn Fn(&mut ChaCha8Rng) -> Vec<u8> + 'a>;

/// One way of spoiling an encoded message: its first byte, and its data block.
type Spoil = fn(&mut [u8], &mut Vec<u8>);

const OTHER_LABEL: (&str, Spoil) = ("other label", |_, block| block[..HASH].reverse());

/// Ways in which OAEP (RFC 8017 §7.1.2 step 3g) or the session key can be wrong, and one of them again.
const OAEP: [(&str, Spoil); 6] = [
    ("first byte not zero", |first, _| first[0] = 1),
    OTHER_LABEL,
    ("no 0x01 before the key", |_, block| block[HASH..].fill(0)),
    ("padding not zero", |_, block| block[HASH] = 2),
    ("session key of 16 bytes", |_, block| {
        let at = block.len() - HASH - 1;
        block[at] = 0;
        block[at + 16] = 1;
    }),
    OTHER_LABEL,
];

/// A class for each way in which unwrapping can fail. The first is that of the first byte.
pub(super) fn oaep<'a>(key: &PrivateKey, target: &'a SealTarget) -> Vec<Class<'a>> {
    let public = RsaPublicKey::from_public_key_der(key.spki_der()).expect("an RSA key");
    OAEP.map(|(name, spoil)| {
        let public = public.clone();
        let blob = move |rng: &mut ChaCha8Rng| {
            let message = encoded(rng, public.size(), &target.label(), spoil);
            framed(&wrapped(&public, &message), &[0; VALUE + 16])
        };
        let blob = Box::new(blob);
        Class { name, blob }
    })
    .into()
}

/// The public operation on an encoded message.
fn wrapped(key: &RsaPublicKey, message: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| BigUint::from_bytes_be(bytes);
    let (exponent, modulus) = (number(&key.e_bytes()), number(&key.n_bytes()));
    let wrapped = number(message).modpow(&exponent, &modulus).to_bytes_be();
    let zeros = vec![0; key.size() - wrapped.len()];
    [zeros, wrapped].concat()
}

/// An encoded message (RFC 8017 §7.1.1 step 2) that is spoiled before it is masked.
fn encoded(rng: &mut ChaCha8Rng, size: usize, label: &[u8], spoil: Spoil) -> Vec<u8> {
    let mut session_key = [0; HASH];
    rng.fill_bytes(&mut session_key);
    let mut block = Sha256::digest(label).to_vec();
    block.resize(size - 2 * HASH - 2, 0);
    block.push(1);
    block.extend(session_key);
    let mut first = [0];
    spoil(&mut first, &mut block);
    let mut seed = [0; HASH];
    rng.fill_bytes(&mut seed);
    xor(&mut block, &mask(&seed, size - HASH - 1));
    xor(&mut seed, &mask(&block, HASH));
    [&first[..], &seed, &block].concat()
}

fn xor(bytes: &mut [u8], mask: &[u8]) {
    bytes
        .iter_mut()
        .zip(mask)
        .for_each(|(byte, mask)| *byte ^= mask);
}

/// MGF1 with SHA-256 (RFC 8017 §B.2.1).
pub(super) fn mask(seed: &[u8], length: usize) -> Vec<u8> {
    let block = |counter: u32| {
        Sha256::new_with_prefix(seed)
            .chain_update(counter.to_be_bytes())
            .finalize()
    };
    (0..).flat_map(block).take(length).collect()
}

fn framed(wrapped: &[u8], sealed: &[u8]) -> Vec<u8> {
    let length = u16::try_from(wrapped.len())
        .expect("256 bytes")
        .to_be_bytes();
    [&length[..], wrapped, sealed].concat()
}

/// One way of spoiling a ciphertext with its tag.
type SpoilSealed = fn(&mut ChaCha8Rng, &mut [u8]);

const RANDOM_TAG: (&str, SpoilSealed) = ("random tag", |rng, sealed| {
    rng.fill_bytes(&mut sealed[VALUE..]);
});

/// Ways in which the tag can be wrong, and one of them again.
const GCM: [(&str, SpoilSealed); 6] = [
    ("first byte of the tag", |_, sealed| sealed[VALUE] ^= 1),
    ("last byte of the tag", |_, sealed| {
        sealed[VALUE + 15] ^= 0x80
    }),
    RANDOM_TAG,
    ("first byte of the ciphertext", |_, sealed| sealed[0] ^= 1),
    ("last byte of the ciphertext", |_, sealed| {
        sealed[VALUE - 1] ^= 1
    }),
    RANDOM_TAG,
];

/// A class for each way in which the tag can be wrong, for the faked key.
pub(super) fn gcm(target: &SealTarget) -> Vec<Class<'_>> {
    GCM.map(|(name, spoil)| {
        let blob = move |rng: &mut ChaCha8Rng| {
            let mut value = [0; VALUE];
            rng.fill_bytes(&mut value);
            let good = KEYS[0].seal(target, &value);
            let mut sealed = good.sealed().to_vec();
            spoil(rng, &mut sealed);
            framed(good.wrapped(), &sealed)
        };
        let blob = Box::new(blob);
        Class { name, blob }
    })
    .into()
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng as _;
    use signet_common::{SealedBlob, UnwrapContext, UnwrapKey, open};

    use super::*;

    #[test]
    fn what_is_not_spoiled_opens_and_each_class_does_not() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let target = SealTarget::strict("ns", "db").unwrap();
        let real = &KEYS[0].real;
        let public = RsaPublicKey::from_public_key_der(real.spki_der()).unwrap();
        let message = encoded(&mut rng, public.size(), &target.label(), |_, _| {});
        let good = framed(&wrapped(&public, &message), &[0; VALUE + 16]);
        let label = target.label();
        let context = UnwrapContext {
            label: &label,
            item: "",
        };
        let good = SealedBlob::parse(&good).unwrap();
        assert!(real.unwrap(good.wrapped(), context).is_ok());
        let mut refused = |key: &dyn UnwrapKey, class: &Class<'_>| {
            let blob = SealedBlob::parse(&(class.blob)(&mut rng)).unwrap();
            assert!(open(key, &blob, &target, "").is_err(), "{}", class.name);
        };
        oaep(real, &target)
            .iter()
            .for_each(|class| refused(real, class));
        gcm(&target)
            .iter()
            .for_each(|class| refused(&*KEYS[0], class));
    }
}
