//! Key pairs, generated once for each algorithm.

use std::sync::OnceLock;

use serde_json::json;
use tower_jwt_auth::jwt::{Signer, TokenErrorKind, Verifier};
use tower_jwt_auth::{Algorithm, Key, KeyStore, StandardClaims};

use super::NOW;

/// The public-key algorithms.
pub(crate) const ALGORITHMS: [Algorithm; 13] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::EdDsa,
    Algorithm::MlDsa44,
    Algorithm::MlDsa65,
    Algorithm::MlDsa87,
];

/// Returns the key pair for one algorithm. Its identifier is its thumbprint.
pub(crate) fn pair(algorithm: Algorithm) -> Key {
    static PAIRS: [OnceLock<Key>; ALGORITHMS.len()] = [const { OnceLock::new() }; ALGORITHMS.len()];
    let place = ALGORITHMS.iter().position(|other| *other == algorithm).unwrap();
    PAIRS[place].get_or_init(|| Key::generate(algorithm).unwrap()).clone()
}

/// Signs claims that are valid at [`NOW`].
pub(crate) fn sign(key: &Key) -> String {
    Signer::new(key.clone()).sign(&json!({ "sub": "alice", "exp": NOW + 60 })).unwrap()
}

/// Returns the reason for which a verifier with these keys rejects the token, or `None` if the
/// token is accepted.
pub(crate) fn fault(keys: impl Into<KeyStore>, token: &str) -> Option<TokenErrorKind> {
    let verifier = Verifier::new(keys).with_clock(super::at(NOW));
    verifier.verify::<StandardClaims>(token).err().map(|error| error.kind())
}
