//! Hashed and derived passwords.

use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Cost;
use crate::{Call, Fault, Value};

/// Go's default.
const BCRYPT_COST: u32 = 10;
/// What bcrypt looks at: a longer password is refused.
const BCRYPT_LONGEST: usize = 72;
/// What sprig gives as a result, and not as a failure.
const TOO_LONG: &[u8] =
    b"failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes";

pub(super) fn bcrypt(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let hash = hashed(call, call.str(0)?)?;
    call.text(hash)
}

pub(super) fn htpasswd(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let (user, password) = (call.str(0)?, call.str(1)?);
    call.room(user.len().saturating_add(100))?;
    if user.contains(&b':') {
        return call.text([b"invalid username: ", user].concat());
    }
    let hash = hashed(call, password)?;
    call.text([user, b":", &hash].concat())
}

/// The hash as crypt(3) writes it, version 2a.
fn hashed(call: &mut Call<'_, '_>, password: &[u8]) -> Result<Vec<u8>, Fault> {
    if password.len() > BCRYPT_LONGEST {
        return Ok(TOO_LONG.to_vec());
    }
    call.env.meter.step(Cost::BCRYPT)?;
    let mut salt = [0; 16];
    call.env.rng.fill_bytes(&mut salt);
    // The end of a C string belongs to it, where there is room.
    let mut key = Zeroizing::new([password, b"\0"].concat());
    key.truncate(BCRYPT_LONGEST);
    let hash = bcrypt::bcrypt(BCRYPT_COST, salt, &key);
    let base64 = GeneralPurpose::new(&BCRYPT, NO_PAD);
    let text = format!(
        "$2a${BCRYPT_COST}${}{}",
        base64.encode(salt),
        base64.encode(&hash[..23])
    );
    Ok(text.into_bytes())
}

/// Forms of passwords, and what each letter of a form stands for: the Master Password algorithm.
const FORMS: &[(&[u8], &[&[u8]])] = &[
    (
        b"maximum",
        &[b"anoxxxxxxxxxxxxxxxxx", b"axxxxxxxxxxxxxxxxxno"],
    ),
    (
        b"long",
        &[
            b"CvcvnoCvcvCvcv",
            b"CvcvCvcvnoCvcv",
            b"CvcvCvcvCvcvno",
            b"CvccnoCvcvCvcv",
            b"CvccCvcvnoCvcv",
            b"CvccCvcvCvcvno",
            b"CvcvnoCvccCvcv",
            b"CvcvCvccnoCvcv",
            b"CvcvCvccCvcvno",
            b"CvcvnoCvcvCvcc",
            b"CvcvCvcvnoCvcc",
            b"CvcvCvcvCvccno",
            b"CvccnoCvccCvcv",
            b"CvccCvccnoCvcv",
            b"CvccCvccCvcvno",
            b"CvcvnoCvccCvcc",
            b"CvcvCvccnoCvcc",
            b"CvcvCvccCvccno",
            b"CvccnoCvcvCvcc",
            b"CvccCvcvnoCvcc",
            b"CvccCvcvCvccno",
        ],
    ),
    (b"medium", &[b"CvcnoCvc", b"CvcCvcno"]),
    (b"short", &[b"Cvcn"]),
    (b"basic", &[b"aaanaaan", b"aannaaan", b"aaannaaa"]),
    (b"pin", &[b"nnnn"]),
];

fn characters(letter: u8) -> &'static [u8] {
    match letter {
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

const NAMESPACE: &[u8] = b"com.lyndir.masterpassword";

/// The password of a user at a site, from a counter, a form and a master password.
pub(super) fn derive(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let counter = call.uint32(0)?;
    let (form, password, user, site) = (call.str(1)?, call.str(2)?, call.str(3)?, call.str(4)?);
    let Some((_, forms)) = FORMS.iter().find(|(name, _)| *name == form) else {
        return call.text([b"cannot find password template ", form].concat());
    };
    call.env.meter.step(Cost::SCRYPT)?;
    let too_long = |_| Fault::failed("text too long");
    let length = |text: &[u8]| u32::try_from(text.len()).map(u32::to_be_bytes);
    let salt = [NAMESPACE, &length(user).map_err(too_long)?, user].concat();
    let mut key = Zeroizing::new([0; 64]);
    let failed = Fault::failed("key derivation failed");
    let params = scrypt::Params::new(15, 8, 2).map_err(|_| failed.clone())?;
    scrypt::scrypt(password, &salt, &params, key.as_mut()).map_err(|_| failed.clone())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_ref()).map_err(|_| failed)?;
    mac.update(NAMESPACE);
    mac.update(&length(site).map_err(too_long)?);
    mac.update(site);
    mac.update(&counter.to_be_bytes());
    let seed = mac.finalize().into_bytes();
    let chosen = |among: usize, at: usize| usize::from(seed[at]) % among;
    let letters = forms[chosen(forms.len(), 0)].iter().enumerate();
    let made: Vec<u8> = letters
        .map(|(at, &letter)| {
            let characters = characters(letter);
            characters[chosen(characters.len(), at + 1)]
        })
        .collect();
    call.text(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_form_needs_no_more_than_the_seed_has() {
        let longest = FORMS.iter().flat_map(|(_, forms)| forms.iter());
        assert!(longest.map(|form| form.len()).max().unwrap() < 32);
    }
}
