//! What a process used, as the kernel counts it.

use std::fs;

use anyhow::Context;

/// CPU seconds of a process so far, user and system, all threads, without its children. Steps of 10 ms.
pub(crate) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is gone"))?;
    parse_cpu(&stat).with_context(|| format!("/proc/{pid}/stat has no times"))
}

/// The most memory that a process had at a time, in bytes.
pub(crate) fn peak_memory(pid: u32) -> anyhow::Result<u64> {
    memory(pid, "VmHWM:")
}

/// The memory that a process has now, in bytes.
pub(crate) fn memory_now(pid: u32) -> anyhow::Result<u64> {
    memory(pid, "VmRSS:")
}

/// Bytes as people read them.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1 << 20) as f64
}

fn memory(pid: u32, field: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} is gone"))?;
    parse_memory(&status, field).with_context(|| format!("/proc/{pid}/status has no {field}"))
}

/// The kernel counts in hundredths of a second for programs, whatever its own clock.
const TICKS: f64 = 100.0;

fn parse_cpu(stat: &str) -> Option<f64> {
    // The name may hold anything, parentheses too; the fields behind it are numbers: state is the third.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

fn parse_memory(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_as_the_kernel_writes_them() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 9 0 0 0 250 50 3 4 20 0 9 0 100 1 2";
        assert_eq!(parse_cpu(stat), Some(3.0));
        assert_eq!(parse_cpu("7 (a) S 1"), None);
        let status = "Name:\ta\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(parse_memory(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(parse_memory(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(parse_memory(status, "VmPTE:"), None);
    }
}
