//! Credentials in a request, and the challenge in an answer.

pub(crate) mod challenge;
mod custom_source;
mod query_token;
pub(crate) mod tcp;
