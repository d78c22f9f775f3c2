//! Tests that hot paths do not allocate.

#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;
use tower::{Layer, Service, service_fn};
use tower_jwt_auth::jwt::{Key, Signer, StandardClaims};
use tower_jwt_auth::revocation::{Revocation, TokenNames, Verdict};
use tower_jwt_auth::{Issuer, JwtAuth, Revocations, Secret, UnixTime};

const FAR: UnixTime = UnixTime::from_secs(32_503_680_000);

/// Calls the closure twice and counts the allocations of the second call. The first call may fill
/// process-wide caches.
fn allocations(mut call: impl FnMut()) -> u64 {
    call();
    allocation_counter::measure(call).count_total
}

fn signed(secret: &Secret) -> String {
    let claims = json!({
        "iss": "https://auth.shop.example", "sub": "alice", "jti": "8f2d1c3e", "sid": "q1S0mOuN",
        "exp": 32_503_680_000_u64, "iat": 1_700_000_000,
    });
    Signer::new(Key::hs256(secret.clone())).sign(&claims).unwrap()
}

#[test]
fn a_forged_token_is_refused_without_an_allocation() {
    let secret = Secret::generate().unwrap();
    let (good, auth) = (signed(&secret), JwtAuth::new(secret));
    let forged = signed(&Secret::generate().unwrap());
    assert!(allocations(|| drop(black_box(auth.verify(&good).unwrap()))) > 0, "they are counted");
    assert_eq!(allocations(|| drop(black_box(auth.verify(&forged).unwrap_err()))), 0);
}

#[cfg(feature = "asymmetric")]
#[test]
fn a_public_key_costs_no_allocation_and_neither_does_a_forged_or_a_cached_token() {
    use tower_jwt_auth::Algorithm;

    let claims = json!({ "sub": "alice", "exp": 32_503_680_000_u64 });
    let of_secret = {
        let key = Key::hs256(Secret::generate().unwrap());
        let (token, auth) = (Signer::new(key.clone()).sign(&claims).unwrap(), JwtAuth::new(key));
        allocations(|| drop(black_box(auth.verify(&token).unwrap())))
    };
    for algorithm in
        [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::MlDsa44]
    {
        let pair = Key::generate(algorithm).unwrap();
        let good = Signer::new(pair.clone()).sign(&claims).unwrap();
        let forged = forged(&good);
        let auth = JwtAuth::new(pair.public().unwrap()).without_cache();
        let of_good = allocations(|| drop(black_box(auth.verify(&good).unwrap())));
        assert_eq!(of_good, of_secret, "{algorithm}");
        let of_forged = allocations(|| drop(black_box(auth.verify(&forged).unwrap_err())));
        assert_eq!(of_forged, 0, "{algorithm}");
        let cached = JwtAuth::new(pair.public().unwrap());
        let of_cached = allocations(|| drop(black_box(cached.verify(&good).unwrap())));
        assert_eq!(of_cached, 0, "{algorithm}");
    }
}

#[test]
fn a_layer_with_several_issuers_allocates_nothing_for_a_refused_token() {
    const OTHER: &str = "https://login.partner.example";
    let token = |key: &Key, issuer: Option<&str>| {
        let claims = json!({ "iss": issuer, "sub": "alice", "exp": 32_503_680_000_u64 });
        Signer::new(key.clone()).sign(&claims).unwrap()
    };
    let [shop, partner] = [(); 2].map(|()| any_key());
    let one = JwtAuth::from(Issuer::new("https://auth.shop.example", shop.clone()));
    let one = one.without_cache();
    let several = JwtAuth::issuers([
        Issuer::new("https://auth.shop.example", shop.clone()),
        Issuer::new(OTHER, partner.clone()),
    ])
    .without_cache();
    let good = token(&shop, Some("https://auth.shop.example"));
    let of = |auth: &JwtAuth| allocations(|| drop(black_box(auth.verify(&good).unwrap())));
    assert_eq!(of(&several), of(&one));

    // If the keys have identifiers, a token that was signed with the wrong key is rejected for its
    // unknown identifier. Otherwise, the token is rejected for its signature.
    for (reason, refused) in [
        ("the key of another issuer", token(&shop, Some(OTHER))),
        ("an unknown issuer", token(&shop, Some("https://auth.shop.example/"))),
        ("no issuer", token(&shop, None)),
        ("a forged signature", forged(&good)),
    ] {
        let of_refused = allocations(|| drop(black_box(several.verify(&refused).unwrap_err())));
        assert_eq!(of_refused, 0, "{reason}");
    }
}

/// Returns a key pair if the feature `asymmetric` is enabled, and otherwise a key for HS256.
fn any_key() -> Key {
    #[cfg(feature = "asymmetric")]
    return Key::generate(tower_jwt_auth::Algorithm::Es256).unwrap();
    #[cfg(not(feature = "asymmetric"))]
    return Key::hs256(Secret::generate().unwrap());
}

/// Returns a copy of the token in which the signature is wrong.
fn forged(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    format!("{message}.{other}{}", &signature[1..])
}

#[test]
fn the_identifier_of_the_key_costs_no_allocation() {
    let secret = Secret::generate().unwrap();
    let key = Key::hs256(secret.clone()).with_id("2026-11, the key of the shop").unwrap();
    let claims = json!({ "sub": "alice", "exp": 32_503_680_000_u64 });
    let of = |key: Key| {
        let (token, auth) = (Signer::new(key.clone()).sign(&claims).unwrap(), JwtAuth::new(key));
        allocations(|| drop(black_box(auth.verify(&token).unwrap())))
    };
    assert_eq!(of(key), of(Key::hs256(secret)));
}

#[test]
fn the_number_of_headers_does_not_change_the_number_of_allocations() {
    let secret = Secret::generate().unwrap();
    let authorization = format!("Bearer {}", signed(&secret));
    let handler =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::new())));
    let service = JwtAuth::new(secret).layer(handler);
    let of = |others: usize| {
        let mut request = Request::builder().header("authorization", &authorization);
        for n in 0..others {
            request = request.header(format!("x-{n}"), "value");
        }
        let request = request.body(()).unwrap();
        let mut service = service.clone();
        let call = || drop(black_box(service.call(request)));
        allocation_counter::measure(call).count_total
    };
    // The first token fills the header cache.
    of(0);
    let counts: Vec<u64> = (0..30).map(of).collect();
    assert_eq!(counts, [counts[0]; 30]);
}

#[test]
fn a_token_is_looked_up_without_an_allocation() {
    let revocations = Revocations::new().max_staleness(Duration::from_secs(3_600));
    for n in 0..1_000 {
        let name = format!("name {n}");
        let one = match n % 5 {
            0 => Revocation::session(name, FAR),
            1 => Revocation::subject(name, UnixTime::EPOCH),
            2 => Revocation::tenant(name, UnixTime::EPOCH),
            3 => Revocation::key(name, UnixTime::EPOCH),
            _ => Revocation::token(name, FAR),
        };
        let issuer = "https://auth.shop.example";
        revocations.apply(&if n % 2 == 0 { one } else { one.issuer(issuer) });
    }
    revocations.current_as_of(revocations.as_of());
    let issuer = Some("https://auth.shop.example");
    let [good, revoked] = ["another", "name 9"]
        .map(|id| TokenNames::new().issuer(issuer).id(id).session("q1S0mOuN").subject("alice"));
    assert_eq!(allocations(|| assert_eq!(revocations.check(&good), Verdict::Good)), 0);
    assert_eq!(allocations(|| assert_eq!(revocations.check(&revoked), Verdict::Revoked)), 0);

    let secret = Secret::generate().unwrap();
    let token = signed(&secret);
    let without = JwtAuth::<StandardClaims>::new(secret);
    let with = without.clone().with_revocation(revocations);
    let of = |auth: &JwtAuth| allocations(|| drop(black_box(auth.verify(&token).unwrap())));
    assert_eq!(of(&with), of(&without));
}
