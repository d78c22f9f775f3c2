//! A type of claims must be deserializable, since it is read from a token.

use tower_jwt_auth::{JwtAuth, Secret};

struct Shopper {
    #[allow(dead_code)]
    sub: String,
}

fn main() {
    let secret = Secret::generate().unwrap();
    let _ = JwtAuth::new(secret).claims::<Shopper>();
}
