//! The same tokens, claims and rules for every contender.

pub mod contenders;
pub mod floor;
pub mod measure;
pub mod routes;
pub mod tokens;
