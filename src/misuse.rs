//! The panic for invalid configuration. It occurs at the call site and not at the first request.

use std::fmt::Display;

/// Panics with a sentence that says how to fix the configuration.
#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "a builder's misuse is the programmer's error, never input")]
pub(crate) fn refuse(sentence: impl Display) -> ! {
    panic!("tower-jwt-auth: {sentence}")
}
