//! Tests that this crate accepts the same payloads as the reference implementations, and reads the
//! same values from them. The tests cover every claims type and every `serde_json` feature.

use serde_json::Value;
use tower_jwt_auth::StandardClaims;
use tower_jwt_auth::jwt::VerifiedToken;
use tower_jwt_auth_fuzz::rules::RULES;
use tower_jwt_auth_fuzz::{payload, sign, types};

/// The default number of generated payloads. The environment variable `PAYLOADS` overrides it.
const PAYLOADS: usize = 100_000;

#[test]
fn generated_payloads_agree_for_every_type() {
    let number = std::env::var("PAYLOADS").ok().map(|number| number.parse().unwrap());
    let mut accepted = vec![0_usize; types::TYPES.len()];
    for seed in 0..number.unwrap_or(PAYLOADS) {
        let (input, kind) = (bytes(seed as u64), seed % types::TYPES.len());
        let is_accepted = types::check(kind, input[0].into(), &payload::payload(&input[1..]));
        accepted[kind] += usize::from(is_accepted);
    }
    println!("payloads accepted with each type: {accepted:?}");
    // The claims and the extracted values are compared only for accepted payloads, so at least one
    // payload must be accepted for each type.
    assert!(accepted.iter().all(|number| *number > 0), "{accepted:?}");
}

/// Returns random bytes for a seed (SplitMix64).
fn bytes(seed: u64) -> Vec<u8> {
    let words = (0..16_u64).map(|word| {
        let mut mix = (seed * 16 + word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mix = (mix ^ (mix >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mix = (mix ^ (mix >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mix ^ (mix >> 31)
    });
    words.flat_map(u64::to_le_bytes).collect()
}

#[test]
fn the_features_are_as_configured() {
    let read = |json| serde_json::from_str::<Value>(json).unwrap().to_string();
    assert_eq!(read("1.50") == "1.50", cfg!(feature = "exact-numbers"));
    assert_eq!(read(r#"{"b":1,"a":2}"#) == r#"{"b":1,"a":2}"#, cfg!(feature = "all"));
}

/// Payloads that must give the same result with every feature. Each entry is the index of the rules
/// in [`RULES`], the payload, and its result: the extracted values or the rejection reason.
const RECORDED: &[(usize, &str, &str)] = &[
    (
        0,
        r#"{"iss":"https://i.example","aud":"cart","exp":1700000100.5,"sub":"a","x":1.50}"#,
        "iss=https://i.example sub=a exp=1700000100500000000 aud=cart",
    ),
    (
        0,
        r#"{"iss":"https://i.example","aud":"cart","exp":17000001000e-1}"#,
        "iss=https://i.example exp=1700000100000000000 aud=cart",
    ),
    (0, r#"{"iss":"https://i.example","aud":1.5,"exp":1700000100}"#, "Malformed"),
    (0, r#"{"iss":1.5,"aud":"cart","exp":1700000100}"#, "Malformed"),
    (
        1,
        r#"{"sub":"a","company":"c","exp":1.7000001e9,"realm_access":{"x":1.0,"roles":["r",{"value":"s"}]},"scp":"read pay"}"#,
        "sub=a tenant=c exp=1700000100000000000 role=r role=s scope=read scope=pay",
    ),
    (
        1,
        r#"{"sub":"a","company":"c","exp":1700000100,"realm_access":{"roles":[1.5]}}"#,
        "Malformed",
    ),
    (1, r#"{"sub":"a","company":1.5,"exp":1700000100}"#, "Malformed"),
    (
        2,
        r#"{"sub":42,"aud":["x","basket"],"exp":1700000100,"iat":1700000000,"https://i.example/roles":"r"}"#,
        "sub=42 exp=1700000100000000000 iat=1700000000000000000 aud=x aud=basket role=r",
    ),
    (
        2,
        r#"{"sub":18446744073709551615,"aud":"cart","exp":1700000100,"iat":1700000000,"https://i.example/roles":[]}"#,
        "sub=18446744073709551615 exp=1700000100000000000 iat=1700000000000000000 aud=cart",
    ),
    (2, r#"{"sub":42.0}"#, "Malformed"),
    (2, r#"{"sub":1e2}"#, "Malformed"),
    (2, r#"{"sub":-0}"#, "Malformed"),
    (2, r#"{"sub":18446744073709551616}"#, "Malformed"),
    (3, r#"{"sub":42}"#, "Malformed"),
    (3, r#"{"roles":[1.5,2],"scope":7.5}"#, ""),
    (3, r#"{"exp":1699999996}"#, "exp=1699999996000000000"),
    (3, r#"{"exp":1699999995}"#, "Expired"),
    (3, r#"{"exp":-1.5}"#, "Expired"),
    (3, r#"{"exp":253402300800}"#, "DateOutOfRange"),
    (3, r#"{"exp":1e300}"#, "DateOutOfRange"),
    (3, r#"{"exp":1e400}"#, "Malformed"),
    (3, r#"{"exp":"1"}"#, "Malformed"),
    (3, r#"{"nbf":1700000005.5}"#, "NotYetValid"),
    (3, r#"{"iat":17000000055e-1}"#, "IssuedInFuture"),
    (3, r#"{"x":1e400,"y":{"x":-1e400}}"#, ""),
    (3, r#"{"x":"\ud800","sub":"b"}"#, "sub=b"),
    (3, r#"{"sub":"\ud800"}"#, "Malformed"),
    (3, r#"{"cnf":1.5}"#, "SenderConstrained"),
    (3, r#"{"cnf":null,"sub":null,"exp":null}"#, ""),
    (3, r#"{"jti":"j","sid":"s","aud":["b","a"]}"#, "jti=j sid=s aud=b aud=a"),
    (3, r#"{"realm_access":{"x":1.5,"scope":"read  pay"}}"#, "scope=read scope=pay"),
    (3, r#"{"realm_access":1.5}"#, "Malformed"),
    (3, r#"{"x":{"a":1.5,"\u0061":2}}"#, "Malformed"),
    (3, r#"{"$serde_json::private::Number":"1"}"#, "Malformed"),
    (3, r#"{"x":[{"\u0024serde_json::private::Number":"1.5"}]}"#, "Malformed"),
    (3, r#"{"x":{"$serde_json::private::RawValue":"1"}}"#, "Malformed"),
    (3, r#"{"x":01}"#, "Malformed"),
    (3, r#"{"x":[1.5,]}"#, "Malformed"),
    (
        4,
        r#"{"sub":"a","company":"c","act":{"n":1.5,"sub":"s","x":{"value":"\u0072"}}}"#,
        "sub=a tenant=c",
    ),
    (4, r#"{"sub":"a","company":"c","act":{"sub":"s","x":{"value":1.5}}}"#, "WrongClaim"),
    (4, r#"{"sub":7,"company":"c","act":{"sub":"s","x":{"value":"r"}}}"#, "WrongClaim"),
    (4, r#"{"sub":"a","company":"c","act":{"sub":"\ud800","x":{"value":"r"}}}"#, "WrongClaim"),
    (4, r#"{"company":"c","act":{"sub":"s","x":{"value":"r"}}}"#, "MissingClaim"),
];

#[test]
fn recorded_payloads_have_the_recorded_results() {
    let nested = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    for (rules, payload, expected) in RECORDED {
        assert_eq!(result(*rules, payload), *expected, "{payload}");
    }
    for (depth, expected) in [(31, ""), (32, "Malformed"), (127, "Malformed"), (2_000, "Malformed")]
    {
        assert_eq!(result(3, &nested(depth)), expected, "{depth}");
    }
}

fn result(rules: usize, payload: &str) -> String {
    for kind in 0..types::TYPES.len() {
        types::check(kind, rules, payload);
    }
    let token = sign(br#"{"alg":"HS256"}"#, payload.as_bytes());
    match RULES[rules].verifier().verify::<StandardClaims>(&token) {
        Ok(verified) => describe(verified.token()),
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn describe(token: &VerifiedToken) -> String {
    let mut parts = Vec::new();
    let names = [
        ("iss", token.issuer()),
        ("sub", token.subject()),
        ("jti", token.id()),
        ("sid", token.session()),
        ("tenant", token.tenant()),
    ];
    parts.extend(names.iter().filter_map(|(name, value)| Some(format!("{name}={}", (*value)?))));
    let dates =
        [("exp", token.expires_at()), ("nbf", token.not_before()), ("iat", token.issued_at())];
    parts.extend(
        dates.iter().filter_map(|(name, date)| Some(format!("{name}={}", (*date)?.as_nanos()))),
    );
    parts.extend(token.audience().map(|name| format!("aud={name}")));
    parts.extend(token.roles().map(|role| format!("role={role}")));
    parts.extend(token.scopes().map(|scope| format!("scope={scope}")));
    parts.join(" ")
}
