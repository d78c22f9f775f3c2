//! Fuzzes the choice of an issuer. A layer with several issuers reads `iss` before it verifies the
//! signature, and chooses the issuer with that name. The verification later reads all claims, and
//! must find the same `iss`. The target gives each token to two layers. One layer trusts two
//! issuers. The other layer trusts only the issuer whose key signed the token. Both layers must
//! make the same decision.
#![no_main]

use std::sync::LazyLock;

use tower_jwt_auth::{AuthErrorKind, Issuer, JwtAuth, Key, Secret};
use tower_jwt_auth_fuzz::{AUDIENCE, ISSUER, KEY_ID, clock, key, sign, target};

const OTHER: &str = "https://other.example";

static AUTH: LazyLock<[JwtAuth; 2]> = LazyLock::new(|| {
    let secret = Secret::new(b"another fixed secret of the fuzz targets, 9876543210");
    let other_key = Key::hs256(secret.expect("the secret is long enough")).with_id(KEY_ID);
    let other_key = other_key.expect("the identifier is short");
    let ours = || Issuer::new(ISSUER, key()).audience(AUDIENCE);
    let other = Issuer::new(OTHER, other_key).audience(AUDIENCE);
    [JwtAuth::from(ours()), JwtAuth::issuers([other, ours()])].map(|auth| auth.with_clock(clock()))
});

fn decide(auth: &JwtAuth, token: &str) -> Result<(), AuthErrorKind> {
    match auth.verify(token) {
        Ok(claims) => {
            assert_eq!(claims.token().issuer(), Some(ISSUER));
            Ok(())
        }
        Err(error) => Err(error.kind()),
    }
}

fn run(payload: &[u8]) {
    let token = sign(br#"{"alg":"HS256","kid":"k1"}"#, payload);
    let [one, several] = &*AUTH;
    assert_eq!(decide(one, &token), decide(several, &token));
}

target!(run);
