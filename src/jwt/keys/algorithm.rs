//! The names of the signature algorithms.

use std::fmt::{self, Display};
use std::str::FromStr;

use crate::jwt::error::{KeyError, KeyErrorKind};

/// A signature algorithm (RFC 7518 section 3.1).
///
/// Each [`Key`](crate::Key) is for exactly one algorithm.
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
}

impl Algorithm {
    /// Returns the registered name, such as `HS256`, which is the value of `alg` in a header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// Returns the base64url length of this algorithm's signatures.
    pub(crate) const fn signature_len(self) -> usize {
        match self {
            Self::Hs256 => 43,
            Self::Hs384 => 64,
            Self::Hs512 => 86,
        }
    }

    /// Returns the algorithm with this registered name, which is case-sensitive (RFC 7515 section
    /// 4.1.1). Allocates nothing, so that rejecting a forged header is cheap.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Hs256, Self::Hs384, Self::Hs512].into_iter().find(|known| known.as_str() == name)
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
    /// Returns [`KeyErrorKind::Unsupported`] for every other text.
    fn from_str(name: &str) -> Result<Self, KeyError> {
        Self::from_name(name).ok_or_else(|| {
            let message = "the algorithm is not supported: use HS256, HS384 or HS512";
            KeyError::new(KeyErrorKind::Unsupported, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_parsed_to_its_algorithm_and_other_names_are_rejected() {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            assert_eq!(algorithm.as_str().parse::<Algorithm>().unwrap(), algorithm);
            assert_eq!(format!("{algorithm:>6}"), format!(" {}", algorithm.as_str()));
        }
        for name in ["", "none", "hs256", "HS256 ", "HS", "RS256", "Hs256"] {
            let error = name.parse::<Algorithm>().unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::Unsupported, "{name}");
        }
    }
}
