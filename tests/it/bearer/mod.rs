//! Tests of the credentials in a request and the challenge in a response.

pub(crate) mod challenge;
mod custom_source;
mod query_token;
pub(crate) mod tcp;
