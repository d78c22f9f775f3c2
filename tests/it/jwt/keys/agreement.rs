//! Tests that this crate and `jsonwebtoken` agree about public keys, for every algorithm that both
//! libraries support.

use std::sync::LazyLock;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Algorithm, JwtAuth, Key};

use crate::jwt::oracle_crypto;
use crate::kit;
use crate::kit::pairs::{self, ALGORITHMS};

struct Both {
    pair: Key,
    layer: JwtAuth<Value>,
    theirs: jsonwebtoken::Algorithm,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

static KEYS: LazyLock<Vec<Both>> = LazyLock::new(|| {
    let algorithms = ALGORITHMS.into_iter();
    let both = algorithms.filter_map(|algorithm| {
        let theirs = jsonwebtoken::Algorithm::try_from(algorithm).ok()?;
        let pair = pairs::pair(algorithm).with_id("k").unwrap();
        let pem = pair.dangerous_to_pem().unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = kit::from_base64(&body);
        let encoding = match algorithm {
            Algorithm::EdDsa => EncodingKey::from_ed_der(&der),
            Algorithm::Es256 | Algorithm::Es384 => EncodingKey::from_ec_der(&der),
            _ => EncodingKey::from_rsa_der(&der),
        };
        let jwk: Jwk = serde_json::from_str(&pair.to_jwk().unwrap()).unwrap();
        let decoding = DecodingKey::from_jwk(&jwk).unwrap();
        let layer = JwtAuth::new(pair.public().unwrap()).with_clock(kit::at(kit::NOW)).claims();
        Some(Both { pair, layer, theirs, encoding, decoding })
    });
    both.collect()
});

impl Both {
    fn oracle(&self, token: &str) -> Option<Value> {
        oracle_crypto::install();
        let mut rules = jsonwebtoken::Validation::new(self.theirs);
        // `jsonwebtoken` uses the system's clock, but the test's clock stands still. `jsonwebtoken`
        // must therefore not check `exp`.
        rules.validate_exp = false;
        jsonwebtoken::decode(token, &self.decoding, &rules).ok().map(|data| data.claims)
    }

    fn ours(&self, token: &str) -> Option<Value> {
        self.layer.verify(token).ok().map(|claims| (*claims).clone())
    }
}

#[test]
fn nine_algorithms_are_compared() {
    assert_eq!(KEYS.len(), 9);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_accepts_the_tokens_of_the_other(sub in ".{0,40}", number: i64) {
        oracle_crypto::install();
        let claims = json!({ "exp": kit::NOW + 60, "sub": sub, "number": number });
        for both in KEYS.iter() {
            let ours = Signer::new(both.pair.clone()).sign(&claims).unwrap();
            let header = Header { kid: Some("k".to_owned()), ..Header::new(both.theirs) };
            let theirs = jsonwebtoken::encode(&header, &claims, &both.encoding).unwrap();
            for token in [ours, theirs] {
                prop_assert_eq!(both.oracle(&token), Some(claims.clone()), "{}", token);
                prop_assert_eq!(both.ours(&token), Some(claims.clone()), "{}", token);
            }
        }
    }

    #[test]
    fn a_changed_token_gets_the_same_verdict(
        at: prop::sample::Index, put in "[A-Za-z0-9_.=+/-]{0,2}", taken in 0_usize..3,
    ) {
        for both in KEYS.iter() {
            let token = Signer::new(both.pair.clone()).sign(&json!({ "exp": kit::NOW + 60 })).unwrap();
            let at = at.index(token.len());
            let end = (at + taken).min(token.len());
            let changed = format!("{}{put}{}", &token[..at], &token[end..]);
            let (ours, theirs) = (both.ours(&changed), both.oracle(&changed));
            prop_assert_eq!(ours.is_some(), changed == token, "{}", changed);
            prop_assert_eq!(ours, theirs, "{}", changed);
        }
    }
}
