//! A string must first become a `Secret`, which rejects short and guessable strings.

use tower_jwt_auth::JwtAuth;

fn main() {
    let _ = JwtAuth::new("my-secret-password");
}
