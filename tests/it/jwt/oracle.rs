//! Tests that `jsonwebtoken` accepts every token that this crate accepts, and reads the same
//! claims. Also tests that decoding the base64 text of an accepted token and encoding it again
//! gives the same text.
//!
//! Two kinds of valid tokens are exceptions: this crate accepts them, and `jsonwebtoken` rejects
//! them. The generators create no such tokens. In the first kind, a header parameter that this
//! crate ignores (`x5c`, `url`, ..) has an unexpected type. In the second kind, such a parameter
//! contains JSON that is valid by the grammar but has no meaning (half of a surrogate pair, 1e999).

use jsonwebtoken::{DecodingKey, TokenData};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use tower_jwt_auth::{Algorithm, Claims, JwtAuth};

use crate::jwt::oracle_crypto;
use crate::kit;

const ISSUER: &str = "https://auth.shop.example";

fn layer(algorithm: Algorithm, strict: bool) -> JwtAuth<Value> {
    let auth = JwtAuth::new(kit::key(algorithm)).with_clock(kit::at(kit::NOW)).claims();
    if strict { auth.issuer(ISSUER).audience(["cart", "pay"]) } else { auth }
}

fn oracle(algorithm: Algorithm, strict: bool, token: &str) -> Option<TokenData<Value>> {
    oracle_crypto::install();
    let mut rules = jsonwebtoken::Validation::new(algorithm.as_str().parse().unwrap());
    // `jsonwebtoken` uses the system's clock, but the test's clock stands still. `jsonwebtoken`
    // must therefore not check `exp`.
    rules.validate_exp = false;
    rules.leeway = 5;
    if strict {
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&["cart", "pay"]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
    }
    jsonwebtoken::decode(token, &DecodingKey::from_secret(&kit::key_bytes()), &rules).ok()
}

/// Returns true if this crate accepts the token, and false if this crate rejects it. Fails if this
/// crate accepts a token that `jsonwebtoken` rejects, or if the two crates read different claims
/// from it. Also fails if an accepted token changes when its parts are decoded and encoded again.
fn holds(algorithm: Algorithm, strict: bool, token: &str) -> Result<bool, TestCaseError> {
    let Ok(claims) = layer(algorithm, strict).verify(token) else { return Ok(false) };
    let Some(data) = oracle(algorithm, strict, token) else {
        return Err(TestCaseError::fail(format!("only we accept {token}")));
    };
    prop_assert_eq!(&*claims, &data.claims);
    let facts = claims.token();
    prop_assert_eq!(facts.issuer(), data.claims["iss"].as_str());
    prop_assert_eq!(facts.subject(), data.claims["sub"].as_str());
    prop_assert_eq!(facts.id(), data.claims["jti"].as_str());
    prop_assert_eq!(facts.encoded(), token);
    prop_assert_eq!(spelt_anew(&claims), token);
    Ok(true)
}

fn spelt_anew(claims: &Claims<Value>) -> String {
    let parts = claims.token().encoded().split('.').map(|part| kit::b64(kit::unb64(part)));
    parts.collect::<Vec<_>>().join(".")
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    select(&kit::ALGORITHMS[..])
}

/// Generates the text of a JSON value.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(&["null", "true", "0", "-1", "1e3", "\"\"", "\"\\u00e9\"", "[]", "{}", "1.0"][..])
            .prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter_map("finite", |n| n.is_finite().then(|| format!("{n:?}"))),
        ".{0,8}".prop_map(|text| Value::from(text).to_string()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(|values| format!("[{}]", values.join(" ,"))),
            vec(inner, 0..3).prop_map(|values| {
                let members = values.iter().enumerate();
                let members: Vec<_> = members.map(|(n, v)| format!("\"m{n}\": {v}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// Generates a claim: a registered name with a valid or invalid value, or another claim.
fn claim() -> impl Strategy<Value = String> {
    let date = prop_oneof![
        (kit::NOW - 10..kit::NOW + 10).prop_map(|secs| secs.to_string()),
        (0_i64..20_000).prop_map(|ms| format!("{}.{:03}", kit::NOW - 10 + ms / 1000, ms % 1000)),
        any::<u64>().prop_map(|secs| secs.to_string()),
    ];
    let party = select(
        &[
            "\"cart\"",
            "[\"pay\",\"x\"]",
            "\"x\"",
            "[]",
            "[\"cart\",1]",
            "\"https://auth.shop.example\"",
            "[\"cart\",\"cart\"]",
            "\"\\u0063art\"",
            "\"https:\\/\\/auth.shop.example\"",
        ][..],
    );
    const NAMES: [&str; 10] =
        ["iss", "aud", "sub", "jti", "i\\u0073s", "scope", "scp", "roles", "sid", "x"];
    prop_oneof![
        4 => (select(&["exp", "nbf", "iat", "\\u0065xp"][..]), date)
            .prop_map(|(name, value)| format!("\"{name}\":{value}")),
        4 => (select(&["aud", "iss", "sub"][..]), party)
            .prop_map(|(name, value)| format!("\"{name}\":{value}")),
        2 => (select(&NAMES[..]), json()).prop_map(|(name, value)| format!("\"{name}\":{value}")),
        2 => ("[f-z]{1,6}", json()).prop_map(|(name, value)| format!("\"{name}\" : {value}")),
    ]
}

/// Generates a payload of valid claims and random claims.
fn payload() -> impl Strategy<Value = String> {
    let base = prop_oneof![
        3 => Just(format!("\"exp\":{}", kit::NOW + 60)),
        2 => Just(format!("\"exp\":{},\"iss\":\"{ISSUER}\",\"aud\":[\"cart\"]", kit::NOW + 60)),
        1 => Just(String::new()),
    ];
    (base, vec(claim(), 0..4), select(&["", " ", "\n"][..])).prop_map(|(base, claims, space)| {
        let members = std::iter::once(base).chain(claims).filter(|member| !member.is_empty());
        let members: Vec<_> = members.collect();
        format!("{space}{{{space}{}}}{space}", members.join(","))
    })
}

/// Generates a header for one algorithm, possibly with additional parameters or errors.
fn header(algorithm: Algorithm) -> impl Strategy<Value = String> {
    let more = select(
        &[
            "",
            "",
            "",
            ",\"typ\":\"JWT\"",
            ",\"typ\":\"at+jwt\"",
            ",\"typ\":\"application/AT+JWT\"",
            ",\"typ\":\"x\"",
            ",\"kid\":\"k\"",
            ",\"cty\":\"JWT\"",
            ",\"x\":[{}]",
            ",\"jku\":\"https://evil.example\"",
            ",\"x5c\":[]",
            ",\"crit\":[\"exp\"]",
            ",\"b64\":false",
            ",\"alg\":\"none\"",
            ",\"zip\":\"DEF\"",
            ",\"\\u0074yp\":\"jwt\"",
            " ",
        ][..],
    );
    let name = prop_oneof![
        9 => Just(format!("{algorithm}")),
        1 => select(&["HS256", "HS384", "HS512", "none", "hs256", "RS256"][..]).prop_map(Into::into),
    ];
    (name, more).prop_map(|(name, more)| format!("{{\"alg\":\"{name}\"{more}}}"))
}

fn token() -> impl Strategy<Value = (Algorithm, String)> {
    algorithm().prop_flat_map(|algorithm| {
        (header(algorithm), payload()).prop_map(move |(header, payload)| {
            (algorithm, kit::sign_as(algorithm, &kit::key_bytes(), header, payload))
        })
    })
}

/// Generates a token that is changed at one position.
fn mutated() -> impl Strategy<Value = (Algorithm, String)> {
    (token(), any::<prop::sample::Index>(), "[A-Za-z0-9_.=+/ é-]{0,2}", 0_usize..3).prop_map(
        |((algorithm, token), at, put, taken)| {
            let at = at.index(token.len());
            let end = (at + taken).min(token.len());
            (algorithm, format!("{}{put}{}", &token[..at], &token[end..]))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_oracle_accepts_every_accepted_token((algorithm, token) in token(), strict: bool) {
        holds(algorithm, strict, &token)?;
    }

    #[test]
    fn the_oracle_accepts_every_accepted_changed_token(
        (algorithm, token) in mutated(), strict: bool,
    ) {
        holds(algorithm, strict, &token)?;
    }

    #[test]
    fn the_oracle_accepts_any_accepted_signed_bytes(
        algorithm in algorithm(), header in vec(any::<u8>(), 0..40), payload in vec(any::<u8>(), 0..40),
    ) {
        let good = format!("{{\"alg\":\"{algorithm}\"}}");
        for (header, payload) in [(&header[..], &b"{\"exp\":1800000000}"[..]), (good.as_bytes(), &payload)] {
            holds(algorithm, false, &kit::sign_as(algorithm, &kit::key_bytes(), header, payload))?;
        }
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in ".{0,60}", strict: bool) {
        prop_assert!(!holds(Algorithm::Hs256, strict, &text)?);
    }
}

#[test]
fn the_generators_make_tokens_that_are_accepted() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let strategy = token();
    for strict in [false, true] {
        let accepted = (0..500).filter(|_| {
            let (algorithm, token) = strategy.new_tree(&mut runner).unwrap().current();
            holds(algorithm, strict, &token).unwrap()
        });
        let accepted = accepted.count();
        assert!(accepted >= 25, "{accepted} of 500 are too few to prove anything");
    }
}

#[test]
fn the_known_differences_are_still_there() {
    let exp = kit::NOW + 60;
    for (header, payload) in [
        (r#"{"alg":"HS256","x5c":1}"#, format!("{{\"exp\":{exp}}}")),
        (r#"{"alg":"HS256","x":"\ud800"}"#, format!("{{\"exp\":{exp}}}")),
        (r#"{"alg":"HS256","x":1e999}"#, format!("{{\"exp\":{exp}}}")),
    ] {
        let token = kit::sign(header, payload);
        assert!(layer(Algorithm::Hs256, false).verify(&token).is_ok());
        assert!(oracle(Algorithm::Hs256, false, &token).is_none());
    }
}
