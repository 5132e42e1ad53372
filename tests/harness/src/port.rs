//! Free TCP ports for child processes.
//!
//! They lie below the kernel's ephemeral range (32768 and up), so that an outgoing connection cannot take the port of
//! a server that is being restarted.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use anyhow::bail;

const FIRST: u16 = 10_000;
const LAST: u16 = 30_000;

static NEXT: Mutex<Option<u16>> = Mutex::new(None);

/// A port nobody listens on. It is not handed out again by this process before 20,000 others were.
pub fn free() -> anyhow::Result<u16> {
    let mut next = NEXT
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut candidate = next.unwrap_or_else(first_of_this_process);
    for _ in FIRST..LAST {
        let port = candidate;
        candidate = if port + 1 >= LAST { FIRST } else { port + 1 };
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            *next = Some(candidate);
            return Ok(port);
        }
    }
    bail!("no free TCP port between {FIRST} and {LAST}")
}

/// Processes that run side by side start far from each other.
fn first_of_this_process() -> u16 {
    let spread = u32::from(LAST - FIRST);
    let offset = std::process::id().wrapping_mul(97) % spread;
    FIRST + u16::try_from(offset).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_calls_yield_two_ports() {
        assert_ne!(free().unwrap(), free().unwrap());
    }
}
