//! A text has to become a `Secret` first, which refuses short and guessable ones.

use tower_jwt_auth::JwtAuth;

fn main() {
    let _ = JwtAuth::new("my-secret-password");
}
