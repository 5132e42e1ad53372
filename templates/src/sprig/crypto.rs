//! sprig: keys, certificates, password hashes, ciphers.
//!
//! Everything is drawn from the generator that the caller gives: the same object makes the same keys. What takes long is
//! charged before it begins, in steps, by what it takes of a processor's time.

mod certificate;
mod cipher;
mod key;
mod pass;
mod x509;

use crate::{Call, Entry, Fault, Param, Value};
use Param::{Anys, Int, Named, Str, Uint32};
use certificate::TYPE;

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("bcrypt", &[Str], pass::bcrypt)
        .varies()
        .key_making(),
    Entry::new("buildCustomCert", &[Str, Str], certificate::build_custom),
    Entry::new("decryptAES", &[Str, Str], cipher::decrypt),
    Entry::new(
        "derivePassword",
        &[Uint32, Str, Str, Str, Str],
        pass::derive,
    )
    .key_making(),
    Entry::new("encryptAES", &[Str, Str], cipher::encrypt).varies(),
    Entry::new("genCA", &[Str, Int], certificate::gen_ca)
        .varies()
        .key_making(),
    Entry::new(
        "genCAWithKey",
        &[Str, Int, Str],
        certificate::gen_ca_with_key,
    )
    .varies()
    .key_making(),
    Entry::new("genPrivateKey", &[Str], gen_private_key)
        .varies()
        .key_making(),
    Entry::new(
        "genSelfSignedCert",
        &[Str, Anys, Anys, Int],
        certificate::gen_self_signed,
    )
    .varies()
    .key_making(),
    Entry::new(
        "genSelfSignedCertWithKey",
        &[Str, Anys, Anys, Int, Str],
        certificate::gen_self_signed_with_key,
    )
    .varies()
    .key_making(),
    Entry::new(
        "genSignedCert",
        &[Str, Anys, Anys, Int, Named(TYPE)],
        certificate::gen_signed,
    )
    .varies()
    .key_making(),
    Entry::new(
        "genSignedCertWithKey",
        &[Str, Anys, Anys, Int, Named(TYPE), Str],
        certificate::gen_signed_with_key,
    )
    .varies()
    .key_making(),
    Entry::new("htpasswd", &[Str, Str], pass::htpasswd)
        .varies()
        .key_making(),
];

/// Steps that long work costs: all that an object may do takes some 2 s of one core, or two of the slowest keys. How long
/// these take is a matter of chance, and seldom more than 5 s.
pub(crate) struct Cost;

impl Cost {
    /// bcrypt with cost 10.
    pub(crate) const BCRYPT: u64 = 20_000;
    /// scrypt with N = 2¹⁵, r = 8, p = 2.
    pub(crate) const SCRYPT: u64 = 100_000;
    /// An RSA key of 2048 bits.
    pub(crate) const RSA_2048: u64 = 100_000;
    /// An RSA key of 4096 bits.
    pub(crate) const RSA_4096: u64 = 400_000;
    /// A DSA key with parameters of its own.
    pub(crate) const DSA: u64 = 400_000;
    /// A key on an elliptic curve.
    pub(crate) const CURVE: u64 = 1_000;
    /// Reading keys and certificates, and one signature.
    pub(crate) const SIGNATURE: u64 = 2_000;
}

fn gen_private_key(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let kind = call.str(0)?;
    let key = match kind {
        b"" | b"rsa" => key::rsa(call, 4096)?,
        b"dsa" => key::dsa(call)?,
        b"ecdsa" => key::ecdsa(call)?,
        b"ed25519" => key::ed25519(call)?,
        _ => return call.text([b"Unknown type ", kind].concat()),
    };
    let pem = key.to_pem()?;
    call.text(pem.as_bytes())
}
