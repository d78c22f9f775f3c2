//! Holding `Claims` is the proof that a token was verified, so nobody else can make one.

use tower_jwt_auth::{Claims, Token};

fn forge(token: Token, other: Claims) -> Claims {
    Claims { token, ..other }
}

fn main() {}
