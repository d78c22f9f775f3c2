//! Properties of all tokens. The module `time` contains the properties that involve time.

mod time;

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use tower_jwt_auth::jwt::{Signer, TokenErrorKind};
use tower_jwt_auth::{Algorithm, JwtAuth};

use crate::kit;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".{0,6}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Generates claims without a registered meaning.
fn unknown() -> impl Strategy<Value = Map<String, Value>> {
    btree_map("x_.{0,6}", value(), 0..5).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a_signed_token_verifies_with_the_same_claims(claims in unknown(), sub in ".{0,20}", jti: Option<u32>) {
        let mut claims = claims;
        claims.insert("exp".to_owned(), (kit::NOW + 1).into());
        claims.insert("sub".to_owned(), sub.clone().into());
        claims.extend(jti.map(|jti| ("jti".to_owned(), jti.to_string().into())));
        for algorithm in kit::ALGORITHMS {
            let key = kit::key(algorithm).with_id("k").unwrap();
            let token = Signer::new(key.clone()).sign(&claims).unwrap();
            let auth = JwtAuth::new(key).with_clock(kit::at(kit::NOW)).claims::<Value>();
            let verified = auth.verify(&token).unwrap();
            prop_assert_eq!(verified.as_object(), Some(&claims));
            prop_assert_eq!(verified.token().subject(), Some(&*sub));
            let jti = jti.map(|jti| jti.to_string());
            prop_assert_eq!(verified.token().id(), jti.as_deref());
            prop_assert_eq!(verified.token().key_id(), Some("k"));
            prop_assert_eq!(verified.token().encoded(), token);
        }
    }

    #[test]
    fn unknown_claims_and_the_order_of_members_change_nothing(
        (claims, shuffled) in members().prop_flat_map(|m| (Just(m.clone()), Just(m).prop_shuffle())),
        unknown in unknown(),
        at in any::<prop::sample::Index>(),
    ) {
        let object = |members: &[(String, Value)]| {
            let members = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        };
        let auth = kit::auth().issuer("a").audience("cart");
        let expected = kit::fault(&auth, &kit::with_payload(object(&claims)));
        prop_assert_eq!(kit::fault(&auth, &kit::with_payload(object(&shuffled))), expected);
        let mut more = shuffled;
        let at = at.index(more.len() + 1);
        for (name, value) in unknown {
            let name = Value::from(name).to_string();
            more.insert(at, (name[1..name.len() - 1].to_owned(), value));
        }
        prop_assert_eq!(kit::fault(&auth, &kit::with_payload(object(&more))), expected);
    }

}

/// Generates registered claims, valid or invalid, each at most once.
fn members() -> impl Strategy<Value = Vec<(String, Value)>> {
    let one = |name: &'static str, values: Vec<Value>| {
        proptest::option::of(select(values)).prop_map(move |value| (name.to_owned(), value))
    };
    let now = kit::NOW;
    (
        one("exp", vec![json!(now + 1), json!(now + 1), json!(now), json!(0.5)]),
        one("nbf", vec![json!(now), json!(now + 1)]),
        one("iat", vec![json!(now), json!(now + 1)]),
        one("iss", vec![json!("a"), json!("a"), json!("b")]),
        one("aud", vec![json!("cart"), json!(["x", "cart"]), json!("x"), json!([])]),
        one("sub", vec![json!("a"), json!("a"), json!("a"), json!(1)]),
        one("scope", vec![json!("a b"), json!(["a"])]),
    )
        .prop_map(|(a, b, c, d, e, f, g)| {
            let members = [a, b, c, d, e, f, g].into_iter();
            members.filter_map(|(name, value)| Some((name, value?))).collect()
        })
}

fn bytes_of(response: &Response<Bytes>) -> String {
    format!("{} {:?} {:?}", response.status(), response.headers(), response.body())
}

fn generic() -> String {
    bytes_of(&kit::send(&kit::auth(), kit::bearer("a.b.c")))
}

#[test]
fn generic_rejections_are_identical_byte_for_byte() {
    #[derive(serde::Deserialize)]
    struct Shopper {
        #[expect(dead_code, reason = "only whether it is there matters")]
        company: String,
    }
    let now = kit::NOW;
    let strict = kit::auth()
        .issuer("a")
        .audience("cart")
        .require_claim("sub")
        .max_lifetime(Duration::from_secs(60))
        .claims::<Shopper>();
    let good = format!(
        r#"{{"iss":"a","aud":"cart","sub":"s","exp":{},"iat":{now},"company":"c"}}"#,
        now + 60
    );
    assert_eq!(kit::fault(&strict, &kit::with_payload(&good)), None);
    let change = |from: &str, to: &str| kit::with_payload(good.replace(from, to));
    let head = |header: &str| kit::sign(header, &good);
    let other_key = kit::sign_as(Algorithm::Hs256, &[7; 32], r#"{"alg":"HS256"}"#, &good);
    for (token, kind) in [
        ("a.b.c".to_owned(), TokenErrorKind::Malformed),
        (head("{}"), TokenErrorKind::Malformed),
        (head(r#"{"alg":"HS256","crit":["x"]}"#), TokenErrorKind::UnsupportedHeader),
        (head(r#"{"alg":"HS256","typ":"refresh+jwt"}"#), TokenErrorKind::WrongType),
        (head(r#"{"alg":"HS256","kid":"x"}"#), TokenErrorKind::UnknownKeyId),
        (head(r#"{"alg":"HS512"}"#), TokenErrorKind::WrongAlgorithm),
        (head(r#"{"alg":"none"}"#), TokenErrorKind::WrongAlgorithm),
        (other_key, TokenErrorKind::BadSignature),
        (change("\"a\"", "\"b\""), TokenErrorKind::WrongIssuer),
        (change("\"cart\"", "\"pay\""), TokenErrorKind::WrongAudience),
        (change("\"sub\"", "\"sup\""), TokenErrorKind::MissingClaim),
        (change("\"exp\"", "\"axp\""), TokenErrorKind::MissingClaim),
        (change("\"iat\"", "\"nbf\":9999999999,\"iat\""), TokenErrorKind::NotYetValid),
        (change(&now.to_string(), &(now + 1).to_string()), TokenErrorKind::IssuedInFuture),
        (change(&(now + 60).to_string(), &(now + 61).to_string()), TokenErrorKind::LifetimeTooLong),
        (change("\"iat\"", "\"cnf\":{},\"iat\""), TokenErrorKind::SenderConstrained),
        (change("\"company\"", "\"compagny\""), TokenErrorKind::ClaimsMismatch),
        (change("\"sub\":\"s\"", "\"sub\":1"), TokenErrorKind::Malformed),
    ] {
        assert_eq!(kit::fault(&strict, &token), Some(kind));
        let response = kit::send(&strict, kit::bearer(&token));
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(bytes_of(&response), generic(), "{kind:?}");
    }
}
