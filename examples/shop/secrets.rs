//! The secret of each server.
//!
//! The auth server has the master secret, and each service has a derived secret. A secret leaked
//! from the cart server cannot sign tokens for the payment server.

use std::env;
use std::error::Error;

use tower_jwt_auth::{KeyError, Secret};

/// The name of the issuer. It is the `iss` of every token, and an input to the derivation of every
/// secret.
pub(crate) const ISSUER: &str = "https://auth.shop.example";

/// Returns the secret of the auth server.
pub(crate) fn master() -> Result<Secret, KeyError> {
    Secret::from_env("JWT_SECRET")
}

/// Returns `JWT_SECRET`, or a random secret if the variable is not set. A random secret is enough
/// if one process runs all servers.
pub(crate) fn master_or_new() -> Result<Secret, KeyError> {
    if env::var_os("JWT_SECRET").is_some() { master() } else { Secret::generate() }
}

/// Returns the secret of a service that runs as its own process.
///
/// In production, `CART_SECRET` or `PAYMENT_SECRET` contains the secret in base64. To get the
/// base64 text, call `Secret::dangerous_to_base64`, or run the commands in
/// `docs/reference/derive.md`. If the variable is not set, for example in a trial on one machine,
/// the service derives the secret from `JWT_SECRET`.
pub(crate) fn of_service(name: &str) -> Result<Secret, Box<dyn Error + Send + Sync>> {
    let variable = format!("{}_SECRET", name.to_uppercase());
    if env::var_os(&variable).is_some() {
        return Ok(Secret::from_env_base64(&variable)?);
    }
    match master() {
        Ok(master) => Ok(master.derive(ISSUER, name)),
        Err(error) => {
            Err(format!("set {variable}, or JWT_SECRET to try things out: {error}").into())
        }
    }
}
