//! The reason why a token is rejected.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::jwt::claim_error::ClaimError;

/// The reason why a token was rejected.
///
/// `Display` gives the full reason. The reason names the claim. It also names the configured
/// values, or the key identifiers, with which the token was compared. For a date, it states the
/// number of seconds between the date and the current time. The reason contains no value from the
/// token. Still, write the reason only to logs and never send it to the client, since it would help
/// an attacker to forge a token.
///
/// ```
/// use tower_jwt_auth::{Secret, jwt::{Key, Signer, StandardClaims, Validation, Verifier}};
///
/// let secret = Secret::generate()?;
/// let token = Signer::new(Key::hs256(secret.clone()))
///     .sign(&serde_json::json!({ "aud": "payment", "exp": 32_503_680_000_u64 }))?;
///
/// let verifier = Verifier::new(secret).with_validation(Validation::new().audience("cart"));
/// let error = verifier.verify::<StandardClaims>(&token).unwrap_err();
/// assert_eq!(error.to_string(), "`aud` does not name \"cart\"");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenError {
    kind: TokenErrorKind,
    detail: Detail,
}

/// The kind of a [`TokenError`], for logs and metrics. The client learns far less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The token is longer than the configured limit.
    TooLarge,
    /// The token does not consist of three base64url parts, or its JSON is invalid: bad syntax, bad
    /// UTF-8, a duplicate member, too many levels, or a claim of the wrong type.
    Malformed,
    /// The header has a parameter that is not supported: `crit`, `b64`, `zip`, `enc`, or a `cty`
    /// other than `JWT`.
    UnsupportedHeader,
    /// `typ` names a different kind of token.
    WrongType,
    /// The token has a `kid` that no configured key has.
    UnknownKeyId,
    /// There is no configured key for the token's `alg`, or the key with the token's `kid` is for a
    /// different algorithm.
    WrongAlgorithm,
    /// The signature does not match: the token is forged, or this server has the wrong secret. If
    /// the secret is stored as base64, read it with `Secret::from_env_base64` or
    /// `Secret::from_file_base64`. Secrets that were derived for a service are stored as base64.
    BadSignature,
    /// `iss` is missing or not a configured issuer.
    WrongIssuer,
    /// `aud` is missing or names none of the configured audiences.
    WrongAudience,
    /// The token has an `aud`, but no audience is configured (RFC 7519 section 4.1.3).
    UnexpectedAudience,
    /// A required claim is missing or `null`.
    MissingClaim,
    /// A claim is missing or `null`, or does not have one of the values configured with
    /// [`Validation::claim_is`](crate::jwt::Validation::claim_is).
    WrongClaim,
    /// `exp` has passed.
    Expired,
    /// `nbf` is in the future.
    NotYetValid,
    /// `iat` is in the future.
    IssuedInFuture,
    /// `exp`, `nbf` or `iat` is after the year 9999, probably because it is in milliseconds.
    DateOutOfRange,
    /// The token is valid for longer than the configured lifetime, or lacks the `iat` or `exp` from
    /// which its lifetime is computed.
    LifetimeTooLong,
    /// `cnf` binds the token to a proof that is not checked here (RFC 7800, RFC 8705, RFC 9449).
    SenderConstrained,
    /// The claims cannot be deserialized into the claims type. [`TokenError::claim_error`] names
    /// the claim.
    ClaimsMismatch,
    /// The token, its session, or all tokens of its subject, tenant or key were revoked.
    Revoked,
    /// The clock, or the `Deserialize` implementation of the claims, panicked.
    Panicked,
}

/// The part of the reason that depends on the configuration or the time. If a token is forged,
/// creating this part allocates no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Detail {
    None,
    Text(&'static str),
    /// A text that contains configured values, such as the identifiers of the keys.
    Configured(Arc<str>),
    Limit(usize),
    Time {
        distance: Duration,
        leeway: Duration,
    },
    Claim(Box<ClaimError>),
}

impl TokenError {
    /// Creates an error without details.
    pub(crate) const fn new(kind: TokenErrorKind) -> Self {
        Self { kind, detail: Detail::None }
    }

    /// Creates an error with a constant reason.
    pub(crate) const fn because(kind: TokenErrorKind, reason: &'static str) -> Self {
        Self { kind, detail: Detail::Text(reason) }
    }

    /// Creates an error for a malformed token.
    pub(crate) const fn malformed(reason: &'static str) -> Self {
        Self::because(TokenErrorKind::Malformed, reason)
    }

    /// Creates an error whose reason contains configured values.
    pub(crate) fn configured(kind: TokenErrorKind, values: Arc<str>) -> Self {
        Self { kind, detail: Detail::Configured(values) }
    }

    /// Creates an error about a token that exceeds `limit`.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self { kind: TokenErrorKind::TooLarge, detail: Detail::Limit(limit) }
    }

    /// Creates an error about a date that is `distance` away from the current time.
    pub(crate) fn time(kind: TokenErrorKind, distance: Duration, leeway: Duration) -> Self {
        Self { kind, detail: Detail::Time { distance, leeway } }
    }

    /// Creates an error about one claim. `None` means that the claim's name is not known.
    pub(crate) fn of_claim(kind: TokenErrorKind, claim: Option<ClaimError>) -> Self {
        let detail = claim.map_or(Detail::None, |claim| Detail::Claim(Box::new(claim)));
        Self { kind, detail }
    }

    /// Returns the kind of this error.
    pub fn kind(&self) -> TokenErrorKind {
        self.kind
    }

    /// Returns the claim that is missing, has the wrong type, or does not fit the claims type.
    /// Returns `None` if the error is not about a claim, or if nothing is known about the claim.
    pub fn claim_error(&self) -> Option<&ClaimError> {
        match &self.detail {
            Detail::Claim(claim) => Some(claim),
            _ => None,
        }
    }
}

impl TokenErrorKind {
    /// Returns the reason without details.
    fn summary(self) -> &'static str {
        match self {
            Self::TooLarge => "the token is longer than the limit",
            Self::Malformed => "the token is malformed",
            Self::UnsupportedHeader => "the header has a parameter that is not supported",
            Self::WrongType => "`typ` names another kind of token",
            Self::UnknownKeyId => "no configured key has the token's `kid`",
            Self::WrongAlgorithm => "no configured key is for the token's `alg`",
            Self::BadSignature => "the signature does not match",
            Self::WrongIssuer => "`iss` is not the configured issuer",
            Self::WrongAudience => "`aud` does not name the configured audience",
            Self::UnexpectedAudience => {
                "the token has an `aud` and no audience is configured: \
                 name this service with `audience(..)`"
            }
            Self::MissingClaim => "a required claim is missing",
            Self::WrongClaim => "a claim does not have the configured value",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::IssuedInFuture => "the token was issued in the future",
            Self::DateOutOfRange => "a date is after the year 9999",
            Self::LifetimeTooLong => "the token is valid for longer than `max_lifetime`",
            Self::SenderConstrained => {
                "`cnf` binds the token to a proof, which is not checked here"
            }
            Self::ClaimsMismatch => "the claims do not fit their type",
            Self::Revoked => "the token is revoked",
            Self::Panicked => "code of the application panicked",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, &self.detail) {
            (kind, Detail::None) => f.write_str(kind.summary()),
            (TokenErrorKind::Malformed, Detail::Text(text)) => {
                write!(f, "the token is malformed: {text}")
            }
            (_, Detail::Text(text)) => f.write_str(text),
            (TokenErrorKind::UnknownKeyId, Detail::Configured(keys)) => {
                write!(f, "no configured key has the token's `kid`; configured: {keys}")
            }
            (TokenErrorKind::WrongAlgorithm, Detail::Configured(keys)) => {
                write!(f, "no configured key is for the token's `alg`; configured: {keys}")
            }
            (TokenErrorKind::BadSignature, Detail::Configured(id)) => {
                write!(f, "the signature is not that of the key {id:?}")
            }
            (_, Detail::Configured(sentence)) => f.write_str(sentence),
            (_, Detail::Limit(bytes)) => {
                write!(f, "the token is longer than the limit of {bytes} bytes")
            }
            (kind, Detail::Time { distance, leeway }) => time(f, kind, *distance, *leeway),
            (TokenErrorKind::MissingClaim, Detail::Claim(claim)) => match claim.name() {
                Some(name) => write!(f, "the required claim `{name}` is missing"),
                None => f.write_str(self.kind.summary()),
            },
            (kind, Detail::Claim(claim)) => write!(f, "{}: {claim}", kind.summary()),
        }
    }
}

fn time(
    f: &mut fmt::Formatter<'_>,
    kind: TokenErrorKind,
    distance: Duration,
    leeway: Duration,
) -> fmt::Result {
    let seconds = distance.as_secs().saturating_add(u64::from(distance.subsec_nanos() > 0));
    match kind {
        TokenErrorKind::Expired => write!(f, "the token expired {seconds} s ago")?,
        TokenErrorKind::NotYetValid => {
            write!(f, "the token is not valid for another {seconds} s")?;
        }
        TokenErrorKind::IssuedInFuture => {
            write!(f, "the token was issued {seconds} s in the future")?;
        }
        _ => f.write_str(kind.summary())?,
    }
    // If the token would be valid with a leeway that is a minute longer, the cause may be a
    // difference between the clocks of two servers. The text then states the leeway.
    if distance <= leeway.saturating_add(Duration::from_secs(60)) {
        write!(f, " (the leeway is {} s)", leeway.as_secs_f64())?;
    }
    Ok(())
}

impl Error for TokenError {}

/// Formats values for a sentence: `"a" or "b"`.
pub(crate) fn quoted(values: &[String]) -> String {
    values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_errors_say_the_distance_and_the_leeway_if_clocks_may_differ() {
        let said = |kind, millis| {
            let distance = Duration::from_millis(millis);
            TokenError::time(kind, distance, Duration::from_secs(5)).to_string()
        };
        for (kind, millis, expected) in [
            (TokenErrorKind::Expired, 312_000, "the token expired 312 s ago"),
            (TokenErrorKind::Expired, 5_000, "the token expired 5 s ago (the leeway is 5 s)"),
            (TokenErrorKind::NotYetValid, 3_600_000, "the token is not valid for another 3600 s"),
            (
                TokenErrorKind::IssuedInFuture,
                39_001,
                "the token was issued 40 s in the future (the leeway is 5 s)",
            ),
        ] {
            assert_eq!(said(kind, millis), expected);
        }
    }
}
