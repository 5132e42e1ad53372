//! `signet-load libraries`: one private operation by each library that there is for Rust.

use anyhow::{Context as _, anyhow, ensure};
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};
use serde_json::json;
use sha2::Sha256;

use crate::ceiling::{Opener, cpu_seconds};

/// The default size of a key.
const BITS: usize = 4096;

/// CPU seconds of a private operation in one thread, by library.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many of each are counted.
    #[arg(long, default_value = "300")]
    count: u32,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let opener = Opener::new()?;
    let aws_lc = each(arguments.count, || {
        opener.open();
        Ok(())
    })?;
    let mut rng = rand::rng();
    let key = RsaPrivateKey::new(&mut rng, BITS).map_err(|_| anyhow!("no key was made"))?;
    let padding = || Oaep::<Sha256>::new_with_label(b"bench/object".to_vec());
    let wrapped = RsaPublicKey::from(&key)
        .encrypt(&mut rng, padding(), &[7; 32])
        .ok()
        .context("32 bytes fit")?;
    let rsa = each(arguments.count, || {
        // Blinded, as anybody has to who cares for time.
        let opened = key.decrypt_blinded(&mut rng, padding(), &wrapped);
        ensure!(opened.is_ok_and(|key| key == [7; 32]), "it does not open");
        Ok(())
    })?;
    println!("{}", json!({ "aws_lc": aws_lc, "rsa": rsa }));
    Ok(())
}

fn each(count: u32, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let before = cpu_seconds();
    (0..count).try_for_each(|_| work())?;
    Ok((cpu_seconds() - before) / f64::from(count))
}
