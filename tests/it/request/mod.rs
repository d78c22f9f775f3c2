//! The entries of the layer in a request, and connections that end with their token.

#[cfg(feature = "connections")]
mod ended;
mod extensions;
mod nested;
