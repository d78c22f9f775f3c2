//! A secret cannot be formatted into a log line.

use tower_jwt_auth::Secret;

fn main() {
    let secret = Secret::generate().unwrap();
    let _ = format!("{secret}");
}
