//! Tests over the public surface of the crate, one module a subject.

mod certificate;
mod certificate_refusals;
mod key_ring;
mod peers;
mod private_key;
mod seal_open;
mod test_keys;
mod vectors;
