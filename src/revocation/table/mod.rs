//! The revocations that are known, as one data structure in memory.

pub(crate) mod fingerprint;
pub(crate) mod fingerprint_map;
pub(crate) mod mark;
pub(crate) mod revocation_table;
