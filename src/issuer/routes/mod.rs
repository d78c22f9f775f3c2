//! Routes for axum.

pub(crate) mod accounts;
pub(crate) mod auth_routes;
mod context;
pub(crate) mod cookies;
mod handlers;
mod oauth_error;
mod requests;
mod set_cookie;
