//! Responses to refused requests, and their log events.

mod answers;
#[cfg(feature = "tracing")]
pub(crate) mod logs;
