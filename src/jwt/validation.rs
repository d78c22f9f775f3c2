//! The rules that a token's header and claims must meet, apart from its signature.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixTime;
use crate::jwt::header::{self, Header};
use crate::jwt::member::Registered;
use crate::jwt::misfit::Misfit;
use crate::jwt::noted::{Noted, Roles, Wanted};
use crate::jwt::strings::OneOrMany;
use crate::jwt::token_error::{self, TokenError, TokenErrorKind};
use crate::misuse;

const MAX_LEEWAY: Duration = Duration::from_secs(60);
const MAX_REQUIRED: usize = 64;
/// The end of the year 9999. A later date is one in milliseconds, which is a common mistake.
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

/// What is required of a token besides a valid signature.
///
/// By default: `exp` is there and still to come, `nbf` and `iat` have come if they are there, all
/// with a leeway of 5 seconds; `typ` is absent, `JWT` or `at+jwt`; there is no `aud`, since a
/// token for somebody is not for us until [`audience`](Self::audience) says so (RFC 7519 section
/// 4.1.3); at most 8 KiB.
///
/// # Panics
///
/// Every method panics on a value that cannot work, with a sentence that says what to do.
#[derive(Clone, Debug)]
pub struct Validation {
    issuer: Option<String>,
    audience: Vec<String>,
    leeway: Duration,
    max_lifetime: Option<Duration>,
    types: Vec<String>,
    /// The reason for which another `typ` is rejected. Made in advance, so that rejecting a token
    /// allocates nothing.
    wrong_type: Option<Arc<str>>,
    max_token_bytes: usize,
    wanted: Wanted,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: Vec::new(),
            leeway: Duration::from_secs(5),
            max_lifetime: None,
            types: Vec::new(),
            wrong_type: None,
            max_token_bytes: 8 * 1024,
            wanted: Wanted { roles: vec!["roles".to_owned()], tenant: None, required: Vec::new() },
        }
    }
}

impl Validation {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires `iss`, and that it be `issuer`, character for character.
    #[track_caller]
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        if issuer.is_empty() {
            misuse::refuse("issuer(\"\") matches no token: give the `iss` that your issuer writes");
        }
        self.issuer = Some(issuer);
        self
    }

    /// Requires `aud`, and that it name one of `audience`, character for character.
    #[track_caller]
    #[must_use]
    pub fn audience(mut self, audience: impl OneOrMany) -> Self {
        self.audience = audience.into_strings();
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            misuse::refuse("audience(..) needs at least one name, and none may be empty");
        }
        self
    }

    /// How far the clocks of issuer and verifier may differ. 5 seconds by default, 60 at most.
    #[track_caller]
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        if leeway > MAX_LEEWAY {
            misuse::refuse(format_args!(
                "a leeway of {leeway:?} accepts tokens long expired: 60 s is the most, \
                 and a longer life is the issuer's to give",
            ));
        }
        self.leeway = leeway;
        self
    }

    /// Refuses tokens valid for longer than `lifetime` from `iat` to `exp`, and those without
    /// `iat`. No limit by default.
    #[track_caller]
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        if lifetime.is_zero() {
            misuse::refuse(
                "max_lifetime(0) refuses every token: give the longest that your issuer signs for, or leave it out",
            );
        }
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Accepts these values of `typ` and no others, nor its absence. Compared without case and
    /// without `application/` (RFC 7515 section 4.1.9). By default `typ` may be `JWT`, `at+jwt`,
    /// or absent.
    #[track_caller]
    #[must_use]
    pub fn accept_type(mut self, types: impl OneOrMany) -> Self {
        self.types = types.into_strings();
        if self.types.is_empty() || self.types.iter().any(String::is_empty) {
            misuse::refuse("accept_type(..) needs at least one `typ`, and none may be empty");
        }
        if let Some(long) = self.types.iter().find(|typ| typ.contains('/')) {
            misuse::refuse(format_args!(
                "accept_type({long:?}): leave out `application/`, it is optional in tokens",
            ));
        }
        let types = token_error::quoted(&self.types);
        self.wrong_type = Some(format!("`typ` is missing or not {types}").into());
        self
    }

    /// Requires claims beyond those that are always required; `null` does not count.
    #[track_caller]
    #[must_use]
    pub fn require_claim(mut self, names: impl OneOrMany) -> Self {
        for name in names.into_strings() {
            // Twice is no more than once; each name has one bit to be seen by.
            if !self.wanted.required.contains(&name) {
                self.wanted.required.push(name);
            }
        }
        if self.wanted.required.len() > MAX_REQUIRED {
            misuse::refuse(format_args!(
                "require_claim(..) takes at most {MAX_REQUIRED} names: let the type of the claims need the rest"
            ));
        }
        self
    }

    /// Where the roles are: a claim's name, or a path of names with dots such as
    /// `realm_access.roles`. A name with `://` in it is one name, dots and all. `roles` by default.
    #[track_caller]
    #[must_use]
    pub fn roles_claim(mut self, path: impl AsRef<str>) -> Self {
        let path = path.as_ref();
        self.wanted.roles = if path.contains("://") {
            vec![path.to_owned()]
        } else {
            path.split('.').map(str::to_owned).collect()
        };
        if self.wanted.roles.iter().any(String::is_empty) {
            misuse::refuse(format_args!(
                "roles_claim({path:?}) has an empty name in its path: write names with dots between them"
            ));
        }
        let is_taken = |name: &String| {
            Registered::from_name(name).is_some() || self.wanted.tenant.as_ref() == Some(name)
        };
        if self.wanted.roles.first().is_some_and(is_taken) {
            misuse::refuse(format_args!(
                "roles_claim({path:?}): this claim has a meaning of its own; for scopes there \
                 is `has_scope`",
            ));
        }
        self
    }

    /// The claim that names the tenant, such as `tenant` or `company`: a string. None by default.
    #[track_caller]
    #[must_use]
    pub fn tenant_claim(mut self, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        let is_taken = Registered::from_name(name).is_some()
            || self.wanted.roles.first().is_some_and(|roles| roles == name);
        if name.is_empty() || is_taken {
            misuse::refuse(format_args!(
                "tenant_claim({name:?}): name a claim that has no other meaning, such as \"tenant\"",
            ));
        }
        self.wanted.tenant = Some(name.to_owned());
        self
    }

    /// The longest token, in bytes. 8 KiB by default.
    #[track_caller]
    #[must_use]
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        if !(64..=1024 * 1024).contains(&bytes) {
            misuse::refuse(format_args!(
                "max_token_bytes({bytes}): between 64 bytes and 1 MiB; 8192 is the default",
            ));
        }
        self.max_token_bytes = bytes;
        self
    }

    #[cfg(feature = "connections")]
    pub(crate) fn tolerated(&self) -> Duration {
        self.leeway
    }

    pub(crate) fn token_limit(&self) -> usize {
        self.max_token_bytes
    }

    pub(crate) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    pub(crate) fn check_header(&self, header: &Header<'_>) -> Result<(), TokenError> {
        let accepted = match header.typ.as_deref() {
            None => self.types.is_empty(),
            Some(typ) if self.types.is_empty() => {
                ["JWT", "at+jwt"].iter().any(|name| header::is_media_type(typ, name))
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

    /// Checks the claims at the time `now` and returns when they expire. Expiry is looked at last:
    /// a token that is only expired is one that its client can renew, and is told so.
    pub(crate) fn check_claims(
        &self,
        noted: &Noted<'_>,
        now: UnixTime,
    ) -> Result<UnixTime, TokenError> {
        self.check_issuer(noted)?;
        self.check_audience(noted)?;
        let required = u32::try_from(self.wanted.required.len()).unwrap_or(u32::MAX);
        if noted.required.count_ones() < required {
            return Err(self.missing(noted));
        }
        if noted.confirmation {
            return Err(TokenErrorKind::SenderConstrained.into());
        }
        let Noted { named, expires_at, .. } = noted;
        for (reason, date) in [
            (after_9999!("exp"), expires_at),
            (after_9999!("nbf"), &named.not_before),
            (after_9999!("iat"), &named.issued_at),
        ] {
            if date.is_some_and(|date| date > LATEST) {
                return Err(TokenError::because(TokenErrorKind::DateOutOfRange, reason));
            }
        }
        let expires_at = expires_at.ok_or_else(|| missing("exp"))?;
        let ahead = now.saturating_add(self.leeway);
        let in_future = |kind, date: Option<UnixTime>| match date {
            Some(date) if date > ahead => {
                Err(TokenError::time(kind, date.saturating_since(now), self.leeway))
            }
            _ => Ok(()),
        };
        in_future(TokenErrorKind::NotYetValid, named.not_before)?;
        in_future(TokenErrorKind::IssuedInFuture, named.issued_at)?;
        self.check_lifetime(named.issued_at, expires_at)?;
        // RFC 7519 section 4.1.4: not accepted "on or after" the time.
        if expires_at.saturating_add(self.leeway) <= now {
            let ago = now.saturating_since(expires_at);
            return Err(TokenError::time(TokenErrorKind::Expired, ago, self.leeway));
        }
        Ok(expires_at)
    }

    #[cold]
    fn missing(&self, noted: &Noted<'_>) -> TokenError {
        let is_there = |place| noted.required.checked_shr(place).is_some_and(|bits| bits & 1 == 1);
        let mut required = (0..).zip(&self.wanted.required);
        let first = required.find(|(place, _)| !is_there(*place));
        missing(first.map_or("exp", |(_, name)| name))
    }

    fn check_lifetime(
        &self,
        issued_at: Option<UnixTime>,
        expires_at: UnixTime,
    ) -> Result<(), TokenError> {
        let Some(max) = self.max_lifetime else { return Ok(()) };
        let kind = TokenErrorKind::LifetimeTooLong;
        let Some(issued_at) = issued_at else {
            return Err(TokenError::because(kind, "`iat` is missing, and `max_lifetime` needs it"));
        };
        if expires_at <= issued_at.saturating_add(max) {
            return Ok(());
        }
        let lifetime = expires_at.saturating_since(issued_at).as_secs_f64();
        let max = max.as_secs_f64();
        let reason = format!("the token is valid for {lifetime} s, and `max_lifetime` is {max} s");
        Err(TokenError::configured(kind, reason.into()))
    }

    fn check_issuer(&self, noted: &Noted<'_>) -> Result<(), TokenError> {
        let Some(issuer) = &self.issuer else { return Ok(()) };
        let named = noted.named.issuer.map(|span| noted.placer.at(span));
        if named == Some(issuer) {
            return Ok(());
        }
        let what = if named.is_some() { "`iss` is not" } else { "`iss` is missing, and must be" };
        let reason = format!("{what} {issuer:?}");
        Err(TokenError::configured(TokenErrorKind::WrongIssuer, reason.into()))
    }

    fn check_audience(&self, noted: &Noted<'_>) -> Result<(), TokenError> {
        match (noted.audience, self.audience.is_empty()) {
            (false, true) => return Ok(()),
            (true, true) => return Err(TokenErrorKind::UnexpectedAudience.into()),
            (_, false) => {}
        }
        let mut named = noted.named.audience.iter().map(|span| noted.placer.at(*span));
        if named.any(|name| self.audience.iter().any(|ours| ours == name)) {
            return Ok(());
        }
        let what =
            if noted.audience { "`aud` does not name" } else { "`aud` is missing, and must name" };
        let reason = format!("{what} {}", token_error::quoted(&self.audience));
        Err(TokenError::configured(TokenErrorKind::WrongAudience, reason.into()))
    }

    /// Whether roles are members of the claims set itself.
    pub(crate) fn roles(&self) -> Roles {
        if self.wanted.roles.len() == 1 { Roles::Plain } else { Roles::Any }
    }
}

#[cold]
fn missing(name: &str) -> TokenError {
    TokenError::misfitting(TokenErrorKind::MissingClaim, Some(Misfit::missing(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_required_twice_is_required_once() {
        let validation = Validation::new().require_claim("sub").require_claim(["sub", "jti"]);
        assert_eq!(validation.wanted.required, ["sub", "jti"]);
    }
}
