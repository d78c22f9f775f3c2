//! Routes for axum that log in users who have an account at another provider, such as Google.

mod attempt;
mod attempts_cookie;
mod callback_query;
pub(crate) mod failure;
mod handlers;
mod mount;
pub(crate) mod open_id_login;
mod page;
