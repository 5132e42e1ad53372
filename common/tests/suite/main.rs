//! Tests over the public surface of the crate, one module a subject.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests do"
)]

mod certificate;
mod certificate_refusals;
mod key_ring;
mod peers;
mod private_key;
mod seal_open;
mod test_keys;
mod vectors;
