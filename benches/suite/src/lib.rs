//! The modules that several benchmarks use.

pub mod connection;
pub mod contenders;
pub mod floor;
pub mod key_pairs;
pub mod measure;
pub mod routes;
pub mod tokens;
pub mod verifiers;
