//! Tests of the layer with revocations.

use std::time::Duration;

use http::{StatusCode, header};
use tower_jwt_auth::jwt::TokenErrorKind;
use tower_jwt_auth::revocation::{Revocation, RevocationUnchecked};
use tower_jwt_auth::{AuthError, AuthErrorKind, JwtAuth, Revocations, Token};

use crate::kit::{self, MAX_STALENESS};
use crate::revocation::{current, later, now};

const HOUR: Duration = Duration::from_secs(3_600);

fn token(issued_at: i64) -> String {
    let end = kit::NOW + 600;
    kit::with_payload(format!(
        r#"{{"exp":{end},"iat":{issued_at},"iss":"i","sub":"alice","jti":"token 1","sid":"s","company":"acme"}}"#
    ))
}

fn auth(revocations: &Revocations) -> JwtAuth {
    kit::auth().tenant_claim("company").with_revocation(revocations.clone())
}

#[test]
fn a_revoked_token_is_answered_like_any_invalid_one() {
    for revocation in [
        Revocation::token("token 1", later(HOUR)),
        Revocation::session("s", later(HOUR)).issuer("i"),
        Revocation::subject("alice", now()).issuer("i"),
        Revocation::tenant("acme", now()),
        Revocation::everyone(now()),
    ] {
        let (revocations, _) = current();
        let auth = auth(&revocations);
        assert_eq!(kit::fault(&auth, &token(kit::NOW)), None);
        revocations.apply(&revocation);
        assert_eq!(kit::fault(&auth, &token(kit::NOW)), Some(TokenErrorKind::Revoked));
        let response = kit::send(&auth, kit::bearer(&token(kit::NOW)));
        let generic = kit::send(&auth, kit::bearer("a.b.c"));
        let bytes = |response: &http::Response<bytes::Bytes>| {
            format!("{} {:?} {:?}", response.status(), response.headers(), response.body())
        };
        assert_eq!(bytes(&response), bytes(&generic));
    }
    // The revocation of another signing key does not affect the token.
    let key = kit::key(tower_jwt_auth::Algorithm::Hs256).with_id("2026-11").unwrap();
    let (revocations, _) = current();
    let auth = JwtAuth::new(key).with_clock(kit::at(kit::NOW)).with_revocation(revocations.clone());
    let end = kit::NOW + 600;
    let token = kit::sign(r#"{"alg":"HS256","kid":"2026-11"}"#, format!(r#"{{"exp":{end}}}"#));
    revocations.apply(&Revocation::key("2026-10", now()));
    assert_eq!(kit::fault(&auth, &token), None);
    revocations.apply(&Revocation::key("2026-11", now()));
    assert_eq!(kit::fault(&auth, &token), Some(TokenErrorKind::Revoked));
}

#[test]
fn while_revocation_data_is_stale_the_answer_is_503_with_retry_after() {
    let (revocations, clock) = current();
    let auth = auth(&revocations);
    clock.advance(MAX_STALENESS + Duration::from_secs(1));
    let response = kit::send(&auth, kit::bearer(&token(kit::NOW)));
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(kit::challenge(&response), None);
    assert_eq!(kit::code(&response), Some("revocation-unavailable"));
    let error = response.extensions().get::<AuthError>().unwrap();
    assert_eq!(error.kind(), AuthErrorKind::RevocationUnavailable);
    assert!(error.token_error().is_none());
    let mut request = kit::bearer(&token(kit::NOW));
    *request.method_mut() = http::Method::POST;
    let grpc = header::HeaderValue::from_static("application/grpc");
    request.headers_mut().insert(header::CONTENT_TYPE, grpc);
    assert_eq!(kit::send(&auth, request).headers()["grpc-status"], "14");
    // An invalid token is reported as invalid, even while the revocation data is too old.
    assert_eq!(kit::code(&kit::send(&auth, kit::bearer("a.b.c"))), Some("invalid-token"));
    revocations.current_as_of(revocations.as_of());
    assert_eq!(kit::send(&auth, kit::bearer(&token(kit::NOW))).status(), StatusCode::OK);
}

/// If the layer and the revocations both use the system's clock, the layer reads that clock once
/// and uses the time for both. In this test, only the layer uses the system's clock.
#[test]
fn the_age_of_the_data_is_measured_by_the_clock_of_the_revocations() {
    let (revocations, clock) = current();
    let auth: JwtAuth = JwtAuth::new(kit::secret()).with_revocation(revocations);
    let token = kit::with_payload(r#"{"exp":4000000000}"#);
    assert!(auth.verify(&token).is_ok());
    clock.advance(MAX_STALENESS + Duration::from_secs(1));
    let error = auth.verify(&token).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::RevocationUnavailable);
}

#[tokio::test]
async fn a_token_that_is_accepted_unchecked_is_marked() {
    use tower::{Layer, ServiceExt, service_fn};
    let clock = kit::at(kit::NOW);
    let revocations = kit::revocations(clock.clone()).dangerous_accept_stale(HOUR);
    revocations.current_as_of(revocations.as_of());
    let is_marked = async || {
        let inner = service_fn(|request: http::Request<()>| async move {
            let mark = request.extensions().get::<RevocationUnchecked>().copied();
            let token = request.extensions().get::<Token>().unwrap();
            assert_eq!(token.revocation_unchecked(), mark);
            let is_marked = mark.is_some();
            Ok::<_, std::convert::Infallible>(http::Response::new(bytes::Bytes::from(
                is_marked.to_string(),
            )))
        });
        let request = kit::bearer(&token(kit::NOW));
        auth(&revocations).layer(inner).oneshot(request).await.unwrap().into_body()
    };
    assert_eq!(is_marked().await, "false");
    clock.advance(MAX_STALENESS + Duration::from_secs(1));
    assert_eq!(is_marked().await, "true");
    // The layer puts `RevocationUnchecked` into the request's extensions. `verify` has no request,
    // so only the token states that its revocation was not checked.
    let mark =
        || auth(&revocations).verify(&token(kit::NOW)).unwrap().token().revocation_unchecked();
    assert_eq!(mark(), Some(RevocationUnchecked));
    revocations.current_as_of(revocations.as_of());
    assert_eq!(mark(), None);
}
