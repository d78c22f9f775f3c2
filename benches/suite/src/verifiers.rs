//! Token verification without HTTP.

use std::hint::black_box;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use aliri::jwt::{Audience, Audiences, CoreClaims, CoreValidator, Issuer, IssuerRef};
use aliri::jwt::{JwtRef, SubjectRef, Validated};
use aliri::{Jwk, jwa};
use aliri_clock::UnixTime;
use aliri_oauth2::{HasScope, Scope};
use jsonwebtoken::crypto::{CryptoProvider, KeyUtils, aws_lc, rust_crypto};
use jsonwebtoken::{DecodingKey, Validation};
use serde::Deserialize;
use tower_jwt_auth::jwt::Verifier;
use tower_jwt_auth::revocation::{Revocation, Revocations};
use tower_jwt_auth::{JwtAuth, KeyStore, TokenCache, jwt};

use crate::floor::Floor;
use crate::key_pairs::key_pair;
use crate::tokens::{AUDIENCE, ISSUER, SECRET, Shopper, TokenKind, secret, verifying_key};

/// Verifies a token, and returns true if the token is valid.
pub type Verify = Box<dyn Fn(&str) -> bool>;

/// Returns a function that verifies tokens of one kind. `name` selects the verifier.
pub fn verifier(name: &str, kind: &TokenKind) -> Verify {
    match name {
        "floor" => {
            let floor = Floor::new(SECRET);
            Box::new(move |token| is_some(floor.verify::<Shopper>(token)))
        }
        "JwtAuth" => verify(ours(verifying_key(kind.algorithm), kind.parties)),
        "JwtAuth, all checks" => verify(all_checks()),
        "JwtAuth, cached" => {
            let auth = ours(verifying_key(kind.algorithm), kind.parties);
            verify(auth.with_cache(TokenCache::new()))
        }
        "Verifier" => {
            let validation = jwt::Validation::new();
            let validation = match kind.parties {
                true => validation.issuer(ISSUER).audience(AUDIENCE),
                false => validation,
            };
            let key = verifying_key(kind.algorithm);
            let verifier = Verifier::new(key).with_validation(validation);
            Box::new(move |token| black_box(&verifier.verify::<Shopper>(token)).is_ok())
        }
        "jsonwebtoken, aws_lc_rs" => {
            let decode = Decode::new(kind);
            Box::new(move |token| {
                use_backend(Backend::AwsLc);
                is_some(decode.verify(token))
            })
        }
        "jsonwebtoken, rust_crypto" => {
            let decode = Decode::new(kind);
            Box::new(move |token| {
                use_backend(Backend::RustCrypto);
                is_some(decode.verify(token))
            })
        }
        "aliri" => {
            let (key, validator) = aliri_parts(kind.parties);
            Box::new(move |token| {
                let verified: Result<Validated<AliriShopper>, _> =
                    JwtRef::from_str(token).verify(&key, &validator);
                is_some(verified.ok())
            })
        }
        other => panic!("no verifier {other:?}"),
    }
}

/// Returns true for `Some`. `black_box` keeps the compiler from optimizing the value away.
fn is_some<T>(value: Option<T>) -> bool {
    black_box(&value).is_some()
}

fn verify(auth: JwtAuth<Shopper>) -> Verify {
    Box::new(move |token| black_box(&auth.verify(token)).is_ok())
}

/// Returns a `JwtAuth` layer without a cache. By default, a layer with a public key has a cache.
pub fn ours(keys: impl Into<KeyStore>, parties: bool) -> JwtAuth<Shopper> {
    let auth = JwtAuth::new(keys).claims().without_cache();
    if parties { auth.issuer(ISSUER).audience(AUDIENCE) } else { auth }
}

/// Returns a `JwtAuth` that looks up each token in a table of 100,000 revocations, and reads the
/// roles and the tenant.
fn all_checks() -> JwtAuth<Shopper> {
    let revocations = Revocations::new().max_staleness(std::time::Duration::from_hours(1));
    let until = tower_jwt_auth::UnixTime::from_secs(4_000_000_000);
    for n in 0..100_000 {
        let name = format!("name {n}");
        revocations.apply(&match n % 3 {
            0 => Revocation::token(name, until),
            1 => Revocation::session(name, until),
            _ => Revocation::subject(name, tower_jwt_auth::UnixTime::EPOCH).forget_at(until),
        });
    }
    assert_eq!(revocations.stats().total_entries(), 100_000);
    revocations.current_as_of(revocations.as_of());
    ours(secret(), true).roles_claim("roles").tenant_claim("company").with_revocation(revocations)
}

/// The crate `jsonwebtoken`, called as its documentation shows.
pub struct Decode {
    key: DecodingKey,
    validation: Validation,
}

impl Decode {
    pub fn new(kind: &TokenKind) -> Self {
        install_switch();
        let name = kind.algorithm.as_str();
        let mut validation = Validation::new(name.parse().expect("an algorithm of the crate"));
        if kind.parties {
            validation.set_issuer(&[ISSUER]);
            validation.set_audience(&[AUDIENCE]);
        }
        let key = match key_pair(kind.algorithm) {
            Some(pair) => DecodingKey::from_jwk(&pair.jwk()).expect("a key"),
            None => DecodingKey::from_secret(SECRET),
        };
        Self { key, validation }
    }

    pub fn verify(&self, token: &str) -> Option<Shopper> {
        Some(jsonwebtoken::decode(token, &self.key, &self.validation).ok()?.claims)
    }
}

/// A cryptographic backend of `jsonwebtoken`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    AwsLc,
    RustCrypto,
}

static AWS_LC: AtomicBool = AtomicBool::new(true);

/// Selects the backend for the calls that follow.
pub fn use_backend(backend: Backend) {
    AWS_LC.store(backend == Backend::AwsLc, Ordering::Relaxed);
}

/// Installs a `CryptoProvider` for `jsonwebtoken`. It forwards each call to the backend that
/// [`use_backend`] selected last. A process can install only one `CryptoProvider`.
pub fn install_switch() {
    static SWITCH: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| (backend().signer_factory)(algorithm, key),
        verifier_factory: |algorithm, key| (backend().verifier_factory)(algorithm, key),
        key_utils: KeyUtils::new_unimplemented(),
    };
    // `install_default` fails if a `CryptoProvider` is already installed.
    let _ = SWITCH.install_default();
}

fn backend() -> &'static CryptoProvider {
    if AWS_LC.load(Ordering::Relaxed) {
        &aws_lc::DEFAULT_PROVIDER
    } else {
        &rust_crypto::DEFAULT_PROVIDER
    }
}

/// The claims type for `aliri`. The crate checks only claims that this type contains.
#[derive(Clone, Debug, Deserialize)]
pub struct AliriShopper {
    pub sub: String,
    pub company: String,
    exp: UnixTime,
    iss: Option<Issuer>,
    #[serde(default)]
    aud: Audiences,
}

impl CoreClaims for AliriShopper {
    fn nbf(&self) -> Option<UnixTime> {
        None
    }

    fn exp(&self) -> Option<UnixTime> {
        Some(self.exp)
    }

    fn aud(&self) -> &Audiences {
        &self.aud
    }

    fn iss(&self) -> Option<&IssuerRef> {
        self.iss.as_deref()
    }

    fn sub(&self) -> Option<&SubjectRef> {
        Some(SubjectRef::from_str(&self.sub))
    }
}

impl HasScope for AliriShopper {
    /// Returns no scopes, since the layer requires none.
    fn scope(&self) -> &Scope {
        static NONE: LazyLock<Scope> = LazyLock::new(Scope::empty);
        &NONE
    }
}

/// Returns the key and the rules for `aliri`.
pub fn aliri_parts(parties: bool) -> (Jwk, CoreValidator) {
    let key = Jwk::from(jwa::Hmac::new(SECRET.to_vec())).with_algorithm(jwa::Algorithm::HS256);
    let validator = CoreValidator::default().add_approved_algorithm(jwa::Algorithm::HS256);
    if !parties {
        return (key, validator);
    }
    let validator = validator
        .require_issuer(Issuer::from_static(ISSUER))
        .add_allowed_audience(Audience::from_static(AUDIENCE));
    (key, validator)
}
