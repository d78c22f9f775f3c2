//! Holding `Claims` is the proof that a token was verified, so nobody else can make one.

use std::sync::Arc;

use tower_jwt_auth::{Claims, StandardClaims, Token};

fn forge(token: Token) -> Claims {
    Claims { claims: Arc::new(StandardClaims::default()), token }
}

fn main() {}
