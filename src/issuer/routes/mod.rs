//! Routes for axum.

pub(crate) mod accounts;
pub(crate) mod auth_routes;
pub(crate) mod context;
pub(crate) mod cookies;
mod credentials;
mod handlers;
pub(crate) mod login_error;
pub(crate) mod login_request;
pub(crate) mod logins;
pub(crate) mod oauth_error;
pub(crate) mod requests;
pub(crate) mod return_path;
pub(crate) mod set_cookie;
pub(crate) mod started_login;
mod token_answer;
pub(crate) mod well_known;
