//! The operations that the benchmarks measure, called contenders. This module also checks that each
//! contender really verifies tokens.

use std::hint::black_box;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64, Engine};
use http::StatusCode;

use crate::key_pairs::key_pair;
use crate::measure::{Run, repeated};
use crate::routes::{ask, request, route};
use crate::tokens::{KEY_ID, Shopper, TokenKind, Variant};
use crate::verifiers::{Backend, use_backend, verifier};

/// One measured operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contender {
    /// A verifier verifies a token. The first field is the name of the verifier.
    Verify(&'static str, Variant),
    /// A verifier verifies the tokens of several users, one after the other. The first field is the
    /// name of the verifier, and the second is the number of users.
    VerifyEach(&'static str, u32),
    /// A signature check by `aws-lc-rs`. The key is parsed and the signature is decoded in advance.
    CheckSignature(Variant),
    /// A request to a route. The first field is the name of the route.
    Ask(&'static str, Variant),
    /// Deserialization of the claims type by `serde_json`.
    ReadClaims,
}

impl Contender {
    /// Prepares the operation for tokens of this kind. The operation panics if its result is wrong.
    /// Before the measurement, each verifier and each route gets a valid token, so that
    /// the measurement begins in the state of a production server that has already accepted tokens.
    pub fn run(self, kind: &TokenKind) -> Run {
        let token = |variant| kind.token(variant, key_id(self));
        match self {
            Self::Verify(name, variant) => {
                let verify = verifier(name, kind);
                assert!(verify(&token(Variant::Good).expect("a token")), "{self:?}");
                let token = token(variant).expect("a token");
                let valid = is_valid(variant);
                repeated(move || assert_eq!(verify(black_box(&token)), valid, "{self:?}"))
            }
            Self::VerifyEach(name, users) => {
                let verify = verifier(name, kind);
                let tokens = (0..users).map(|user| token(Variant::Of(user)).expect("a token"));
                let tokens: Vec<String> = tokens.collect();
                assert!(tokens.iter().all(|token| verify(token)), "{self:?}");
                let mut at = 0;
                repeated(move || {
                    at = if at + 1 < tokens.len() { at + 1 } else { 0 };
                    assert!(verify(black_box(&tokens[at])), "{self:?}");
                })
            }
            Self::CheckSignature(variant) => {
                let pair = key_pair(kind.algorithm).expect("an algorithm with public keys");
                let token = token(variant).expect("a token");
                let (message, signature) = token.rsplit_once('.').expect("a token");
                let signature = BASE64.decode(signature).expect("base64");
                let (message, valid) = (message.as_bytes().to_vec(), is_valid(variant));
                repeated(move || {
                    let is_signed = pair.has_signed(black_box(&message), black_box(&signature));
                    assert_eq!(is_signed, valid, "{self:?}");
                })
            }
            Self::Ask(name, variant) => {
                let mut router = route(name, kind);
                drop(ask(&mut router, &request(token(Variant::Good).as_deref())));
                let request = request(token(variant).as_deref());
                let status = match name {
                    "bare 401" => StatusCode::UNAUTHORIZED,
                    "no layer" | "no-op layer" => StatusCode::OK,
                    _ if is_valid(variant) => StatusCode::OK,
                    _ => StatusCode::UNAUTHORIZED,
                };
                let backend = backend_of(name);
                repeated(move || {
                    use_backend(backend);
                    let response = ask(&mut router, &request);
                    assert_eq!(black_box(&response).status(), status, "{self:?}");
                })
            }
            Self::ReadClaims => {
                let payload = kind.payload().to_owned();
                repeated(move || {
                    let claims: Result<Shopper, _> = serde_json::from_str(black_box(&payload));
                    assert!(black_box(&claims).is_ok());
                })
            }
        }
    }

    /// Checks that the verifier or the route rejects invalid tokens. Panics if one is accepted.
    pub fn check(self, kind: &TokenKind) {
        let invalid = [Some(Variant::Expired), kind.parties.then_some(Variant::OtherIssuer)];
        let invalid = invalid.into_iter().flatten().chain([Variant::Forged]);
        match self {
            // The verifier named `floor` checks only the signature.
            Self::Verify("floor", _) => Self::Verify("floor", Variant::Forged).run(kind)(1),
            Self::CheckSignature(_) => Self::CheckSignature(Variant::Forged).run(kind)(1),
            Self::Verify(name, _) | Self::VerifyEach(name, _) => {
                invalid.for_each(|variant| Self::Verify(name, variant).run(kind)(1));
            }
            Self::Ask("no layer" | "no-op layer" | "bare 401", _) | Self::ReadClaims => {}
            Self::Ask(name, _) => {
                let invalid = invalid.chain([Variant::Missing]);
                invalid.for_each(|variant| Self::Ask(name, variant).run(kind)(1));
            }
        }
    }
}

/// Returns the `kid` of the contender's tokens. One of the other crates requires a `kid`. That
/// crate and `tower-jwt-auth` are therefore compared on tokens with a `kid`.
fn key_id(contender: Contender) -> Option<&'static str> {
    let Contender::Ask("tower-jwt-auth, kid" | "tower-oauth2-resource-server", _) = contender
    else {
        return None;
    };
    Some(KEY_ID)
}

fn is_valid(variant: Variant) -> bool {
    use Variant::{Expired, Forged, Missing, OtherIssuer};
    !matches!(variant, Forged | Expired | OtherIssuer | Missing)
}

/// Returns the cryptographic backend that `jsonwebtoken` uses in this route. The hand-written route
/// uses `aws_lc_rs`. The routes of other crates use `rust_crypto`, the default of these crates.
fn backend_of(route: &str) -> Backend {
    if route == "by hand" { Backend::AwsLc } else { Backend::RustCrypto }
}
