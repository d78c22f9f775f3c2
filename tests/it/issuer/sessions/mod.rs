//! Tests of sessions, which refresh tokens keep alive.

mod renewal;
#[cfg(feature = "feeds")]
mod revocation;
mod service;
mod session_limit;
mod slow_answers;
