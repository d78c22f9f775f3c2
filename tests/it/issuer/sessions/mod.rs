//! Tests of sessions, which a refresh token continues.

mod renewal;
#[cfg(feature = "feeds")]
mod revocation;
mod service;
mod session_limit;
mod slow_answers;
