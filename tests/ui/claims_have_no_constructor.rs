//! Code outside the crate cannot construct `Claims`, which prove that a token was verified.

use tower_jwt_auth::{Claims, Token};

fn forge(token: Token, other: Claims) -> Claims {
    Claims { token, ..other }
}

fn main() {}
