//! Routes for axum.

pub(crate) mod accounts;
pub(crate) mod auth_routes;
pub(crate) mod cookies;
mod desk;
mod fields;
mod handlers;
mod refusal;
mod set_cookie;
