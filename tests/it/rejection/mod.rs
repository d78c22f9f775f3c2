//! Answers to refused requests, and what the log says of them.

mod answers;
#[cfg(feature = "tracing")]
mod logs;
