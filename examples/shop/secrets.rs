//! Who knows which secret.
//!
//! The auth server holds the master secret. Each service needs only the one derived for it: what
//! leaks from the cart server cannot sign tokens for the payment server.

use std::env;
use std::error::Error;

use tower_jwt_auth::{KeyError, Secret};

/// Who issues the tokens: part of every derived secret, and the `iss` of every token.
pub(crate) const ISSUER: &str = "https://auth.shop.example";

/// The auth server's.
pub(crate) fn master() -> Result<Secret, KeyError> {
    Secret::from_env("JWT_SECRET")
}

/// For servers that start and end together, a secret of this run will do.
pub(crate) fn master_or_new() -> Result<Secret, KeyError> {
    if env::var_os("JWT_SECRET").is_some() { master() } else { Secret::generate() }
}

/// The one of a service that runs as its own process.
///
/// `CART_SECRET` or `PAYMENT_SECRET` holds it in base64: that is what a service in production is
/// given, made by `Secret::dangerous_to_base64` or as `docs/derive.md` shows. To try things out on one machine, the service
/// can derive it from `JWT_SECRET` by itself.
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
