//! Tests with `rfc/ml_dsa_*.json`: the examples of RFC 9964. The keys of these examples are
//! generated from a seed of zeroes.

use tower_jwt_auth::jwt::{Signer, TokenErrorKind};
use tower_jwt_auth::{Algorithm, Key};

use super::verify_raw;
use crate::kit::{self, str_of};

#[test]
fn examples_of_rfc_9964_have_good_signatures_over_no_claims() {
    for (name, algorithm) in
        [("44", Algorithm::MlDsa44), ("65", Algorithm::MlDsa65), ("87", Algorithm::MlDsa87)]
    {
        let file = kit::json(&format!("rfc/ml_dsa_{name}.json"));
        let token = str_of(&file, "jws");
        let pair = Key::from_jwk(&file["jwk"].to_string()).unwrap();
        assert_eq!((pair.algorithm(), pair.can_sign()), (algorithm, true));
        // The `kid` of the example is the thumbprint.
        assert_eq!(
            (pair.id(), pair.thumbprint().as_deref()),
            (file["jwk"]["kid"].as_str(), pair.id())
        );
        let mut public = file["jwk"].clone();
        public.as_object_mut().unwrap().remove("priv");
        let public = Key::from_jwk(&public.to_string()).unwrap();
        assert!(!public.can_sign());
        for key in [pair.clone(), pair.public().unwrap(), public.clone()] {
            assert_eq!(verify_raw(key, token), Some(TokenErrorKind::Malformed), "{name}");
        }
        let stranger = Key::generate(algorithm).unwrap().with_id(pair.id().unwrap()).unwrap();
        assert_eq!(verify_raw(stranger, token), Some(TokenErrorKind::BadSignature), "{name}");
        let own = Signer::new(pair).sign(&serde_json::json!({ "exp": kit::NOW + 60 })).unwrap();
        assert_eq!(verify_raw(public, &own), None, "{name}");
    }
}
