//! Nothing but tests: see `tests/agreement.rs`.
