//! The names of the signature algorithms.

use std::fmt::{self, Display};
use std::str::FromStr;

use crate::jwt::error::{KeyError, KeyErrorKind};

/// A signature algorithm (RFC 7518 section 3.1, RFC 8037, RFC 9964).
///
/// Each [`Key`](crate::Key) is for exactly one algorithm. Keys for HMAC work in every build. All
/// other keys need the feature `asymmetric`.
///
/// ```
/// use tower_jwt_auth::Algorithm;
///
/// let algorithm: Algorithm = "HS256".parse()?;
/// assert_eq!(algorithm, Algorithm::Hs256);
/// assert_eq!(algorithm.to_string(), "HS256");
/// assert!("none".parse::<Algorithm>().is_err());
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256. The default of [`Secret`](crate::Secret).
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA with PKCS #1 v1.5 padding and SHA-256. Most providers use it.
    Rs256,
    /// RSA with PKCS #1 v1.5 padding and SHA-384.
    Rs384,
    /// RSA with PKCS #1 v1.5 padding and SHA-512.
    Rs512,
    /// RSA with PSS padding and SHA-256.
    Ps256,
    /// RSA with PSS padding and SHA-384.
    Ps384,
    /// RSA with PSS padding and SHA-512.
    Ps512,
    /// ECDSA on the curve P-256 with SHA-256.
    Es256,
    /// ECDSA on the curve P-384 with SHA-384.
    Es384,
    /// ECDSA on the curve P-521 with SHA-512.
    Es512,
    /// EdDSA on the curve Ed25519.
    ///
    /// This algorithm has two names: `EdDSA` (RFC 8037) and `Ed25519` (RFC 9864). This crate writes
    /// `EdDSA` into the tokens that it signs, and accepts both names in tokens and JWKs. The curve
    /// Ed448 is not supported.
    EdDsa,
    /// ML-DSA-44, which resists quantum computers (RFC 9964). A signature has 3,227 characters. In
    /// a cookie of 4,096 bytes, that leaves less than the 1,024 bytes that `AuthRoutes` keeps free
    /// for claims, so `AuthRoutes` refuses the algorithm with cookies.
    MlDsa44,
    /// ML-DSA-65 (RFC 9964). A signature has 4,412 characters.
    MlDsa65,
    /// ML-DSA-87 (RFC 9964). A signature has 6,170 characters.
    MlDsa87,
}

/// The key type of an algorithm: `kty` and `crv` of a JWK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyType {
    Oct,
    Rsa,
    Ec(Curve),
    Ed25519,
    MlDsa,
}

/// A curve for ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 16] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// Returns the registered name, such as `HS256`, which is the value of `alg` in a header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }

    pub(crate) const fn key_type(self) -> KeyType {
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => KeyType::Oct,
            Self::Rs256 | Self::Rs384 | Self::Rs512 => KeyType::Rsa,
            Self::Ps256 | Self::Ps384 | Self::Ps512 => KeyType::Rsa,
            Self::Es256 => KeyType::Ec(Curve::P256),
            Self::Es384 => KeyType::Ec(Curve::P384),
            Self::Es512 => KeyType::Ec(Curve::P521),
            Self::EdDsa => KeyType::Ed25519,
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => KeyType::MlDsa,
        }
    }

    /// Returns true if one shared secret both signs and verifies.
    pub(crate) const fn is_hmac(self) -> bool {
        matches!(self.key_type(), KeyType::Oct)
    }

    /// Returns the algorithm with this registered name. Names are case-sensitive (RFC 7515 section
    /// 4.1.1). Allocates nothing, so that rejecting a forged header is cheap.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

impl Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    /// Parses a registered name. The case matters: `hs256` is not an algorithm.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::Unsupported`] if the text is not the name of a supported algorithm.
    fn from_str(name: &str) -> Result<Self, KeyError> {
        Self::from_name(name).ok_or_else(|| {
            let message = "the algorithm is not supported: use a name such as HS256, RS256, ES256 \
                           or EdDSA";
            KeyError::new(KeyErrorKind::Unsupported, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_parsed_to_its_algorithm_and_other_names_are_rejected() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse::<Algorithm>().unwrap(), algorithm);
            assert_eq!(format!("{algorithm:>10}").trim_start(), algorithm.as_str());
        }
        for name in [
            "",
            "none",
            "hs256",
            "HS256 ",
            "HS",
            "Hs256",
            "RS257",
            "RS1",
            "ES256K",
            "Ed448",
            "ed25519",
            "EDDSA",
            "ML-DSA-45",
            "RSA-OAEP",
            "A256GCM",
            "dir",
        ] {
            let error = name.parse::<Algorithm>().unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::Unsupported, "{name}");
        }
    }

    #[test]
    fn eddsa_has_a_second_name() {
        assert_eq!("Ed25519".parse::<Algorithm>().unwrap(), Algorithm::EdDsa);
        assert_eq!(Algorithm::EdDsa.as_str(), "EdDSA");
    }
}
