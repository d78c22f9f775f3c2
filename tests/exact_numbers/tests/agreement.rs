//! Tests that with `arbitrary_precision`, a type reads the same values from a verified token as
//! `serde_json` reads from its payload, for any spelling of the payload.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_jwt_auth::{JwtAuth, ManualClock, Secret, UnixTime};

const SECRET: &[u8] = b"the fixed secret of these tests, 0123456789";
const NOW: i64 = 1_700_000_000;

#[derive(Deserialize, Debug, PartialEq, Clone)]
#[serde(untagged)]
enum Untagged {
    Exact { exp: u64, sub: String },
    Float { exp: f64, sub: String },
    Map(BTreeMap<String, Value>),
}

#[derive(Deserialize, Debug, PartialEq, Clone)]
#[serde(untagged)]
enum Scalar {
    Whole(u64),
    Float(f64),
    Text(String),
    Map(HashMap<String, Scalar>),
    Other(Value),
}

#[derive(Deserialize, Debug, PartialEq, Clone)]
struct Flattened {
    exp: u64,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize, Debug, PartialEq, Clone)]
struct Plain {
    exp: Option<f64>,
    nbf: Option<u64>,
    level: Option<u8>,
    ratio: Option<f32>,
}

fn sign(payload: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    let mut token = format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(payload));
    let mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(SECRET).unwrap();
    let tag = mac.chain_update(&token).finalize().into_bytes();
    token.push('.');
    token.push_str(&BASE64_URL_SAFE_NO_PAD.encode(tag));
    token
}

fn auth() -> JwtAuth {
    JwtAuth::new(Secret::new(SECRET).unwrap())
        .with_clock(ManualClock::new(UnixTime::from_secs(NOW)))
        .accept_numeric_subject()
}

/// Checks that a verified token yields the same value as `serde_json` reads from the payload.
fn agrees<T: DeserializeOwned + Debug + PartialEq + Clone + Send + Sync + 'static>(payload: &str) {
    let expected = serde_json::from_str::<T>(payload).ok();
    let found = auth().claims::<T>().verify(&sign(payload)).ok();
    let found = found.map(|claims| T::clone(&claims));
    assert_eq!(found, expected, "{payload}");
}

fn all_agree(payload: &str) {
    // With an escape in a name, the scanner leaves the payload to `serde_json`.
    let escaped = payload.replacen("\"exp\"", "\"e\\u0078p\"", 1);
    for payload in [payload, &escaped] {
        agrees::<Untagged>(payload);
        agrees::<HashMap<String, Scalar>>(payload);
        agrees::<Flattened>(payload);
        agrees::<Plain>(payload);
        agrees::<Value>(payload);
    }
}

#[test]
fn the_feature_is_on() {
    assert_eq!(serde_json::from_str::<Value>("1.50").unwrap().to_string(), "1.50");
}

#[test]
fn numbers_that_were_read_differently_agree() {
    for payload in [
        r#"{"exp":17000001000e-1,"sub":"exp"}"#,
        r#"{"exp":1700000100,"sub":"a"}"#,
        r#"{"exp":1700000100.5,"sub":"a"}"#,
        r#"{"exp":1700000100,"sub":7}"#,
        r#"{"exp":1700000100,"sub":"a","nbf":1,"level":7,"ratio":0.1}"#,
        r#"{"exp":1700000100,"nbf":null,"level":256}"#,
        r#"{"exp":1700000100,"x":{"a":1,"b":[1.0,1e2]},"roles":[1,2],"scope":7}"#,
    ] {
        all_agree(payload);
    }
}

#[test]
fn roles_and_subjects_are_those_without_the_feature() {
    let verify = |auth: JwtAuth, payload: &str| {
        let claims = auth.verify(&sign(payload)).ok()?;
        let roles: Vec<String> = claims.token().roles().map(str::to_owned).collect();
        Some((roles, claims.token().subject().map(str::to_owned)))
    };
    let exp = NOW + 60;
    let payload = format!(r#"{{"exp":{exp},"sub":42,"roles":[1,2]}}"#);
    assert_eq!(verify(auth(), &payload), Some((vec![], Some("42".to_owned()))));
    for path in ["roles", "roles.inner"] {
        let payload = format!(r#"{{"exp":{exp},"roles":7}}"#);
        assert_eq!(verify(auth().roles_claim(path), &payload), None, "{path}");
    }
    let late = format!(r#"{{"exp":{exp}000}}"#);
    assert_eq!(verify(auth(), &late), None);
}

proptest! {
    #[test]
    fn any_number_agrees(
        exp in prop_oneof![
            (NOW + 6..NOW + 1_000_000).prop_map(|exp| exp.to_string()),
            (1u32..9_999).prop_map(|part| format!("1700000100.{part}")),
            (0i32..4).prop_map(|zeros| format!("1700000100{}e-{zeros}", "0".repeat(zeros as usize))),
        ],
        number in prop_oneof![
            any::<u64>().prop_map(|n| n.to_string()),
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f32>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
            "[1-9][0-9]{20,40}",
            "[0-9]\\.[0-9]{1,20}",
        ],
        name in "(level|ratio|x|sub|roles|scope)",
        is_inside: bool,
    ) {
        let value = if is_inside { format!("[{number},{{\"a\":{number}}}]") } else { number };
        if name != "sub" {
            all_agree(&format!(r#"{{"{name}":{value},"exp":{exp}}}"#));
        }
    }
}
