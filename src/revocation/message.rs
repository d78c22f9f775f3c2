//! A revocation, and the message that publishes it.

use std::fmt::{self, Debug};
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::clock::UnixTime;

/// The version of the message.
const VERSION: u32 = 1;

/// A revocation of one token, of one session, or of the tokens that were issued up to some time to a
/// subject, to a tenant, under a key, or to everyone.
///
/// In JSON, a revocation is a message that a program in any language can publish:
/// [`revocation_message`](crate::guide::reference::revocation_message) has the format.
///
/// ```
/// use tower_jwt_auth::UnixTime;
/// use tower_jwt_auth::revocation::Revocation;
///
/// let revocation = Revocation::subject("alice", UnixTime::from_secs(1_700_000_000))
///     .issuer("https://auth.shop.example")
///     .forget_at(UnixTime::from_secs(1_700_003_600));
/// assert_eq!(
///     serde_json::to_string(&revocation)?,
///     r#"{"v":1,"revoke":"subject","iss":"https://auth.shop.example","sub":"alice","at":1700000000,"until":1700003600}"#,
/// );
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Revocation {
    pub(crate) target: Target,
    pub(crate) issuer: Option<String>,
    /// The owner of the token or the session.
    pub(crate) owner: Option<String>,
    /// The time of a watermark; for a token or a session, the time of its revocation.
    pub(crate) at: Option<UnixTime>,
    pub(crate) until: UnixTime,
}

/// The target of a [`Revocation`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The token with this `jti`.
    Token(String),
    /// The tokens with this `sid`.
    Session(String),
    /// The tokens of this `sub`.
    Subject(String),
    /// The tokens of this tenant.
    Tenant(String),
    /// The tokens verified with the key of this `kid`.
    KeyId(String),
    /// All tokens.
    Everyone,
}

/// The kind of a [`Revocation`], without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RevocationKind {
    /// One token.
    Token,
    /// One session.
    Session,
    /// The tokens of a subject.
    Subject,
    /// The tokens of a tenant.
    Tenant,
    /// The tokens of a key.
    KeyId,
    /// All tokens.
    Everyone,
}

impl RevocationKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Token, Self::Session, Self::Subject, Self::Tenant, Self::KeyId, Self::Everyone];
}

impl Revocation {
    /// The time for which a watermark is remembered by default: 30 days after its time. It must be at
    /// least the lifetime of a token.
    pub const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// The length of the longest message. A longer one is not published, and revokes nothing if another
    /// program publishes it. Every name in a token of 8 KiB, the default limit, fits.
    pub const MAX_MESSAGE_BYTES: usize = 8192;

    /// Revokes one token by its `jti`, and is remembered until its `exp`.
    pub fn token(id: impl Into<String>, expires_at: UnixTime) -> Self {
        Self::new(Target::Token(id.into()), None, expires_at)
    }

    /// Revokes all tokens of a session by their `sid`. `forget_at` is the expiry of the last one.
    pub fn session(id: impl Into<String>, forget_at: UnixTime) -> Self {
        Self::new(Target::Session(id.into()), None, forget_at)
    }

    /// Revokes the tokens that a subject was issued at this time or before. Times are compared in whole
    /// seconds: see [`Revocations`](crate::revocation::Revocations) for tokens of the same second.
    pub fn subject(subject: impl Into<String>, at: UnixTime) -> Self {
        Self::watermark(Target::Subject(subject.into()), at)
    }

    /// Revokes the tokens that a tenant was issued at this time or before.
    pub fn tenant(tenant: impl Into<String>, at: UnixTime) -> Self {
        Self::watermark(Target::Tenant(tenant.into()), at)
    }

    /// Revokes the tokens that were issued under a key at this time or before. The key itself stays
    /// valid: remove a stolen key from the key set too.
    pub fn key(id: impl Into<String>, at: UnixTime) -> Self {
        Self::watermark(Target::KeyId(id.into()), at)
    }

    /// Revokes all tokens that were issued at this time or before.
    pub fn everyone(at: UnixTime) -> Self {
        Self::watermark(Target::Everyone, at)
    }

    /// Limits the revocation to tokens with this `iss`. By default it covers tokens of any issuer, and
    /// tokens without one.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Names the owner of the token or the session, and the time of the revocation by the issuer's clock.
    /// A server without room for the entry then revokes the tokens that this subject had at that time,
    /// and not those of everyone.
    #[must_use]
    pub fn of_subject(mut self, subject: impl Into<String>, revoked_at: UnixTime) -> Self {
        if matches!(self.target, Target::Token(_) | Target::Session(_)) {
            self.owner = Some(subject.into());
            self.at = Some(revoked_at);
        }
        self
    }

    /// Sets the time from which servers may forget the revocation. No token that it covers may be valid
    /// from then on. For a watermark, the default is [`REMEMBERED`](Self::REMEMBERED) after its time.
    #[must_use]
    pub fn forget_at(mut self, time: UnixTime) -> Self {
        self.until = time;
        self
    }

    /// Returns the target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the kind.
    pub fn kind(&self) -> RevocationKind {
        match self.target {
            Target::Token(_) => RevocationKind::Token,
            Target::Session(_) => RevocationKind::Session,
            Target::Subject(_) => RevocationKind::Subject,
            Target::Tenant(_) => RevocationKind::Tenant,
            Target::KeyId(_) => RevocationKind::KeyId,
            Target::Everyone => RevocationKind::Everyone,
        }
    }

    /// Returns the time from which servers may forget the revocation.
    pub fn forgotten_at(&self) -> UnixTime {
        self.until
    }

    pub(crate) fn is_watermark(&self) -> bool {
        !matches!(self.target, Target::Token(_) | Target::Session(_))
    }

    /// Returns the name of the target, which is empty for everyone.
    pub(crate) fn name(&self) -> &str {
        match &self.target {
            Target::Token(name)
            | Target::Session(name)
            | Target::Subject(name)
            | Target::Tenant(name)
            | Target::KeyId(name) => name,
            Target::Everyone => "",
        }
    }

    fn watermark(target: Target, at: UnixTime) -> Self {
        Self::new(target, Some(at), at.saturating_add(Self::REMEMBERED))
    }

    fn new(target: Target, at: Option<UnixTime>, until: UnixTime) -> Self {
        Self { target, issuer: None, owner: None, at, until }
    }
}

impl Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of users and tokens do not belong in logs.
        f.debug_struct("Revocation")
            .field("kind", &self.kind())
            .field("at", &self.at)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(..)",
            Self::Session(_) => "Session(..)",
            Self::Subject(_) => "Subject(..)",
            Self::Tenant(_) => "Tenant(..)",
            Self::KeyId(_) => "KeyId(..)",
            Self::Everyone => "Everyone",
        })
    }
}

/// The message, member by member.
#[derive(serde::Serialize, serde::Deserialize)]
struct Message {
    v: u32,
    revoke: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<UnixTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<UnixTime>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Token,
    Session,
    Subject,
    Tenant,
    Key,
    Everyone,
}

impl Serialize for Revocation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let empty = || Message {
            v: VERSION,
            revoke: Word::Everyone,
            iss: self.issuer.clone(),
            jti: None,
            sid: None,
            sub: self.owner.clone(),
            tenant: None,
            kid: None,
            at: self.at,
            until: Some(self.until),
        };
        let name = Some(self.name().to_owned());
        let message = match self.target {
            Target::Token(_) => Message { revoke: Word::Token, jti: name, ..empty() },
            Target::Session(_) => Message { revoke: Word::Session, sid: name, ..empty() },
            Target::Subject(_) => Message { revoke: Word::Subject, sub: name, ..empty() },
            Target::Tenant(_) => Message { revoke: Word::Tenant, tenant: name, ..empty() },
            Target::KeyId(_) => Message { revoke: Word::Key, kid: name, ..empty() },
            Target::Everyone => empty(),
        };
        message.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Revocation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let message = Message::deserialize(deserializer)?;
        if message.v != VERSION {
            return Err(de::Error::custom("a message of another version"));
        }
        let missing = de::Error::missing_field;
        let at = || message.at.ok_or_else(|| missing("at"));
        let end = || message.until.ok_or_else(|| missing("until"));
        let mut owner = None;
        let mut revocation = match message.revoke {
            Word::Token => {
                owner = message.sub;
                Self::token(message.jti.ok_or_else(|| missing("jti"))?, end()?)
            }
            Word::Session => {
                owner = message.sub;
                Self::session(message.sid.ok_or_else(|| missing("sid"))?, end()?)
            }
            Word::Subject => Self::subject(message.sub.ok_or_else(|| missing("sub"))?, at()?),
            Word::Tenant => Self::tenant(message.tenant.ok_or_else(|| missing("tenant"))?, at()?),
            Word::Key => Self::key(message.kid.ok_or_else(|| missing("kid"))?, at()?),
            Word::Everyone => Self::everyone(at()?),
        };
        revocation.issuer = message.iss;
        revocation.owner = owner;
        revocation.at = message.at;
        revocation.until = message.until.unwrap_or(revocation.until);
        Ok(revocation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Revocation, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn every_kind_survives_the_message() {
        let (at, until) = (UnixTime::from_secs(100), UnixTime::from_secs(200));
        for revocation in [
            Revocation::token("t", until),
            Revocation::token("t", until).of_subject("alice", at),
            Revocation::session("s", until).issuer("i"),
            Revocation::subject("alice", at),
            Revocation::tenant("acme", at).issuer("i").forget_at(until),
            Revocation::key("2026-11", at),
            Revocation::everyone(at).issuer("i"),
        ] {
            let json = serde_json::to_string(&revocation).unwrap();
            assert!(parse(&json).unwrap() == revocation, "{json}");
        }
    }

    #[test]
    fn a_watermark_without_an_end_is_remembered_for_long() {
        let read = parse(r#"{"v":1,"revoke":"everyone","at":100}"#).unwrap();
        let end = UnixTime::from_secs(100).saturating_add(Revocation::REMEMBERED);
        assert_eq!(read.forgotten_at(), end);
    }

    #[test]
    fn unknown_members_are_skipped_and_unknown_kinds_and_versions_are_not() {
        assert!(parse(r#"{"v":1,"revoke":"token","jti":"t","until":1,"why":"stolen"}"#).is_ok());
        for json in [
            r#"{"v":2,"revoke":"token","jti":"t","until":1}"#,
            r#"{"v":1,"revoke":"device","until":1}"#,
            r#"{"v":1,"revoke":"token","until":1}"#,
            r#"{"v":1,"revoke":"token","jti":"t"}"#,
            r#"{"v":1,"revoke":"subject","sub":"alice","until":1}"#,
            r#"{"v":1,"revoke":"subject","at":1,"until":1}"#,
            r#"{"v":1,"revoke":"token","jti":"t","jti":"u","until":1}"#,
            "{}",
            "",
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn names_are_not_shown() {
        let revocation =
            Revocation::token("t-1", UnixTime::EPOCH).of_subject("alice", UnixTime::EPOCH);
        let shown = format!("{revocation:?} {:?}", revocation.target());
        assert!(!shown.contains("t-1") && !shown.contains("alice"), "{shown}");
    }
}
