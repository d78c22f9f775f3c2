//! Tests of the extensions that the layer adds to a request, and of connections that end when their
//! token is no longer valid.

#[cfg(feature = "connections")]
mod ended;
mod extensions;
mod nested;
