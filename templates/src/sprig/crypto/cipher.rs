//! AES-256-CBC as sprig uses it: the password is the key, cut or filled with zeros; no authentication.

use aes::Aes256;
use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::sprig::encode::decode64;
use crate::{Call, Fault, Value};

const BLOCK: usize = 16;

fn key(password: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let length = password.len().min(key.len());
    key[..length].copy_from_slice(&password[..length]);
    key
}

/// The initialisation vector and the blocks behind it, in base64. Nothing stays nothing.
pub(super) fn encrypt(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let (password, text) = (call.str(0)?, call.str(1)?);
    call.room(text.len().saturating_mul(3).saturating_add(4 * BLOCK))?;
    if text.is_empty() {
        return call.text("");
    }
    let mut iv = [0; BLOCK];
    call.env.rng.fill_bytes(&mut iv);
    let key = key(password);
    let cipher = cbc::Encryptor::<Aes256>::new((&*key).into(), &iv.into());
    let blocks = cipher.encrypt_padded_vec::<Pkcs7>(text);
    call.text(BASE64_STANDARD.encode([&iv[..], &blocks].concat()))
}

pub(super) fn decrypt(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    const WRONG: Fault = Fault::failed("not a ciphertext");
    let (password, text) = (call.str(0)?, call.str(1)?);
    call.room(text.len().saturating_mul(2))?;
    if text.is_empty() {
        return call.text("");
    }
    let sealed = decode64(text).map_err(|_| WRONG)?;
    let (iv, blocks) = sealed.split_at_checked(BLOCK).ok_or(WRONG)?;
    let iv: [u8; BLOCK] = iv.try_into().map_err(|_| WRONG)?;
    let key = key(password);
    let cipher = cbc::Decryptor::<Aes256>::new((&*key).into(), &iv.into());
    let mut opened = cipher
        .decrypt_padded_vec::<NoPadding>(blocks)
        .map_err(|_| WRONG)?;
    // As in sprig, only the last byte of the padding is looked at.
    let padding = usize::from(*opened.last().ok_or(WRONG)?);
    let length = opened.len().checked_sub(padding).ok_or(WRONG)?;
    opened.truncate(length);
    call.text(opened)
}
