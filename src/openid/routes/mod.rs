//! Routes for axum that log users in with their account at another provider.

mod attempt;
mod attempts_cookie;
mod callback_query;
pub(crate) mod failure;
mod handlers;
mod mount;
pub(crate) mod open_id_login;
mod page;
