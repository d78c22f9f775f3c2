//! This crate holds only tests: see `tests/agreement.rs`.
