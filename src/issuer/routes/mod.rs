//! Routes for axum.

pub(crate) mod accounts;
pub(crate) mod auth_routes;
mod context;
pub(crate) mod cookies;
mod credentials;
mod handlers;
mod oauth_error;
mod requests;
mod set_cookie;
mod well_known;
