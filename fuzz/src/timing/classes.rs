//! Blobs that fail in one certain way each.

use num_bigint::BigUint;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};
use signet_common::{PrivateKey, SealTarget, SealedBlob};

use crate::fake::KEYS;

/// Blobs of each class: enough that none becomes a habit of the processor.
const BLOBS: usize = 64;
/// Size of the values, in bytes.
const VALUE: usize = 1024;
/// Length of SHA-256, and with it of label hash and seed.
const HASH: usize = 32;

/// Blobs that fail in the same way.
pub(super) struct Class {
    /// What is wrong with them.
    pub(super) name: &'static str,
    /// Some of them.
    pub(super) blobs: Vec<SealedBlob>,
}

/// One way of spoiling an encoded message: its first byte, and its data block.
type Spoil = fn(&mut [u8], &mut Vec<u8>);

/// Ways in which OAEP (RFC 8017 §7.1.2 step 3g) or the session key can be wrong.
const OAEP: [(&str, Spoil); 5] = [
    ("first byte not zero", |first, _| first[0] = 1),
    ("other label", |_, block| block[..HASH].reverse()),
    ("no 0x01 before the key", |_, block| block[HASH..].fill(0)),
    ("padding not zero", |_, block| block[HASH] = 2),
    ("session key of 16 bytes", |_, block| {
        let at = block.len() - HASH - 1;
        block[at] = 0;
        block[at + 16] = 1;
    }),
];

/// A class for each way in which unwrapping can fail.
pub(super) fn oaep(rng: &mut ChaCha8Rng, key: &PrivateKey, target: &SealTarget) -> Vec<Class> {
    let public = RsaPublicKey::from_public_key_der(key.spki_der()).expect("an RSA key");
    let number = |bytes: &[u8]| BigUint::from_bytes_be(bytes);
    let modulus = number(&public.n_bytes());
    let exponent = number(&public.e_bytes());
    let size = public.size();
    let wrap = |rng: &mut ChaCha8Rng, spoil: Spoil| {
        let message = encoded(rng, size, &target.label(), spoil);
        let wrapped = number(&message).modpow(&exponent, &modulus).to_bytes_be();
        let zeros = vec![0; size - wrapped.len()];
        blob(&[zeros, wrapped].concat(), &[0; VALUE + 16])
    };
    OAEP.map(|(name, spoil)| {
        let blobs = (0..BLOBS).map(|_| wrap(rng, spoil)).collect();
        Class { name, blobs }
    })
    .into()
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

fn blob(wrapped: &[u8], sealed: &[u8]) -> SealedBlob {
    let length = u16::try_from(wrapped.len())
        .expect("256 bytes")
        .to_be_bytes();
    SealedBlob::parse(&[&length[..], wrapped, sealed].concat()).expect("it is framed")
}

/// One way of spoiling a ciphertext with its tag.
type SpoilSealed = fn(&mut ChaCha8Rng, &mut [u8]);

/// Ways in which the tag can be wrong.
const GCM: [(&str, SpoilSealed); 5] = [
    ("first byte of the tag", |_, sealed| sealed[VALUE] ^= 1),
    ("last byte of the tag", |_, sealed| {
        sealed[VALUE + 15] ^= 0x80
    }),
    ("random tag", |rng, sealed| {
        rng.fill_bytes(&mut sealed[VALUE..])
    }),
    ("first byte of the ciphertext", |_, sealed| sealed[0] ^= 1),
    ("last byte of the ciphertext", |_, sealed| {
        sealed[VALUE - 1] ^= 1
    }),
];

/// A class for each way in which the tag can be wrong, for the faked key.
pub(super) fn gcm(rng: &mut ChaCha8Rng, target: &SealTarget) -> Vec<Class> {
    GCM.map(|(name, spoil)| {
        let one = |_| {
            let mut value = [0; VALUE];
            rng.fill_bytes(&mut value);
            let good = KEYS[0].seal(target, &value);
            let mut sealed = good.sealed().to_vec();
            spoil(rng, &mut sealed);
            blob(good.wrapped(), &sealed)
        };
        let blobs = (0..BLOBS).map(one).collect();
        Class { name, blobs }
    })
    .into()
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng as _;
    use signet_common::open;

    use super::*;

    #[test]
    fn what_is_not_spoiled_opens_and_each_class_does_not() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let target = SealTarget::strict("ns", "db").unwrap();
        let real = &KEYS[0].real;
        let public = RsaPublicKey::from_public_key_der(real.spki_der()).unwrap();
        let number = BigUint::from_bytes_be;
        let message = encoded(&mut rng, 256, &target.label(), |_, _| {});
        let wrapped = number(&message)
            .modpow(&number(&public.e_bytes()), &number(&public.n_bytes()))
            .to_bytes_be();
        let label = target.label();
        let context = signet_common::UnwrapContext {
            label: &label,
            item: "",
        };
        let padded = [vec![0; 256 - wrapped.len()], wrapped].concat();
        assert!(signet_common::UnwrapKey::unwrap(real, &padded, context).is_ok());
        for class in oaep(&mut rng, real, &target) {
            assert!(
                open(real, &class.blobs[0], &target, "").is_err(),
                "{}",
                class.name
            );
        }
        for class in gcm(&mut rng, &target) {
            assert!(
                open(&*KEYS[0], &class.blobs[0], &target, "").is_err(),
                "{}",
                class.name
            );
        }
    }
}
