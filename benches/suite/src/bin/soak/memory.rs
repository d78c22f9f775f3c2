//! The memory of a process, from `/proc`.

use std::fs::read_to_string;

pub(crate) struct Memory {
    path: String,
    /// Resident memory after warm-up, in KiB, one value for each sample.
    seen: Vec<u64>,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Self {
        Self { path: format!("/proc/{process}/status"), seen: Vec::new() }
    }

    pub(crate) fn look(&mut self, is_warm: bool) {
        let status = read_to_string(&self.path).expect("the server lives");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|text| text.trim().strip_suffix(" kB"));
        if is_warm {
            self.seen.push(resident.and_then(|text| text.parse().ok()).expect("a size"));
        }
    }

    /// Returns the peak of the last tenth of the samples minus the peak of the first tenth, in KiB.
    pub(crate) fn growth(&self) -> u64 {
        let (first, last) = self.ends();
        last.saturating_sub(first)
    }

    pub(crate) fn print(&self) {
        let (first, last) = self.ends();
        println!("resident: {first} KiB at first, {last} KiB at last, grown by {}", self.growth());
    }

    fn ends(&self) -> (u64, u64) {
        let tenth = self.seen.len().div_ceil(10);
        let most = |seen: &[u64]| seen.iter().max().copied().expect("warm for some seconds");
        (most(&self.seen[..tenth]), most(&self.seen[self.seen.len() - tenth..]))
    }
}
