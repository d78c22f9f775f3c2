//! The auth server: tokens, sessions, routes.

mod cookies;
mod kit;
mod misuse;
mod routes;
mod sessions;
mod tokens;
