//! Every bomb is refused, and takes no more memory than it is charged for.
//!
//! One test, alone in its program: the allocator counts for the whole process.

#[path = "bombs/list.rs"]
mod list;

use std::collections::BTreeMap;

use jiff::Timestamp;
use peak_alloc::PeakAlloc;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_templates::{Env, FaultKind, Limits, Options, TemplateError, render};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The values, a work space of the same size in the function that runs, and what an allocator and short texts add.
const MOST: u64 = Limits::MEMORY * 5 / 2;
const GO_FAILS: [&str; 3] = ["regex-repetition", "regex-nested", "own-map-json"];

fn run(text: &str) -> Result<usize, TemplateError> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut env = Env::new(Timestamp::UNIX_EPOCH, &mut rng);
    let data: BTreeMap<&str, &[u8]> = [("a", b"value".as_slice())].into();
    let out = render(&[("t", text)].into(), &data, Options::default(), &mut env)?;
    Ok(out["t"].len())
}

#[test]
fn every_bomb_is_refused_and_takes_no_more_memory_than_it_is_charged_for() {
    let bombs = list::bombs();
    assert!(bombs.len() >= 50, "only {} bombs", bombs.len());
    let mut wrong = Vec::new();
    for (name, text) in &bombs {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        match run(text) {
            Ok(len) => wrong.push(format!("{name} gave {len} bytes")),
            Err(error) if error.kind == FaultKind::TooExpensive => {}
            // Go refuses these too.
            Err(error) if GO_FAILS.contains(name) && error.kind == FaultKind::Failed => {}
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
        let peak = (ALLOCATOR.peak_usage() - before) as u64;
        if peak > MOST {
            wrong.push(format!("{name} took {} KiB", peak >> 10));
        }
        // A map that holds itself, for one, is taken apart.
        let left = ALLOCATOR.current_usage().saturating_sub(before);
        if left > 4096 {
            wrong.push(format!("{name} leaves {left} bytes"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
