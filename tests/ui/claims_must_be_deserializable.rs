//! A claims type must be deserializable, since the claims are read from a token.

use tower_jwt_auth::{JwtAuth, Secret};

struct Shopper {
    #[allow(dead_code)]
    sub: String,
}

fn main() {
    let secret = Secret::generate().unwrap();
    let _ = JwtAuth::new(secret).claims::<Shopper>();
}
