//! Tests of keys: what may be one, and which of them verifies a token.

mod secret;
