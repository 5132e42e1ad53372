//! Seals standard input for one target and prints the blob in base64.
//!
//! `cargo run -p signet-common --example seal -- CERT SCOPE NAMESPACE NAME ITEM < value`. The vectors that Signet made
//! itself come from here (`tests/vectors/generate.py`).
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example has to read its input and show its output"
)]

use std::error::Error;
use std::io::Read;

use signet_common::{Certificate, Plaintext, SealTarget, seal};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [certificate, scope, namespace, name, item] = arguments.as_slice() else {
        return Err("usage: seal CERT SCOPE NAMESPACE NAME ITEM < value".into());
    };
    let certificate = Certificate::parse_pem(&std::fs::read(certificate)?)?;
    let target = SealTarget::new(scope.parse()?, namespace, name)?;
    let mut value = Vec::new();
    std::io::stdin().read_to_end(&mut value)?;
    let blob = seal(
        &mut rand::rng(),
        certificate.key(),
        &target,
        item,
        &Plaintext::new(value),
    )?;
    println!("{}", blob.to_base64());
    Ok(())
}
