//! A secret cannot be serialized into a response or a dump of the configuration.

use tower_jwt_auth::Secret;

fn assert_serialize<T: serde::Serialize>(_: &T) {}

fn main() {
    let secret = Secret::generate().unwrap();
    assert_serialize(&secret);
}
