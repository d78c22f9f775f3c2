//! Tests with `rfc/jwk_thumbprints.json`: the thumbprints of RFC 7638 and RFC 8037.

use serde_json::Value;
use tower_jwt_auth::Key;

use crate::kit;

#[test]
fn keys_have_the_thumbprints_of_the_rfcs() {
    let file = kit::json("rfc/jwk_thumbprints.json");
    let mut applied = 0;
    for set in file.as_object().unwrap().values() {
        let thumbprints = set["thumbprints"].as_array().unwrap();
        for (jwk, thumbprint) in set["keys"].as_array().unwrap().iter().zip(thumbprints) {
            let mut jwk = jwk.clone();
            // The first key is an encryption key, which `Key` does not accept. The test therefore
            // sets `use` to `sig`. The thumbprint does not depend on `use`.
            jwk["use"] = "sig".into();
            for kid in [jwk["kid"].clone(), "another".into(), Value::Null] {
                jwk["kid"] = kid.clone();
                let key = Key::from_jwk(&jwk.to_string()).unwrap();
                assert_eq!(key.thumbprint().as_deref(), thumbprint.as_str());
                assert_eq!(key.id(), kid.as_str().or(thumbprint.as_str()));
            }
            applied += 1;
        }
    }
    assert_eq!(applied, 3);
}
