//! Tests of the extensions that the layer adds to a request, and of connections that end with their
//! token.

#[cfg(feature = "connections")]
mod ended;
mod extensions;
mod nested;
