//! Issues and verifies tokens on the command line, for experiments and for tests with other
//! libraries. `JWT_SECRET` contains the secret. `ALG` is the algorithm, HS256 by default.
//!
//! ```console
//! $ export JWT_SECRET=$(openssl rand -base64 48)
//! $ cargo run --example token -- issue alice cart "cart:read pay"
//! eyJhbGciOi...
//! $ cargo run --example token -- issue alice cart "" '{"company":"acme","roles":["admin"]}'
//! eyJhbGciOi...
//! $ cargo run --example token -- issue alice cart | cargo run --example token -- verify cart
//! {"iss":"https://auth.shop.example","sub":"alice",...}
//! ```
//!
//! An auth server for several services has one secret, from which it derives a separate secret for
//! each service. The following command prints the derived secret of one service. The service reads
//! the derived secret with `Secret::from_env_base64`.
//!
//! ```console
//! $ cargo run --example token -- derive https://auth.shop.example cart
//! gK0p...
//! ```
//!
//! With public keys, set `JWT_KEY` instead of `JWT_SECRET`. It names a file that contains PEM, a
//! JWK, or a set of JWKs.
//!
//! ```console
//! $ cargo build --example token --features asymmetric
//! $ alias token=target/debug/examples/token
//! $ export ALG=EdDSA
//! $ token generate >private.pem
//! $ JWT_KEY=private.pem token public >public.json
//! $ JWT_KEY=private.pem token issue alice cart | JWT_KEY=public.json token verify cart
//! {"iss":"https://auth.shop.example","sub":"alice",...}
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::io::read_to_string;
use std::process::ExitCode;

use serde_json::Value;
use tower_jwt_auth::issuer::{Grant, TokenIssuer};
use tower_jwt_auth::{JwtAuth, Key, KeySet, Secret};

const ISSUER: &str = "https://auth.shop.example";

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("token: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["issue", subject, audience] => issue(subject, audience, "", "{}"),
        ["issue", subject, audience, scopes] => issue(subject, audience, scopes, "{}"),
        ["issue", subject, audience, scopes, claims] => issue(subject, audience, scopes, claims),
        ["verify", audience] => verify(audience, read_to_string(std::io::stdin())?.trim()),
        ["derive", issuer, audience] => {
            Ok(Secret::from_env("JWT_SECRET")?.derive(issuer, audience).dangerous_to_base64())
        }
        #[cfg(feature = "asymmetric")]
        ["generate"] => key_files::generate(),
        #[cfg(feature = "asymmetric")]
        ["public"] => key_files::public(),
        _ => Err("write `issue SUBJECT AUDIENCE [SCOPES [CLAIMS]]`, `verify AUDIENCE` with the token on \
                  standard input, `derive ISSUER AUDIENCE`, `generate` or `public`"
            .into()),
    }
}

/// `claims` is a JSON object with the application's own claims.
fn issue(
    subject: &str,
    audience: &str,
    scopes: &str,
    claims: &str,
) -> Result<String, Box<dyn Error>> {
    // The default limit of 4096 bytes is too small for ML-DSA-87: a signature has 6170 characters.
    let issuer = TokenIssuer::new(ISSUER).audience(audience, keys()?).max_token_bytes(8192);
    let claims: Value = serde_json::from_str(claims)?;
    let grant = Grant::new(subject).scopes(scopes.split_whitespace()).claims(claims);
    Ok(issuer.issue(&grant)?.as_str().to_owned())
}

fn verify(audience: &str, token: &str) -> Result<String, Box<dyn Error>> {
    let auth = JwtAuth::new(keys()?).issuer(ISSUER).audience(audience).claims::<Value>();
    let claims = auth.verify(token).map_err(|error| error.reason().into_owned())?;
    Ok(claims.to_string())
}

fn keys() -> Result<KeySet, Box<dyn Error>> {
    #[cfg(feature = "asymmetric")]
    if std::env::var_os("JWT_KEY").is_some() {
        return key_files::read();
    }
    let secret = Secret::from_env("JWT_SECRET")?;
    Ok(match std::env::var("ALG").as_deref() {
        Err(_) | Ok("HS256") => Key::hs256(secret),
        Ok("HS384") => Key::hs384(secret)?,
        Ok("HS512") => Key::hs512(secret)?,
        Ok(other) => {
            return Err(format!("ALG={other}: HS256, HS384 or HS512, or set JWT_KEY").into());
        }
    }
    .into())
}

#[cfg(feature = "asymmetric")]
mod key_files {
    use std::error::Error;

    use tower_jwt_auth::{Algorithm, Key, KeySet};

    /// Returns a new key pair in PEM.
    pub(crate) fn generate() -> Result<String, Box<dyn Error>> {
        Ok(Key::generate(algorithm()?)?.dangerous_to_pem()?.trim_end().to_owned())
    }

    /// Returns the public half of the key as a set of JWKs, as auth servers publish it.
    pub(crate) fn public() -> Result<String, Box<dyn Error>> {
        let jwks: Vec<_> = read()?.iter().filter_map(Key::to_jwk).collect();
        Ok(format!(r#"{{"keys":[{}]}}"#, jwks.join(",")))
    }

    pub(crate) fn read() -> Result<KeySet, Box<dyn Error>> {
        let text = std::fs::read_to_string(std::env::var("JWT_KEY")?)?;
        Ok(if !text.starts_with('{') {
            Key::from_pem(algorithm()?, &text)?.into()
        } else if text.contains("\"keys\"") {
            KeySet::from_jwks(&text)?
        } else {
            Key::from_jwk(&text)?.into()
        })
    }

    fn algorithm() -> Result<Algorithm, Box<dyn Error>> {
        Ok(std::env::var("ALG")?.parse()?)
    }
}
