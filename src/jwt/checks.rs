//! The checks of a token's header and claims against a [`Validation`].

use std::sync::Arc;

use crate::clock::UnixTime;
use crate::jwt::claim_error::ClaimError;
use crate::jwt::header::{self, Header};
use crate::jwt::payload::notes::Noted;
use crate::jwt::spans::Span;
use crate::jwt::token_error::{self, TokenError, TokenErrorKind};
use crate::jwt::validation::Validation;
use crate::jwt::verified_token::Named;

/// The end of the year 9999. A later date is probably in milliseconds, a common mistake.
const LATEST: UnixTime = UnixTime::from_secs(253_402_300_799);

macro_rules! after_9999 {
    ($claim:literal) => {
        concat!(
            "`",
            $claim,
            "` is after the year 9999: it seems to be in milliseconds, not seconds"
        )
    };
}

impl Validation {
    pub(crate) fn check_header(&self, header: &Header<'_>) -> Result<(), TokenError> {
        let accepted = match header.typ.as_deref() {
            None => self.types.is_empty(),
            Some(typ) if self.types.is_empty() => {
                header::is_media_type(typ, "JWT")
                    || header::is_media_type(typ, "at+jwt") && !self.rejects_access_tokens
            }
            Some(typ) => self.types.iter().any(|name| header::is_media_type(typ, name)),
        };
        if accepted {
            return Ok(());
        }
        let kind = TokenErrorKind::WrongType;
        Err(match &self.wrong_type {
            Some(reason) => TokenError::configured(kind, Arc::clone(reason)),
            None => TokenError::because(kind, "`typ` is neither \"JWT\" nor \"at+jwt\""),
        })
    }

    /// Checks the claims at the time `now`.
    ///
    /// Expiry is checked last. A client can renew a token that is expired and otherwise valid, so
    /// such a token gets a separate kind of error.
    pub(crate) fn check_claims(
        &self,
        noted: &Noted<'_, '_>,
        now: UnixTime,
    ) -> Result<(), TokenError> {
        self.check_issuer(noted)?;
        self.check_audience(noted)?;
        let rules = self.wanted.rules.len();
        if rules > 0 && (noted.met.count_ones() as usize) < rules {
            return Err(self.broken_rule(noted));
        }
        if noted.has_confirmation {
            return Err(TokenError::new(TokenErrorKind::SenderConstrained));
        }
        let Named { issued_at, not_before, expires_at, .. } = *noted.named;
        let is_late = |date: Option<UnixTime>| date.is_some_and(|date| date > LATEST);
        if is_late(expires_at) || is_late(not_before) || is_late(issued_at) {
            return Err(date_out_of_range(is_late(expires_at), is_late(not_before)));
        }
        if expires_at.is_none() && !self.allows_missing_expiry {
            return Err(missing("exp"));
        }
        self.check_start(noted.named, now)?;
        self.check_lifetime(issued_at, expires_at)?;
        self.check_expiry(noted.named, now)
    }

    /// Checks that neither `iat` nor `nbf` is in the future at the time `now`. Only this check and
    /// [`Self::check_expiry`] depend on the time, so they are repeated when a verified token is
    /// used again.
    #[inline]
    pub(crate) fn check_start(&self, named: &Named, now: UnixTime) -> Result<(), TokenError> {
        let Named { issued_at, not_before, .. } = *named;
        let ahead = now.saturating_add(self.leeway);
        let in_future = |kind, date: Option<UnixTime>| match date {
            Some(date) if date > ahead => {
                Err(TokenError::time(kind, date.saturating_since(now), self.leeway))
            }
            _ => Ok(()),
        };
        in_future(TokenErrorKind::NotYetValid, not_before)?;
        in_future(TokenErrorKind::IssuedInFuture, issued_at)
    }

    /// Checks that the token is not expired at the time `now`.
    #[inline]
    pub(crate) fn check_expiry(&self, named: &Named, now: UnixTime) -> Result<(), TokenError> {
        // RFC 7519 section 4.1.4: a token must not be accepted "on or after" its `exp`.
        match named.expires_at {
            Some(expires_at) if expires_at.saturating_add(self.leeway) <= now => {
                let ago = now.saturating_since(expires_at);
                Err(TokenError::time(TokenErrorKind::Expired, ago, self.leeway))
            }
            _ => Ok(()),
        }
    }

    /// Returns the error for the first broken rule. Rules that only require a claim come before
    /// rules about a claim's value.
    #[cold]
    fn broken_rule(&self, noted: &Noted<'_, '_>) -> TokenError {
        let broken = self.wanted.numbered_rules().filter(|(bit, _)| noted.met & bit == 0);
        let Some((bit, rule)) = broken.min_by_key(|(_, rule)| !rule.values.is_empty()) else {
            return TokenError::new(TokenErrorKind::MissingClaim);
        };
        let (path, values) = (&rule.path, token_error::quoted(&rule.values));
        if rule.values.is_empty() {
            return missing(&path.to_string());
        }
        let what = if noted.wrong & bit == 0 { "is missing, and must be" } else { "is not" };
        let reason = format!("`{path}` {what} {values}");
        TokenError::configured(TokenErrorKind::WrongClaim, reason.into())
    }

    fn check_lifetime(
        &self,
        issued_at: Option<UnixTime>,
        expires_at: Option<UnixTime>,
    ) -> Result<(), TokenError> {
        let Some(max) = self.max_lifetime else { return Ok(()) };
        let kind = TokenErrorKind::LifetimeTooLong;
        let (issued_at, expires_at) = match (issued_at, expires_at) {
            (Some(issued_at), Some(expires_at)) => (issued_at, expires_at),
            (None, _) => {
                let reason = "`iat` is missing, and `max_lifetime` needs it";
                return Err(TokenError::because(kind, reason));
            }
            (_, None) => {
                let reason = "`exp` is missing, and `max_lifetime` needs it";
                return Err(TokenError::because(kind, reason));
            }
        };
        if expires_at <= issued_at.saturating_add(max) {
            return Ok(());
        }
        let lifetime = expires_at.saturating_since(issued_at).as_secs_f64();
        let max = max.as_secs_f64();
        let reason = format!("the token is valid for {lifetime} s, and `max_lifetime` is {max} s");
        Err(TokenError::configured(kind, reason.into()))
    }

    fn check_issuer(&self, noted: &Noted<'_, '_>) -> Result<(), TokenError> {
        if self.issuers.is_empty() {
            return Ok(());
        }
        let span = noted.named.issuer;
        let is_named = |issuer: &String| span.is_some_and(|span| noted.placer.is(span, issuer));
        if self.issuers.iter().any(is_named) {
            return Ok(());
        }
        Err(self.wrong_issuer(span.is_some()))
    }

    #[cold]
    fn wrong_issuer(&self, has_issuer: bool) -> TokenError {
        let what = if has_issuer { "`iss` is not" } else { "`iss` is missing, and must be" };
        let reason = format!("{what} {}", token_error::quoted(&self.issuers));
        TokenError::configured(TokenErrorKind::WrongIssuer, reason.into())
    }

    fn check_audience(&self, noted: &Noted<'_, '_>) -> Result<(), TokenError> {
        if self.accepts_any_audience {
            return Ok(());
        }
        match (noted.has_audience, self.audience.is_empty()) {
            (false, true) => return Ok(()),
            (true, true) => return Err(TokenError::new(TokenErrorKind::UnexpectedAudience)),
            (_, false) => {}
        }
        let is_ours = |span: &Span| self.audience.iter().any(|ours| noted.placer.is(*span, ours));
        if noted.named.audience.iter().any(is_ours) {
            return Ok(());
        }
        Err(self.wrong_audience(noted.has_audience))
    }

    #[cold]
    fn wrong_audience(&self, has_audience: bool) -> TokenError {
        let what =
            if has_audience { "`aud` does not name" } else { "`aud` is missing, and must name" };
        let reason = format!("{what} {}", token_error::quoted(&self.audience));
        TokenError::configured(TokenErrorKind::WrongAudience, reason.into())
    }
}

#[cold]
fn date_out_of_range(is_expiry: bool, is_start: bool) -> TokenError {
    let reason = match (is_expiry, is_start) {
        (true, _) => after_9999!("exp"),
        (_, true) => after_9999!("nbf"),
        _ => after_9999!("iat"),
    };
    TokenError::because(TokenErrorKind::DateOutOfRange, reason)
}

#[cold]
fn missing(name: &str) -> TokenError {
    TokenError::of_claim(TokenErrorKind::MissingClaim, Some(ClaimError::missing(name)))
}
