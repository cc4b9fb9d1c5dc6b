//! What memory a process holds.

use std::fs;

/// A figure of /proc/PID/status in kB, such as `VmHWM:` for the most that it has held; 0 where the system does not tell.
pub(crate) fn held(process: u32, figure: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(figure));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
