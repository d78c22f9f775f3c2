//! Configuration that cannot work is refused where it is written, not at the first request.

use std::fmt::Display;

/// Stops the program with a sentence that says what to do.
#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "a builder's misuse is the programmer's error, never input")]
pub(crate) fn refuse(sentence: impl Display) -> ! {
    panic!("tower-jwt-auth: {sentence}")
}
