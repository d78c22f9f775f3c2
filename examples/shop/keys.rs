//! The keys that sign and verify access tokens.
//!
//! By default, the auth server shares a secret with each service: see [`crate::secrets`]. If
//! `SHOP_ALG` names an algorithm such as `EdDSA`, the auth server signs with a key pair. The
//! services then hold no key that can sign. They fetch the public key from the auth server once,
//! refresh it in the background, and keep working while the auth server is down.

use std::env;
use std::error::Error;

use tower_jwt_auth::issuer::TokenIssuer;
use tower_jwt_auth::{Algorithm, IssuerKeys, Secret};

use crate::secrets::{self, ISSUER};

type Failure = Box<dyn Error + Send + Sync>;

/// Returns the issuer of the auth server.
pub(crate) fn issuer(master: &Secret) -> Result<TokenIssuer, Failure> {
    match algorithm()? {
        Some(algorithm) => public::issuer(algorithm),
        None => Ok(TokenIssuer::derived(ISSUER, master, ["cart", "payment"])),
    }
}

/// Returns the keys of a service that runs in the same process as the auth server. `auth` is the
/// URL of the auth server.
pub(crate) fn beside(auth: &str, name: &str, master: &Secret) -> Result<IssuerKeys, Failure> {
    match algorithm()? {
        Some(_) => public::of_service(auth),
        None => Ok(master.derive(ISSUER, name).into()),
    }
}

/// Returns the keys of a service that runs in a separate process. Public keys are fetched from the
/// auth server at `AUTH_URL`.
pub(crate) fn of_service(name: &str) -> Result<IssuerKeys, Failure> {
    if algorithm()?.is_none() {
        return Ok(secrets::of_service(name)?.into());
    }
    let auth = env::var("AUTH_URL").unwrap_or_else(|_| "http://127.0.0.1:4000".to_owned());
    public::of_service(&auth)
}

/// Returns the algorithm in `SHOP_ALG`.
fn algorithm() -> Result<Option<Algorithm>, Failure> {
    let Ok(name) = env::var("SHOP_ALG") else { return Ok(None) };
    let algorithm: Algorithm = name.parse().map_err(|error| format!("SHOP_ALG: {error}"))?;
    if algorithm.as_str().starts_with("HS") {
        return Err(
            "SHOP_ALG names an algorithm with public keys, such as EdDSA, ES256 or RS256: \
                    shared secrets are the default"
                .into(),
        );
    }
    if algorithm.as_str().starts_with("ML-DSA") {
        return Err(
            "SHOP_ALG: a token signed with ML-DSA is too long for the cookies of the page: \
                    use EdDSA, ES256 or RS256"
                .into(),
        );
    }
    Ok(Some(algorithm))
}

#[cfg(feature = "jwks")]
mod public {
    use std::{env, fs};

    use tower_jwt_auth::issuer::TokenIssuer;
    use tower_jwt_auth::jwks::RemoteKeys;
    use tower_jwt_auth::{Algorithm, IssuerKeys, Key, KeyStore};

    use super::Failure;
    use crate::secrets::ISSUER;

    /// Returns an issuer that signs with the key pair in the PEM file that `SHOP_KEY` names.
    /// Without `SHOP_KEY`, generates a key pair. After a restart with a new key pair, all earlier
    /// access tokens are rejected, and the page and other clients renew them.
    pub(crate) fn issuer(algorithm: Algorithm) -> Result<TokenIssuer, Failure> {
        let pair = match env::var("SHOP_KEY") {
            Ok(file) => Key::from_pem(algorithm, &fs::read_to_string(file)?)?,
            Err(_) => Key::generate(algorithm)?,
        };
        if !pair.can_sign() {
            return Err("SHOP_KEY is a public key, which cannot sign".into());
        }
        // Both services verify tokens with the same public key. Each token is nevertheless for only
        // one service: the one that the token's audience names.
        let keys = KeyStore::from(pair);
        Ok(TokenIssuer::new(ISSUER).audience("cart", keys.clone()).add_audience("payment", keys))
    }

    /// Returns the public keys of the auth server.
    ///
    /// In production, a service finds the keys by the issuer's name:
    /// `Issuer::discover("https://auth.shop.example")`. Here the auth server runs on this machine
    /// without TLS, and its address differs from the issuer's name.
    pub(crate) fn of_service(auth: &str) -> Result<IssuerKeys, Failure> {
        let keys = RemoteKeys::jwks(format!("{auth}/.well-known/jwks.json"));
        Ok(keys.dangerous_allow_http().into())
    }
}

#[cfg(not(feature = "jwks"))]
mod public {
    use tower_jwt_auth::issuer::TokenIssuer;
    use tower_jwt_auth::{Algorithm, IssuerKeys};

    use super::Failure;

    const NOT_BUILT_IN: &str = "SHOP_ALG needs public keys, which are not built in: \
                                cargo run --example shop --features jwks";

    pub(crate) fn issuer(_: Algorithm) -> Result<TokenIssuer, Failure> {
        Err(NOT_BUILT_IN.into())
    }

    pub(crate) fn of_service(_: &str) -> Result<IssuerKeys, Failure> {
        Err(NOT_BUILT_IN.into())
    }
}
