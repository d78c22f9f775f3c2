//! Tests of logins against real servers on loopback, which sign with real keys.
//!
//! The protocol is not part of the public API, so these tests are here and not in `tests/`.

mod exchange;
mod id_token;
mod kit;
mod metadata;
mod plain_oauth;
mod presets;
mod user_info;
