//! A revocation, and the message that publishes it.

use std::fmt::{self, Debug};
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::clock::UnixTime;
use crate::revocation::target::{RevocationKind, RevocationTarget};

/// The version of the message.
const VERSION: u32 = 1;

/// A revocation. It covers a token, a session, a subject, a tenant, a key, or everyone. The
/// revocation of a subject, a tenant, a key or everyone revokes only tokens that were issued up to
/// a certain time.
///
/// A revocation serializes to a JSON message, which a program in any language can publish.
/// [`revocation_message`](crate::guide::reference::revocation_message) describes the format.
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
    pub(crate) target: RevocationTarget,
    pub(crate) issuer: Option<String>,
    pub(crate) until: UnixTime,
}

impl Revocation {
    /// The default duration for which a watermark is remembered after its revocation time: 30 days.
    /// A watermark must be remembered at least for the lifetime of a token.
    pub const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// The maximum length of a message. A longer message is not published by this crate, and
    /// revokes nothing if another program publishes it. Every identifier in a token of at most 8
    /// KiB, the default limit, fits into a message.
    pub const MAX_MESSAGE_BYTES: usize = 8192;

    /// Revokes one token, by its `jti`. The revocation is remembered until `expires_at`, the `exp`
    /// of the token.
    pub fn token(id: impl Into<String>, expires_at: UnixTime) -> Self {
        let target = RevocationTarget::Token { id: id.into(), owner: None, revoked_at: None };
        Self { target, issuer: None, until: expires_at }
    }

    /// Revokes one session, by its `sid`. The revocation is remembered until `forget_at`. The last
    /// token of the session must have expired by then.
    pub fn session(id: impl Into<String>, forget_at: UnixTime) -> Self {
        let target = RevocationTarget::Session { id: id.into(), owner: None, revoked_at: None };
        Self { target, issuer: None, until: forget_at }
    }

    /// Revokes the tokens that were issued to a subject at the given time or earlier. The times are
    /// compared in whole seconds. [`Revocations`](crate::revocation::Revocations) explains what
    /// this means for tokens that were issued in the same second as the given time.
    pub fn subject(subject: impl Into<String>, at: UnixTime) -> Self {
        Self::watermark(RevocationTarget::Subject { subject: subject.into(), at }, at)
    }

    /// Revokes the tokens that were issued to a tenant at the given time or earlier.
    pub fn tenant(tenant: impl Into<String>, at: UnixTime) -> Self {
        Self::watermark(RevocationTarget::Tenant { tenant: tenant.into(), at }, at)
    }

    /// Revokes the tokens that were signed with a key and issued at the given time or earlier. The
    /// key itself remains valid: if it was stolen, remove it from the key set as well.
    pub fn key(id: impl Into<String>, at: UnixTime) -> Self {
        Self::watermark(RevocationTarget::KeyId { id: id.into(), at }, at)
    }

    /// Revokes all tokens that were issued at the given time or earlier.
    pub fn everyone(at: UnixTime) -> Self {
        Self::watermark(RevocationTarget::Everyone { at }, at)
    }

    /// Limits the revocation to tokens with this `iss`. By default it covers tokens of every
    /// issuer, and tokens without an issuer.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Sets the subject that owns the token or session, and the time of the revocation on the
    /// issuer's clock. If a server has no room for this revocation, the server instead revokes all
    /// tokens that the subject had at that time. Without a subject, the server would then revoke
    /// everyone's tokens. This method changes only revocations of a token or a session.
    #[must_use]
    pub fn of_subject(mut self, subject: impl Into<String>, time: UnixTime) -> Self {
        if let RevocationTarget::Token { owner, revoked_at, .. }
        | RevocationTarget::Session { owner, revoked_at, .. } = &mut self.target
        {
            *owner = Some(subject.into());
            *revoked_at = Some(time);
        }
        self
    }

    /// Sets the time from which the revocation may be forgotten. Every token that it covers must
    /// have expired by then. By default, the revocation of a subject, a tenant, a key or everyone
    /// may be forgotten 30 days ([`REMEMBERED`](Self::REMEMBERED)) after its revocation time.
    #[must_use]
    pub fn forget_at(mut self, time: UnixTime) -> Self {
        self.until = time;
        self
    }

    /// Returns the tokens that the revocation covers.
    pub fn target(&self) -> &RevocationTarget {
        &self.target
    }

    /// Returns the kind of the target.
    pub fn kind(&self) -> RevocationKind {
        self.target.kind()
    }

    /// Returns the time from which the revocation may be forgotten.
    pub fn forgotten_at(&self) -> UnixTime {
        self.until
    }

    /// Removes the owner's name from the revocation of a token or session, so that the message is
    /// shorter.
    #[cfg(all(feature = "feeds", feature = "issuer"))]
    pub(crate) fn without_owner(mut self) -> Self {
        if let RevocationTarget::Token { owner, .. } | RevocationTarget::Session { owner, .. } =
            &mut self.target
        {
            *owner = None;
        }
        self
    }

    /// Sets the time of the revocation to `now` if that time is unknown.
    #[cfg(feature = "feeds")]
    pub(crate) fn revoked_by(mut self, now: UnixTime) -> Self {
        if let RevocationTarget::Token { revoked_at, .. }
        | RevocationTarget::Session { revoked_at, .. } = &mut self.target
        {
            revoked_at.get_or_insert(now);
        }
        self
    }

    fn watermark(target: RevocationTarget, at: UnixTime) -> Self {
        Self { target, issuer: None, until: at.saturating_add(Self::REMEMBERED) }
    }
}

impl Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The identifiers of users and tokens do not belong in logs.
        f.debug_struct("Revocation")
            .field("kind", &self.kind())
            .field("revoked_at", &self.target.revoked_at())
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// The members of the message.
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
        let empty = Message {
            v: VERSION,
            revoke: Word::Everyone,
            iss: self.issuer.clone(),
            jti: None,
            sid: None,
            sub: None,
            tenant: None,
            kid: None,
            at: self.target.revoked_at(),
            until: Some(self.until),
        };
        let (sub, name) = (self.target.owner().map(str::to_owned), self.target.name().to_owned());
        let message = match self.kind() {
            RevocationKind::Token => Message { revoke: Word::Token, jti: Some(name), sub, ..empty },
            RevocationKind::Session => {
                Message { revoke: Word::Session, sid: Some(name), sub, ..empty }
            }
            RevocationKind::Subject => Message { revoke: Word::Subject, sub: Some(name), ..empty },
            RevocationKind::Tenant => Message { revoke: Word::Tenant, tenant: Some(name), ..empty },
            RevocationKind::KeyId => Message { revoke: Word::Key, kid: Some(name), ..empty },
            RevocationKind::Everyone => empty,
        };
        message.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Revocation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Message { v, revoke, iss, jti, sid, sub, tenant, kid, at, until } =
            Message::deserialize(deserializer)?;
        if v != VERSION {
            return Err(de::Error::custom("a message of another version"));
        }
        let (owner, revoked_at) = (sub.clone(), at);
        let missing = <D::Error as de::Error>::missing_field;
        let at = || at.ok_or_else(|| missing("at"));
        let target = match revoke {
            Word::Token => RevocationTarget::Token {
                id: jti.ok_or_else(|| missing("jti"))?,
                owner,
                revoked_at,
            },
            Word::Session => RevocationTarget::Session {
                id: sid.ok_or_else(|| missing("sid"))?,
                owner,
                revoked_at,
            },
            Word::Subject => {
                RevocationTarget::Subject { subject: sub.ok_or_else(|| missing("sub"))?, at: at()? }
            }
            Word::Tenant => RevocationTarget::Tenant {
                tenant: tenant.ok_or_else(|| missing("tenant"))?,
                at: at()?,
            },
            Word::Key => {
                RevocationTarget::KeyId { id: kid.ok_or_else(|| missing("kid"))?, at: at()? }
            }
            Word::Everyone => RevocationTarget::Everyone { at: at()? },
        };
        let default = target.watermark().map(|at| at.saturating_add(Self::REMEMBERED));
        let until = until.or(default).ok_or_else(|| missing("until"))?;
        Ok(Self { target, issuer: iss, until })
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
    fn the_message_of_every_kind_is_fixed() {
        let (at, until) = (UnixTime::from_secs(100), UnixTime::from_secs(200));
        for (revocation, message) in [
            (Revocation::token("t", until), r#"{"v":1,"revoke":"token","jti":"t","until":200}"#),
            (
                Revocation::token("t", until).of_subject("alice", at),
                r#"{"v":1,"revoke":"token","jti":"t","sub":"alice","at":100,"until":200}"#,
            ),
            (
                Revocation::session("s", until).issuer("i").of_subject("alice", at),
                r#"{"v":1,"revoke":"session","iss":"i","sid":"s","sub":"alice","at":100,"until":200}"#,
            ),
            (
                Revocation::subject("alice", at).of_subject("bob", until),
                r#"{"v":1,"revoke":"subject","sub":"alice","at":100,"until":2592100}"#,
            ),
            (
                Revocation::tenant("acme", at).issuer("i").forget_at(until),
                r#"{"v":1,"revoke":"tenant","iss":"i","tenant":"acme","at":100,"until":200}"#,
            ),
            (
                Revocation::key("2026-11", at).forget_at(until),
                r#"{"v":1,"revoke":"key","kid":"2026-11","at":100,"until":200}"#,
            ),
            (
                Revocation::everyone(at).forget_at(until),
                r#"{"v":1,"revoke":"everyone","at":100,"until":200}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&revocation).unwrap(), message);
            assert!(parse(message).unwrap() == revocation, "{message}");
        }
    }

    #[test]
    fn a_message_of_another_publisher_may_leave_out_the_owner_or_the_time() {
        for message in [
            r#"{"v":1,"revoke":"token","jti":"t","at":100,"until":200}"#,
            r#"{"v":1,"revoke":"session","sid":"s","sub":"alice","until":200}"#,
        ] {
            assert_eq!(serde_json::to_string(&parse(message).unwrap()).unwrap(), message);
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
