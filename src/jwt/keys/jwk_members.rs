//! The members of a JWK with a public key or a key pair (RFC 7518 section 6, RFC 8037, RFC 9964).

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::jwt::base64url;
use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::algorithm::{Algorithm, Curve};
use crate::jwt::keys::asymmetric::{KeyPair, RsaPrivateNumbers};
use crate::jwt::keys::jwk_common::{Jwk, unreadable};
use crate::jwt::keys::key::Key;
use crate::jwt::keys::public_components::PublicComponents;

/// A member with the value `null` counts as absent.
#[derive(Deserialize)]
struct JwkMembers {
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    r#pub: Option<String>,
    d: Option<Hidden>,
    p: Option<Hidden>,
    q: Option<Hidden>,
    dp: Option<Hidden>,
    dq: Option<Hidden>,
    qi: Option<Hidden>,
    r#priv: Option<Hidden>,
    oth: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

/// A text that is wiped from memory when it is dropped.
struct Hidden(Zeroizing<String>);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Zeroizing::new).map(Self)
    }
}

/// Reads a public key, or a key pair if the JWK has private members.
pub(crate) fn key(json: &str, jwk: &Jwk) -> Result<Key, KeyError> {
    let members = JwkMembers::read(json)?;
    let components = members.components(jwk)?;
    let algorithm = algorithm(jwk, &components)?.unwrap_or_else(|| components.default_algorithm());
    let key = if members.is_private() {
        jwk.check_use("sign")?;
        Key::of_pair(algorithm, members.pair(algorithm, components)?)
    } else {
        jwk.check_use("verify")?;
        Key::of_public(algorithm, components)?
    };
    jwk.name(key)
}

/// Reads the public key in a JWK of a key set. `allowed` lists the allowed algorithms. A JWK with
/// an `alg` becomes one [`Key`]. A JWK without an `alg` becomes one [`Key`] for each listed
/// algorithm that fits the type of the key. Fails if the `alg` is not in the list, or if no listed
/// algorithm fits. If `allowed` is `None`, all supported algorithms are allowed, and a JWK without
/// an `alg` becomes one [`Key`] for the default algorithm of its type.
pub(crate) fn public_keys(
    json: &str,
    jwk: &Jwk,
    allowed: Option<&[Algorithm]>,
) -> Result<Vec<Key>, KeyError> {
    let contradiction = |message: &str| KeyError::new(KeyErrorKind::Contradictory, message);
    let members = JwkMembers::read(json)?;
    if members.is_private() {
        return Err(contradiction("a private key does not belong in a published key set"));
    }
    jwk.check_use("verify")?;
    let components = members.components(jwk)?;
    let named = algorithm(jwk, &components)?;
    let algorithms: Vec<Algorithm> = match (named, allowed) {
        (Some(named), None) => vec![named],
        (Some(named), Some(allowed)) => vec![named; usize::from(allowed.contains(&named))],
        (None, None) => vec![components.default_algorithm()],
        (None, Some(allowed)) => {
            let fitting = |algorithm: &Algorithm| {
                components.is_for(*algorithm) && allowed.contains(algorithm)
            };
            Algorithm::ALL.into_iter().filter(fitting).collect()
        }
    };
    if algorithms.is_empty() {
        return Err(contradiction("the key is for an algorithm that is not allowed here"));
    }
    let keys = algorithms.into_iter();
    keys.map(|algorithm| jwk.name(Key::of_public(algorithm, components.clone())?)).collect()
}

/// Returns the algorithm in the `alg` of the JWK, or `None` if the JWK has no `alg`.
fn algorithm(jwk: &Jwk, components: &PublicComponents) -> Result<Option<Algorithm>, KeyError> {
    let Some(name) = &jwk.alg else { return Ok(None) };
    let known = Algorithm::from_name(name).filter(|algorithm| components.is_for(*algorithm));
    known.map(Some).ok_or_else(|| {
        let message = "the JWK's `alg` is not a signature algorithm of its `kty` and `crv`";
        KeyError::new(KeyErrorKind::Contradictory, message)
    })
}

impl JwkMembers {
    fn read(json: &str) -> Result<Self, KeyError> {
        // The error of `serde_json` is dropped, since it may show a part of the key.
        serde_json::from_str(json).map_err(|_| unreadable("a member of the JWK is not a string"))
    }

    fn is_private(&self) -> bool {
        let Self { d, p, q, dp, dq, qi, r#priv, oth, k, .. } = self;
        [d, p, q, dp, dq, qi, r#priv].into_iter().any(Option::is_some)
            || [oth, k].into_iter().any(Option::is_some)
    }

    fn components(&self, jwk: &Jwk) -> Result<PublicComponents, KeyError> {
        let unsupported = |message: &str| Err(KeyError::new(KeyErrorKind::Unsupported, message));
        match (jwk.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                Ok(PublicComponents::Rsa { n: public("n", &self.n)?, e: public("e", &self.e)? })
            }
            ("EC", Some(crv)) => {
                let curves = [Curve::P256, Curve::P384, Curve::P521];
                let Some(curve) = curves.into_iter().find(|curve| curve.as_str() == crv) else {
                    return unsupported(
                        "the JWK's `crv` is not supported: use P-256, P-384 or P-521",
                    );
                };
                let (x, y) = (public("x", &self.x)?, public("y", &self.y)?);
                Ok(PublicComponents::Ec { curve, x, y })
            }
            ("OKP", Some("Ed25519")) => Ok(PublicComponents::Ed25519 { x: public("x", &self.x)? }),
            ("OKP", Some(_)) => unsupported("the JWK's `crv` is not supported: use Ed25519"),
            ("EC" | "OKP", None) => Err(unreadable("the JWK has no `crv`")),
            ("AKP", _) => match jwk.alg.as_deref().map(Algorithm::from_name) {
                Some(Some(
                    algorithm @ (Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87),
                )) => {
                    Ok(PublicComponents::MlDsa { algorithm, public: public("pub", &self.r#pub)? })
                }
                Some(_) => unsupported("the JWK's `alg` is not supported: use ML-DSA-44, 65 or 87"),
                None => unsupported("the JWK has no `alg`, which `kty` of `AKP` requires"),
            },
            _ => unsupported("the JWK's `kty` is not supported: use oct, RSA, EC, OKP or AKP"),
        }
    }

    /// Creates a key pair, and checks that the private members belong to the public ones.
    fn pair(&self, algorithm: Algorithm, public: PublicComponents) -> Result<KeyPair, KeyError> {
        match &public {
            PublicComponents::Rsa { n, e } => {
                if self.oth.is_some() {
                    let message = "an RSA key with more than two primes is not supported";
                    return Err(KeyError::new(KeyErrorKind::Unsupported, message));
                }
                let numbers = RsaPrivateNumbers {
                    d: private("d", &self.d)?,
                    p: private("p", &self.p)?,
                    q: private("q", &self.q)?,
                    dp: private("dp", &self.dp)?,
                    dq: private("dq", &self.dq)?,
                    qi: private("qi", &self.qi)?,
                };
                public.check(algorithm)?;
                KeyPair::from_rsa_numbers(algorithm, n, e, &numbers)
            }
            PublicComponents::MlDsa { .. } => {
                KeyPair::from_scalar(algorithm, &public, &private("priv", &self.r#priv)?)
            }
            _ => KeyPair::from_scalar(algorithm, &public, &private("d", &self.d)?),
        }
    }
}

fn public(name: &str, member: &Option<String>) -> Result<Vec<u8>, KeyError> {
    decoded(name, member.as_deref())
}

fn private(name: &str, member: &Option<Hidden>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    decoded(name, member.as_ref().map(|hidden| hidden.0.as_str())).map(Zeroizing::new)
}

fn decoded(name: &str, member: Option<&str>) -> Result<Vec<u8>, KeyError> {
    let Some(text) = member else {
        return Err(unreadable(format!("the JWK has no `{name}`")));
    };
    let mut bytes = Vec::with_capacity(base64url::decoded_len(text.len()));
    base64url::decode_onto(text.as_bytes(), &mut bytes)
        .ok_or_else(|| unreadable(format!("the JWK's `{name}` is not unpadded base64url")))?;
    Ok(bytes)
}
