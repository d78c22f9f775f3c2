//! The verifier, which turns the bytes of a token into typed claims.

use std::fmt::{self, Debug};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::clock::{Clock, TimeSource, UnixTime};
use crate::jwt::header::{self, Header};
use crate::jwt::json::reader::JsonFault;
use crate::jwt::keys::key::Key;
use crate::jwt::keys::key_set::KeySet;
use crate::jwt::keys::key_store::KeyStore;
use crate::jwt::payload;
use crate::jwt::payload::notes::Noted;
use crate::jwt::spans::Span;
use crate::jwt::token_error::{TokenError, TokenErrorKind};
use crate::jwt::token_parts::TokenParts;
use crate::jwt::validation::Validation;
use crate::jwt::verified_token::{Named, OpenedToken, VerifiedToken};

/// Verifies tokens: signature, header and claims. `JwtAuth` uses a verifier for HTTP requests.
///
/// ```
/// use tower_jwt_auth::jwt::{Key, Secret, Signer, StandardClaims, TokenErrorKind, Verifier};
///
/// let secret = Secret::generate()?;
/// let token = Signer::new(Key::hs256(secret.clone()))
///     .sign(&serde_json::json!({ "sub": "alice", "exp": 32_503_680_000_u64 }))?;
///
/// let verifier = Verifier::new(secret);
/// let verified = verifier.verify::<StandardClaims>(&token)?;
/// assert_eq!(verified.token().subject(), Some("alice"));
///
/// let error = verifier.verify::<StandardClaims>(&token[1..]).unwrap_err();
/// assert_eq!(error.kind(), TokenErrorKind::Malformed);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: KeyStore,
    validation: Validation,
    clock: TimeSource,
}

impl Verifier {
    /// Creates a verifier with these keys, the default [`Validation`] and the system's clock.
    pub fn new(keys: impl Into<KeyStore>) -> Self {
        Self { keys: keys.into(), validation: Validation::new(), clock: TimeSource::System }
    }

    /// Replaces the rules for header and claims.
    #[must_use]
    pub fn with_validation(mut self, validation: Validation) -> Self {
        self.validation = validation;
        self
    }

    pub(crate) fn clock(&self) -> &TimeSource {
        &self.clock
    }

    /// Replaces the clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = TimeSource::custom(clock);
        self
    }

    /// Returns the rules for header and claims.
    pub fn validation(&self) -> &Validation {
        &self.validation
    }

    /// Verifies the whole token and reads its claims into `T`.
    ///
    /// # Errors
    ///
    /// Returns an error for the first rule that the token breaks. The error is for logs and never
    /// for the client, since it would help an attacker to forge a token. If the clock or `T`'s
    /// `Deserialize` implementation panics, the error is [`TokenErrorKind::Panicked`].
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<Verified<T>, TokenError> {
        // The closure fills `verified`, which is defined outside. If the closure returned the
        // value, `catch_unwind` would move it.
        let mut verified = VerifiedToken::default();
        let read = catch_unwind(AssertUnwindSafe(|| {
            verified.opened = self.open(token.as_bytes(), &self.keys.peek())?;
            self.read(&mut verified)
        }));
        let (claims, verified_at) =
            read.unwrap_or_else(|_| Err(TokenError::new(TokenErrorKind::Panicked)))?;
        Ok(Verified { token: verified, claims, verified_at })
    }

    /// Checks the signature of a token and decodes the token. [`Self::read`] then reads the claims.
    /// For a usual token, nothing is allocated before the signature is verified. Both methods
    /// together verify a token in the order of `docs/reference/verification.md`.
    pub(crate) fn open(&self, token: &[u8], keys: &KeySet) -> Result<OpenedToken, TokenError> {
        if token.len() > self.validation.token_limit() {
            return Err(TokenError::too_large(self.validation.token_limit()));
        }
        let (parts, key) = self.authenticate(token, keys)?;
        let (text, payload_len) = parts.decode(token, key.id()).ok_or(NOT_TEXT)?;
        let encoded = Span::new(payload_len, token.len());
        let key_id = key.id().map(|id| encoded.followed_by(id.len()));
        Ok(OpenedToken { text, encoded, key_id })
    }

    /// Reads the claims of a token that [`Self::open`] has decoded, records them in `verified`, and
    /// checks them. Returns the claims and the time of the check.
    #[inline]
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        verified: &mut VerifiedToken,
    ) -> Result<(T, UnixTime), TokenError> {
        let VerifiedToken { opened: OpenedToken { text, encoded, .. }, named } = verified;
        let payload = text.get(..encoded.start()).unwrap_or_default();
        let payload = std::str::from_utf8(payload).map_err(|_| NOT_TEXT)?;
        let mut noted = Noted::new(payload, text.len(), named);
        let claims = payload::read::<T>(payload, self.validation.wanted(), &mut noted);
        let now = self.clock.now();
        let Ok(claims) = claims else { return Err(self.explain(payload, noted, now)) };
        self.validation.check_claims(&noted, now)?;
        let unescaped = noted.placer.into_unescaped();
        text.extend_from_slice(unescaped.as_bytes());
        Ok((claims, now))
    }

    /// Checks the dates of a token that was verified earlier. Returns the time of the check, or the
    /// error that a verification would return at that time.
    #[inline]
    pub(crate) fn check_dates(&self, token: &VerifiedToken) -> Result<UnixTime, TokenError> {
        let now = self.clock.now();
        let named = &token.named;
        self.validation.check_start(named, now)?;
        self.validation.check_expiry(named, now)?;
        Ok(now)
    }

    /// Returns the generation number of the keys, as [`KeyStore::generation`] does.
    #[inline]
    pub(crate) fn key_generation(&self) -> u64 {
        self.keys.generation()
    }

    /// Returns the current keys. Keep the returned guard only for a short time.
    pub(crate) fn peek_keys(&self) -> impl Deref<Target = Arc<KeySet>> + use<> {
        self.keys.peek()
    }

    /// Returns the current keys.
    #[cfg(feature = "connections")]
    pub(crate) fn key_set(&self) -> Arc<KeySet> {
        self.keys.load()
    }

    /// Returns true if one of `keys` verifies the signature of `token`. This method does not check
    /// the claims. The caller has checked them before.
    #[cfg(feature = "connections")]
    pub(crate) fn is_signed_by(&self, keys: &KeySet, token: &str) -> bool {
        self.authenticate(token.as_bytes(), keys).is_ok()
    }

    /// Checks the header and the signature of a token. Returns the parts of the token, and the key
    /// that verified its signature.
    fn authenticate<'t, 'k>(
        &self,
        token: &'t [u8],
        keys: &'k KeySet,
    ) -> Result<(TokenParts<'t>, &'k Key), TokenError> {
        let Some((header, parts)) = keys.headers().find(token) else {
            return self.authenticate_unknown_header(token, keys);
        };
        self.validation.check_header(header)?;
        let key = keys.signer_of(header, parts.signed, parts.signature)?;
        Ok((parts, key))
    }

    // This is a separate cold function, so that `buffer` is not initialized for a token with a
    // known header.
    #[cold]
    #[inline(never)]
    fn authenticate_unknown_header<'t, 'k>(
        &self,
        token: &'t [u8],
        keys: &'k KeySet,
    ) -> Result<(TokenParts<'t>, &'k Key), TokenError> {
        let parts = TokenParts::split(token)
            .ok_or(TokenError::malformed("it is not three parts with dots between"))?;
        let mut buffer = header::BUFFER;
        let header =
            Header::parse(parts.header, &mut buffer).map_err(|error| match error.kind() {
                TokenErrorKind::WrongAlgorithm => keys.error(TokenErrorKind::WrongAlgorithm),
                _ => error,
            })?;
        self.validation.check_header(&header)?;
        let key = keys.signer_of(&header, parts.signed, parts.signature)?;
        keys.headers().remember(parts, &header);
        Ok((parts, key))
    }

    /// Calls `decide` with the token's `kid` if the token may have been rejected because its key is
    /// missing from `keys`. `error` is the reason for the rejection. If the token has no `kid`, a
    /// wrong signature may mean that the token's key is missing.
    pub(crate) fn missing_key<R>(
        &self,
        token: &[u8],
        keys: &KeySet,
        error: &TokenError,
        decide: impl FnOnce(Option<&str>) -> R,
    ) -> Option<R> {
        let parts = TokenParts::split(token)?;
        let mut buffer = header::BUFFER;
        let header = Header::parse(parts.header, &mut buffer).ok()?;
        let is_possible = match error.kind() {
            TokenErrorKind::UnknownKeyId => true,
            TokenErrorKind::BadSignature | TokenErrorKind::WrongAlgorithm => {
                header.kid.is_none() || keys.is_empty()
            }
            _ => false,
        };
        is_possible.then(|| decide(header.kid.as_deref()))
    }

    /// Returns the reason for rejecting a payload that could not be read into the claims type.
    ///
    /// This method reads the payload again without the claims type, and collects and checks all
    /// claims. If a claim breaks a rule (for example, the token is expired), the returned reason
    /// names that rule. Otherwise the reason is that the claims do not fit the type.
    #[cold]
    fn explain<'de>(&self, payload: &'de str, noted: Noted<'_, 'de>, now: UnixTime) -> TokenError {
        let Noted { named, placer, failure, .. } = noted;
        *named = Named::default();
        let mut noted = Noted::new(payload, placer.end(), named);
        if payload::read::<IgnoredAny>(payload, self.validation.wanted(), &mut noted).is_err() {
            return malformed_payload(noted);
        }
        match self.validation.check_claims(&noted, now) {
            Ok(()) => TokenError::of_claim(TokenErrorKind::ClaimsMismatch, failure),
            Err(error) => error,
        }
    }
}

const NOT_TEXT: TokenError =
    TokenError::malformed("the payload is not unpadded base64url of UTF-8");

#[cold]
fn malformed_payload(noted: Noted<'_, '_>) -> TokenError {
    match (noted.fault, noted.failure) {
        (Some(JsonFault::TooDeep), _) => {
            TokenError::malformed("the claims are nested deeper than 32 levels")
        }
        (Some(JsonFault::DuplicateName), _) => {
            TokenError::malformed("a member name occurs twice in one object")
        }
        (Some(JsonFault::ReservedName), _) => {
            TokenError::malformed("a member has a name that `serde_json` reserves for itself")
        }
        (None, Some(claim)) => TokenError::of_claim(TokenErrorKind::Malformed, Some(claim)),
        (Some(JsonFault::Syntax), _) | (None, None) => {
            TokenError::malformed("the payload is not one JSON object")
        }
    }
}

/// A token that was verified. Only a [`Verifier`] creates one.
#[derive(Clone)]
pub struct Verified<T> {
    token: VerifiedToken,
    claims: T,
    verified_at: UnixTime,
}

impl<T> Verified<T> {
    /// Returns the time of the verification, by the verifier's clock.
    pub fn verified_at(&self) -> UnixTime {
        self.verified_at
    }

    /// Returns the part of the token that does not depend on the claims type.
    pub fn token(&self) -> &VerifiedToken {
        &self.token
    }

    /// Returns the typed claims.
    pub fn claims(&self) -> &T {
        &self.claims
    }

    /// Returns the token and its typed claims.
    pub fn into_parts(self) -> (VerifiedToken, T) {
        (self.token, self.claims)
    }
}

impl<T> Debug for Verified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values do not belong in logs.
        f.debug_struct("Verified").field("token", &self.token).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::{Secret, Signer};

    /// An error about the signature or the algorithm can mean that the token's key is missing, but
    /// only if the token has no `kid`, or if there are no keys at all.
    #[test]
    fn a_key_may_be_missing_if_no_key_was_chosen_by_its_kid() {
        use TokenErrorKind::{BadSignature, Expired, Malformed, UnknownKeyId, WrongAlgorithm};

        let key = Key::hs256(Secret::generate().unwrap());
        let without_kid = Signer::new(key.clone()).sign(&serde_json::json!({})).unwrap();
        let key = key.with_id("2026-11").unwrap();
        let with_kid = Signer::new(key.clone()).sign(&serde_json::json!({})).unwrap();
        let (keys, none) = (KeySet::from(key), KeySet::of(Vec::new()));
        let verifier = Verifier::new(keys.clone());
        let missing = |token: &str, keys: &KeySet, kind: TokenErrorKind| {
            let kid = |kid: Option<&str>| kid.map(str::to_owned);
            verifier.missing_key(token.as_bytes(), keys, &TokenError::new(kind), kid)
        };
        let id = Some(Some("2026-11".to_owned()));
        for kind in [BadSignature, WrongAlgorithm] {
            assert_eq!(missing(&with_kid, &keys, kind), None, "{kind:?}");
            assert_eq!(missing(&with_kid, &none, kind), id, "{kind:?}");
            assert_eq!(missing(&without_kid, &keys, kind), Some(None), "{kind:?}");
            assert_eq!(missing(&without_kid, &none, kind), Some(None), "{kind:?}");
        }
        assert_eq!(missing(&with_kid, &keys, UnknownKeyId), id);
        for kind in [Expired, Malformed] {
            for token in [&with_kid, &without_kid] {
                assert_eq!(missing(token, &none, kind), None, "{kind:?}");
            }
        }
        assert_eq!(missing(&with_kid[1..], &none, UnknownKeyId), None);
    }
}
