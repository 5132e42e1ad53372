//! Certificates as values of templates, and the functions that make them.

use core::net::IpAddr;
use std::any::Any;
use std::rc::Rc;

use rustls_pki_types::pem::SectionKind;
use x509_cert::Certificate as X509;
use x509_cert::der::Decode;

use super::Cost;
use super::key::{self, Key};
use super::x509::{self, Issuer, Request};
use crate::sprig::encode::decode64;
use crate::value::is_object;
use crate::{Call, Fault, Kind, Object, Value};

/// What `%T` says.
pub(super) const TYPE: &str = "sprig.certificate";

/// A certificate and its key, as PEM texts.
struct Certificate {
    cert: Value,
    key: Value,
}

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", self.cert.clone()), ("Key", self.key.clone())]
    }

    fn deep_equal(&self, other: &dyn Object) -> bool {
        is_object(other, |other: &Self| self.texts() == other.texts())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Certificate {
    fn texts(&self) -> [&[u8]; 2] {
        [&self.cert, &self.key].map(|value| match value {
            Value::Str(text) => text,
            _ => &[][..],
        })
    }
}

fn value(call: &mut Call<'_, '_>, cert: &[u8], key: &[u8]) -> Result<Value, Fault> {
    let (cert, key) = (call.text(cert)?, call.text(key)?);
    call.env.meter.allocate(size_of::<Certificate>())?;
    Ok(Value::Object(Rc::new(Certificate { cert, key })))
}

/// An authority: its certificate and its key.
fn authority(cert: &[u8], key: &[u8]) -> Result<(X509, Key), Fault> {
    const UNREADABLE: Fault = Fault::failed("not a certificate");
    let (kind, der) = key::first_block(cert).ok_or(UNREADABLE)?;
    if kind != SectionKind::Certificate {
        return Err(UNREADABLE);
    }
    let cert = X509::from_der(&der).map_err(|_| UNREADABLE)?;
    Ok((cert, Key::from_pem(key)?))
}

pub(super) fn build_custom(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    const NOT_BASE64: Fault = Fault::failed("not base64");
    let (cert, key) = (call.str(0)?, call.str(1)?);
    call.room(cert.len().saturating_add(key.len()).saturating_mul(2))?;
    call.env.meter.step(Cost::SIGNATURE)?;
    let cert = decode64(cert).map_err(|_| NOT_BASE64)?;
    let key = decode64(key).map_err(|_| NOT_BASE64)?;
    authority(&cert, &key)?;
    value(call, &cert, &key)
}

/// What is asked for by the first arguments of all of these functions; `days` says which argument has the days.
fn request(call: &Call<'_, '_>, days: usize) -> Result<Request, Fault> {
    let common_name = str::from_utf8(call.str(0)?)
        .map_err(|_| Fault::failed("the common name is not UTF-8"))?
        .to_owned();
    let mut request = Request {
        common_name,
        addresses: Vec::new(),
        names: Vec::new(),
        is_authority: days == 1,
        not_before: call.env.now,
        days: call.int(days)?,
    };
    if request.is_authority {
        return Ok(request);
    }
    const NO_STRING: Fault = Fault::failed("addresses and names must be strings");
    for item in call.slice(1)?.items().iter() {
        let Value::Str(text) = item else {
            return Err(NO_STRING);
        };
        let address = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        let address: IpAddr = address.ok_or(Fault::failed("not an IP address"))?;
        request.addresses.push(address.to_canonical());
    }
    for item in call.slice(2)?.items().iter() {
        let Value::Str(text) = item else {
            return Err(NO_STRING);
        };
        let ascii = str::from_utf8(text).ok().filter(|text| text.is_ascii());
        let name = ascii.ok_or(Fault::failed("a name with more than ASCII"))?;
        request.names.push(name.to_owned());
    }
    Ok(request)
}

/// A certificate of `key` that it signs itself.
fn self_signed(call: &mut Call<'_, '_>, request: &Request, key: &Key) -> Result<Value, Fault> {
    call.env.meter.step(Cost::SIGNATURE)?;
    let cert = x509::build(call.env.rng, request, &key.spki()?, Issuer::Itself, key)?;
    let key = key.to_pem()?;
    value(call, cert.as_bytes(), key.as_bytes())
}

/// A certificate of `key` that the authority in an argument signs.
fn signed(
    call: &mut Call<'_, '_>,
    request: &Request,
    by: usize,
    key: &Key,
) -> Result<Value, Fault> {
    call.env.meter.step(Cost::SIGNATURE)?;
    let [cert, pem] = call.object::<Certificate>(call.any(by)?)?.texts();
    let (parent, signer) = authority(cert, pem)?;
    let issuer = Issuer::Authority(&parent);
    let cert = x509::build(call.env.rng, request, &key.spki()?, issuer, &signer)?;
    let key = key.to_pem()?;
    value(call, cert.as_bytes(), key.as_bytes())
}

pub(super) fn gen_ca(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let request = request(call, 1)?;
    let key = key::rsa(call, 2048)?;
    self_signed(call, &request, &key)
}

pub(super) fn gen_ca_with_key(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let request = request(call, 1)?;
    let key = Key::from_pem(call.str(2)?)?;
    self_signed(call, &request, &key)
}

pub(super) fn gen_self_signed(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let request = request(call, 3)?;
    let key = key::rsa(call, 2048)?;
    self_signed(call, &request, &key)
}

pub(super) fn gen_self_signed_with_key(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let request = request(call, 3)?;
    let key = Key::from_pem(call.str(4)?)?;
    self_signed(call, &request, &key)
}

pub(super) fn gen_signed(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let request = request(call, 3)?;
    let key = key::rsa(call, 2048)?;
    signed(call, &request, 4, &key)
}

pub(super) fn gen_signed_with_key(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let request = request(call, 3)?;
    let key = Key::from_pem(call.str(5)?)?;
    signed(call, &request, 4, &key)
}
