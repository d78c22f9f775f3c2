//! The rotation rules, as functions of the stored state and the presented token. They do no I/O, so
//! they are the same for every store.

pub(crate) mod announcement;
mod exact_time;
pub(crate) mod revoked_tokens;
pub(crate) mod rotation_rules;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::UnixTime;
use crate::issuer::external_login::ExternalLogin;
use crate::issuer::sessions::family::announcement::Announcement;
use crate::issuer::sessions::family::revoked_tokens::RevokedTokens;
use crate::issuer::sessions::family::rotation_rules::{MAX_LISTS_AT_ONCE, RotationRules};
use crate::issuer::sessions::refresh_token::{RefreshToken, Salt, TokenHash};

/// The maximum number of used tokens that a stored session contains. Tokens whose grace period is
/// over are removed first. A client that renews more than 16 times within the grace period does not
/// need the oldest of its used tokens.
const MAX_SPENT: usize = 16;

/// The maximum time by which another server's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(60);

/// The maximum number of bytes by which a session's JSON can grow after the login. The JSON grows
/// when used tokens and individually revoked access tokens are added.
pub(crate) const ROTATION_BYTES: usize = 3_072;

/// Requests with the same token within this time count as simultaneous. Such requests come from two
/// tabs of one browser, or from a client that sends several requests in parallel after its access
/// token has expired. Simultaneous requests are common. They can end a session only if they occur
/// after many renewals in a row: see [`RotationRules::max_repeats_at_once`].
const AT_ONCE: Duration = Duration::from_secs(2);

/// The time for which an ended session is kept, so that its tokens can be distinguished from
/// unknown tokens. If ended sessions were kept for their whole lifetime, logging in and out would
/// fill the store.
const KEPT_AFTER_END: Duration = Duration::from_secs(3600);

/// The time after which an unfinished announcement of a session's end counts as abandoned. An
/// announcement takes 3 seconds at most.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(5);

/// The refresh tokens that came from one login. Each exchange replaces the current token, called
/// the *leaf*, with a new one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Family {
    #[serde(with = "exact_time")]
    pub(crate) started_at: UnixTime,
    #[serde(with = "exact_time")]
    pub(crate) renewed_at: UnixTime,
    #[serde(with = "exact_time")]
    pub(crate) idle_until: UnixTime,
    /// The time at which the session ends, however often it is renewed.
    #[serde(with = "exact_time")]
    pub(crate) ends_at: UnixTime,
    /// The session's [rank](Self::rank) at login. If a user has too many sessions, those with the
    /// lowest ranks end.
    #[serde(with = "exact_time", default = "unranked")]
    first_rank: UnixTime,
    leaf: TokenHash,
    /// The used tokens that can still be exchanged within the grace period, the oldest first. Each
    /// token was replaced by the next one in the list, and the last token was replaced by the
    /// current token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spent: Vec<Spent>,
    /// The number of renewals in a row that had a *late repeat*: a request with a used token, at
    /// least 2 seconds ([`AT_ONCE`]) after the exchange of that token. As long as the last renewal
    /// has had no late repeat, this number ends with the renewal before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    repeats: u32,
    /// True if the last renewal has had a late repeat. The renewal is then included in `repeats`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_repeated: bool,
    /// The number of renewals in a row that had a *repeat*, either late or early. An early repeat
    /// is a request with a token that was exchanged less than 2 seconds ([`AT_ONCE`]) earlier: see
    /// [`RotationRules::max_repeats_at_once`]. As long as the last renewal has had no repeat, this
    /// number ends with the renewal before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    any_repeats: u32,
    /// True if the last renewal has had a repeat. The renewal is then included in `any_repeats`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_any_repeated: bool,
    /// The access tokens that were revoked individually.
    #[serde(default, skip_serializing_if = "RevokedTokens::is_empty")]
    pub(crate) revoked: RevokedTokens,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) audience: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) data: Value,
    /// The external account that the user logged in with. `None` if the user did not use an
    /// external account, or if the row was written before this field existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) external_login: Option<ExternalLogin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<EndCause>,
    /// The time at which the session ended, in seconds. It is stored so that a repeated
    /// announcement of the end carries the same time as the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Announcement::is_due")]
    announcement: Announcement,
    /// True if the user logged out of all devices by a request with a token of this session. Such a
    /// request ends all other sessions of the user first, and this session last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_last_of_user: bool,
}

/// Returns the latest plausible [rank](Family::rank) of a session. The rank of a new session may be
/// a minute ([`AHEAD`]) later than the start of the session. In addition, the clock of the server
/// that started the session may be a minute ahead.
fn latest_rank(now: UnixTime) -> UnixTime {
    now.saturating_add(AHEAD).saturating_add(AHEAD)
}

fn unranked() -> UnixTime {
    UnixTime::EPOCH
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spent {
    hash: TokenHash,
    /// The successor of the used token is computed from that token and this salt.
    salt: Salt,
    #[serde(with = "exact_time")]
    at: UnixTime,
}

/// The cause of a session's early end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndCause {
    /// The user ended the session, or somebody else ended it on the user's behalf.
    LoggedOut,
    /// Somebody has a copy of a refresh token. Either a used token was presented after the grace
    /// period (RFC 9700 section 4.14.2), or, for too many renewals in a row, the used token was
    /// presented again: see [`Sessions::max_repeats`](crate::issuer::Sessions::max_repeats).
    Reused,
    /// The account is no longer allowed to log in.
    AccountClosed,
    /// The user had more sessions than [`Sessions`](crate::issuer::Sessions) allows, and this one
    /// was the least recently used.
    TooMany,
}

/// The rule that decides which clients may present a refresh token.
#[derive(Clone, Debug)]
pub(crate) enum ClientRule {
    Any,
    /// Only the client with this identifier may present the token. `None` stands for a client
    /// without an identifier. A session that is bound to a client refuses `None`, and a session
    /// without a client refuses every identifier.
    Is(Option<String>),
}

/// The decision about a presented token.
#[derive(Debug)]
pub(crate) enum RotationDecision<'a> {
    /// The token is the session's current token.
    Rotate,
    /// The token is a used token that is still accepted. The first field has one salt for each
    /// later token of the session, in order. Each later token is computed from its salt and the
    /// token before it. The last of these tokens is the current token.
    Repeat(Vec<&'a Salt>, Repeat),
    /// The token belongs to this session. It is neither the current token nor a used token that is
    /// still accepted.
    Reused,
    Expired,
    Ended,
    WrongClient,
}

/// The time from the exchange of a token until the token is presented again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Less than 2 seconds ([`AT_ONCE`]), so the two requests count as simultaneous.
    AtOnce,
    /// At least 2 seconds ([`AT_ONCE`]), but less than the grace period.
    WithinGrace,
    /// At least the grace period. The successor of the presented token was never exchanged. This
    /// value occurs only with `RotationRules::accept_unused_parent`.
    UnusedParent,
}

impl Family {
    pub(crate) fn new(first: &RefreshToken, rules: &RotationRules, now: UnixTime) -> Self {
        let ends_at = now.saturating_add(rules.absolute);
        Self {
            started_at: now,
            renewed_at: now,
            idle_until: now.saturating_add(rules.idle).min(ends_at),
            ends_at,
            first_rank: now,
            leaf: first.hash(),
            spent: Vec::new(),
            repeats: 0,
            is_repeated: false,
            any_repeats: 0,
            is_any_repeated: false,
            revoked: RevokedTokens::default(),
            scopes: Vec::new(),
            audience: Vec::new(),
            client_id: None,
            label: None,
            data: Value::Null,
            external_login: None,
            ended: None,
            ended_at: None,
            announcement: Announcement::Due,
            is_last_of_user: false,
        }
    }

    /// Returns the session's rank among the user's sessions. If a user has too many sessions, those
    /// with the lowest ranks end. Renewals raise the rank.
    ///
    /// If the clock of the server that started a session was far ahead, the session gets the lowest
    /// rank. Its times are in the future, so by these times alone, the session would have the
    /// highest rank for years.
    pub(crate) fn rank(&self, now: UnixTime) -> (bool, UnixTime) {
        let rank = self.renewed_at.max(self.first_rank);
        (rank <= latest_rank(now), rank)
    }

    /// Gives this new session a higher rank than each of the user's other sessions (`others`).
    /// Ignores sessions whose ranks are too far in the future, since such a rank can only come from
    /// a wrong clock.
    ///
    /// A rank is a time. Renewing a session raises its rank to the time of the renewal. The rank of
    /// the new session is a time at least one minute after the start of the new session. This rank
    /// is therefore higher than the rank of a session that is renewed during the login.
    pub(crate) fn outrank<'a>(&mut self, others: impl Iterator<Item = &'a Self>, now: UnixTime) {
        let ranks = others.map(|other| other.rank(now)).filter(|(is_plausible, _)| *is_plausible);
        let above = ranks.map(|(_, rank)| rank.saturating_add(Duration::from_nanos(1))).max();
        let first_rank = self.started_at.saturating_add(AHEAD);
        self.first_rank = above.map_or(first_rank, |above| above.max(first_rank));
    }

    /// Decides what to do with a presented token that has the same constant part as the tokens of
    /// this session.
    ///
    /// Every token of a session contains the same constant part, and only somebody who has had such
    /// a token knows this part. A presented token with the right constant part is therefore a token
    /// of this session. If the stored session does not contain the hash of the presented token, the
    /// token is an old one whose hash was removed. The store therefore need not keep the hashes of
    /// all old tokens.
    pub(crate) fn judge(
        &self,
        presented: &RefreshToken,
        client: &ClientRule,
        rules: &RotationRules,
        now: UnixTime,
    ) -> RotationDecision<'_> {
        if self.ended.is_some() {
            return RotationDecision::Ended;
        }
        if self.is_expired(now) {
            return RotationDecision::Expired;
        }
        if let ClientRule::Is(client_id) = client
            && self.client_id != *client_id
        {
            return RotationDecision::WrongClient;
        }
        let hash = presented.hash();
        if hash == self.leaf {
            return RotationDecision::Rotate;
        }
        let place = self.spent.iter().position(|spent| spent.hash == hash);
        let Some(chain) = place.and_then(|place| self.spent.get(place..)) else {
            return RotationDecision::Reused;
        };
        let used_within = |time| chain.first().is_some_and(|used| is_within(used.at, time, now));
        let repeat = if used_within(rules.grace.min(AT_ONCE)) {
            Repeat::AtOnce
        } else if used_within(rules.grace) {
            Repeat::WithinGrace
        } else if rules.accept_unused_parent && chain.len() == 1 {
            Repeat::UnusedParent
        } else {
            return RotationDecision::Reused;
        };
        RotationDecision::Repeat(chain.iter().map(|spent| &spent.salt).collect(), repeat)
    }

    /// Records that the last renewal had this repeat, which is late unless it is
    /// [`Repeat::AtOnce`]. Returns the updated family, or `None` if nothing changes. Once a late
    /// repeat of a renewal is recorded, no other repeat of it is recorded. Once an early repeat is
    /// recorded, only a late one still is.
    pub(crate) fn repeated(&self, repeat: Repeat) -> Option<Self> {
        let is_late = repeat != Repeat::AtOnce;
        if self.is_any_repeated && (self.is_repeated || !is_late) {
            return None;
        }
        let mut next = self.clone();
        if !next.is_any_repeated {
            next.any_repeats = next.any_repeats.saturating_add(1);
            next.is_any_repeated = true;
        }
        if is_late && !next.is_repeated {
            next.repeats = next.repeats.saturating_add(1);
            next.is_repeated = true;
        }
        Some(next)
    }

    /// Returns true if the number of renewals in a row that had a repeat has reached a limit. The
    /// caller then ends the session, since somebody probably has a copy of the session's tokens.
    pub(crate) fn is_shared(&self, rules: &RotationRules) -> bool {
        let max_any = rules.max_repeats_at_once.unwrap_or(MAX_LISTS_AT_ONCE);
        let max_any = max_any.max(rules.max_repeats);
        self.repeats >= rules.max_repeats || self.any_repeats >= max_any
    }

    /// Returns a copy of the family in which `successor` is the current token. The token that was
    /// current until now is recorded as used.
    pub(crate) fn rotated(
        &self,
        salt: Salt,
        successor: &RefreshToken,
        rules: &RotationRules,
        now: UnixTime,
    ) -> Self {
        let mut next = self.clone();
        // Remove the oldest used tokens first. To compute the current token from a used token, the
        // server needs the salts of that token and of all later used tokens.
        let outdated = |spent: &Spent| !is_within(spent.at, rules.grace, now);
        while next.spent.len() >= MAX_SPENT || next.spent.first().is_some_and(outdated) {
            next.spent.remove(0);
        }
        next.spent.push(Spent { hash: self.leaf.clone(), salt, at: now });
        next.leaf = successor.hash();
        if !next.is_repeated {
            next.repeats = 0;
        }
        if !next.is_any_repeated {
            next.any_repeats = 0;
        }
        next.is_repeated = false;
        next.is_any_repeated = false;
        next.renewed_at = now;
        next.idle_until = now.saturating_add(rules.idle).min(self.ends_at);
        next
    }

    /// Returns a copy of the family in which the session has ended. This method does not announce
    /// the end.
    pub(crate) fn ended(&self, cause: EndCause, now: UnixTime) -> Self {
        let idle_until = self.idle_until.min(now.saturating_add(KEPT_AFTER_END));
        let (ended, ended_at) = (Some(cause), Some(now.as_secs()));
        let (spent, revoked) = (Vec::new(), RevokedTokens::default());
        // Remove the provider's tokens, since an ended session does not need them.
        let external_login = self.external_login.as_ref().map(ExternalLogin::without_tokens);
        Self { ended, ended_at, spent, revoked, external_login, idle_until, ..self.clone() }
    }

    /// Returns the end time in whole seconds.
    pub(crate) fn ended_at(&self, now: UnixTime) -> UnixTime {
        self.ended_at.map_or(now.whole_secs(), UnixTime::from_secs)
    }

    pub(crate) fn announcing(&self, announcement: Announcement) -> Self {
        Self { announcement, ..self.clone() }
    }

    /// Returns the progress of announcing the session's end. If a request began the announcement
    /// too long ago and has not recorded its success, the announcement is due again.
    pub(crate) fn announcement(&self, now: UnixTime) -> Announcement {
        match self.announcement {
            Announcement::Begun(at)
                if !is_within(UnixTime::from_secs(at), ANNOUNCED_WITHIN, now) =>
            {
                Announcement::Due
            }
            progress => progress,
        }
    }

    /// Returns true if the end of the session was announced, or if no announcement is needed. If
    /// the result is false for an ended session, a store should keep the session, since a later
    /// attempt to announce the end needs it.
    pub(crate) fn is_announced(&self) -> bool {
        self.announcement == Announcement::Done
    }

    pub(crate) fn is_expired(&self, now: UnixTime) -> bool {
        now >= self.idle_until.min(self.ends_at)
    }

    pub(crate) fn is_live(&self, now: UnixTime) -> bool {
        self.ended.is_none() && !self.is_expired(now)
    }
}

/// Returns true if less than `grace` has passed from `used_at` to `now`. The time `used_at` may
/// come from a server whose clock is ahead by up to [`AHEAD`]. Therefore this function also returns
/// true if `now` is before `used_at` by less than [`AHEAD`]. Setting a clock back extends `grace`
/// by at most [`AHEAD`].
fn is_within(used_at: UnixTime, grace: Duration, now: UnixTime) -> bool {
    used_at.saturating_sub(AHEAD) < now && now < used_at.saturating_add(grace)
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NO_CLIENT: ClientRule = ClientRule::Is(None);
    const START: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn rules() -> RotationRules {
        RotationRules {
            idle: Duration::from_secs(100),
            absolute: Duration::from_secs(300),
            grace: Duration::from_secs(10),
            ..RotationRules::default()
        }
    }

    fn at(secs: u64) -> UnixTime {
        START.saturating_add(Duration::from_secs(secs))
    }

    /// Presents a token and updates the family, as `Sessions` does. Returns the client's next
    /// token, or `None` if the token was not accepted.
    fn present(family: &mut Family, token: &RefreshToken, now: UnixTime) -> Option<RefreshToken> {
        present_by(&rules(), family, token, now)
    }

    fn present_by(
        rules: &RotationRules,
        family: &mut Family,
        token: &RefreshToken,
        now: UnixTime,
    ) -> Option<RefreshToken> {
        let next = match family.judge(token, &NO_CLIENT, rules, now) {
            RotationDecision::Rotate => {
                let salt = Salt::generate().unwrap();
                let successor = token.successor(&salt);
                (family.rotated(salt, &successor, rules, now), Some(successor))
            }
            RotationDecision::Repeat(salts, repeat) => {
                let leaf = salts.iter().fold(token.clone(), |token, salt| token.successor(salt));
                let noted = family.repeated(repeat).unwrap_or_else(|| family.clone());
                match noted.is_shared(rules) {
                    true => (noted.ended(EndCause::Reused, now), None),
                    false => (noted, Some(leaf)),
                }
            }
            RotationDecision::Reused => (family.ended(EndCause::Reused, now), None),
            _ => (family.clone(), None),
        };
        // Serialize and parse the state, as a store does.
        *family = serde_json::from_str(&serde_json::to_string(&next.0).unwrap()).unwrap();
        next.1
    }

    fn family() -> (Family, RefreshToken) {
        let token = RefreshToken::generate().unwrap();
        (Family::new(&token, &rules(), START), token)
    }

    #[test]
    fn a_used_token_is_answered_with_the_same_successor_for_the_grace_period() {
        let (mut family, first) = family();
        let second = present(&mut family, &first, at(1)).unwrap();
        assert_eq!(present(&mut family, &first, at(1)).unwrap().as_str(), second.as_str());
        let third = present(&mut family, &second, at(5)).unwrap();
        // A late request with `first` gets `third`, the current token. If it got `second`, which
        // has been used already, the client's next request would count as theft.
        assert_eq!(present(&mut family, &first, at(10)).unwrap().as_str(), third.as_str());
        assert!(present(&mut family, &first, at(11)).is_none());
        assert_eq!(family.ended, Some(EndCause::Reused));
        assert!(present(&mut family, &third, at(11)).is_none());
    }

    #[test]
    fn reuse_ends_the_family_whether_thief_or_user_comes_first() {
        for thief_first in [true, false] {
            let (mut family, stolen) = family();
            let mut held = present(&mut family, &stolen, at(0)).unwrap();
            if thief_first {
                held = present(&mut family, &held, at(20)).unwrap();
            }
            assert!(present(&mut family, &stolen, at(40)).is_none());
            assert!(present(&mut family, &held, at(41)).is_none(), "{thief_first}");
        }
    }

    #[test]
    fn no_rotation_moves_the_end() {
        let (mut family, mut token) = family();
        for secs in [90, 180, 270, 299] {
            token = present(&mut family, &token, at(secs)).unwrap();
        }
        assert!(present(&mut family, &token, at(300)).is_none());
        assert_eq!(family.ended, None, "it is expired, not stolen");
    }

    #[test]
    fn no_time_changes_in_the_store() {
        let token = RefreshToken::generate().unwrap();
        for nanos in [1_700_000_000_123_456_789, 1, -1, i128::MAX] {
            let family = Family::new(&token, &rules(), UnixTime::from_nanos(nanos));
            let json = serde_json::to_string(&family).unwrap();
            let stored: Family = serde_json::from_str(&json).unwrap();
            assert_eq!(stored.ends_at, family.ends_at.min(UnixTime::from_nanos(i64::MAX.into())));
            assert_eq!(serde_json::to_string(&stored).unwrap(), json);
        }
    }

    #[test]
    fn an_idle_session_expires() {
        let (mut family, token) = family();
        assert!(matches!(
            family.judge(&token, &NO_CLIENT, &rules(), at(99)),
            RotationDecision::Rotate
        ));
        assert!(present(&mut family, &token, at(100)).is_none());
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_stretch_the_grace_period() {
        let (mut family, first) = family();
        present(&mut family, &first, at(90)).unwrap();
        assert!(matches!(
            family.judge(&first, &NO_CLIENT, &rules(), at(31)),
            RotationDecision::Repeat(..)
        ));
        assert!(matches!(
            family.judge(&first, &NO_CLIENT, &rules(), at(30)),
            RotationDecision::Reused
        ));
    }

    #[test]
    fn another_client_has_no_effect() {
        let (mut family, token) = family();
        family.client_id = Some("web".to_owned());
        let is = |client: &str| ClientRule::Is(Some(client.to_owned()));
        for client in [NO_CLIENT, is("app")] {
            let decision = family.judge(&token, &client, &rules(), at(1));
            assert!(matches!(decision, RotationDecision::WrongClient));
        }
        for client in [is("web"), ClientRule::Any] {
            let decision = family.judge(&token, &client, &rules(), at(1));
            assert!(matches!(decision, RotationDecision::Rotate));
        }
    }

    #[test]
    fn a_session_ends_when_five_renewals_in_a_row_were_repeated() {
        // Each token is presented twice: first by the user, and 3 seconds later by the thief.
        let (mut family, mut token) = family();
        for renewal in 1..=5 {
            let at_start = at(20 * renewal);
            let next = present(&mut family, &token, at_start).unwrap();
            let later = at_start.saturating_add(Duration::from_secs(3));
            assert_eq!(present(&mut family, &token, later).is_some(), renewal < 5, "{renewal}");
            token = next;
        }
        assert_eq!(family.ended, Some(EndCause::Reused));
    }

    #[test]
    fn one_renewal_without_a_repeat_restarts_the_count() {
        let (mut family, mut token) = family();
        for renewal in 1..=14 {
            let start = at(20 * renewal);
            let next = present(&mut family, &token, start).unwrap();
            if renewal % 5 != 0 {
                // Several repeats of the same renewal count as one repeat.
                for _ in 0..3 {
                    let later = start.saturating_add(Duration::from_secs(9));
                    assert!(present(&mut family, &token, later).is_some());
                }
            }
            token = next;
        }
        assert_eq!(family.ended, None);
    }

    #[test]
    fn a_session_ends_when_twenty_renewals_in_a_row_were_repeated_at_once() {
        let (mut family, mut token) = family();
        for renewal in 1..=20 {
            let start = at(14 * renewal);
            let next = present(&mut family, &token, start).unwrap();
            let soon = start.saturating_add(Duration::from_millis(1_999));
            // Several repeats of the same renewal count as one repeat.
            for _ in 0..3 {
                assert_eq!(present(&mut family, &token, soon).is_some(), renewal < 20, "{renewal}");
            }
            token = next;
        }
        assert_eq!(family.ended, Some(EndCause::Reused));
    }

    /// After most renewals, the thief presents the used token late: at least 2 seconds
    /// ([`AT_ONCE`]) after its exchange. After every fifth renewal, the thief presents it after
    /// only one second, so there are never five late repeats in a row. The second limit, 20
    /// renewals in a row, includes early repeats, so the session still ends.
    #[test]
    fn early_and_late_repeats_are_counted_together() {
        let (mut family, mut token) = family();
        for renewal in 1..=20_u64 {
            let start = at(14 * renewal);
            let next = present(&mut family, &token, start).unwrap();
            let wait = if renewal % 5 == 0 { 1 } else { 3 };
            let again = start.saturating_add(Duration::from_secs(wait));
            assert_eq!(present(&mut family, &token, again).is_some(), renewal < 20, "{renewal}");
            token = next;
        }
        assert_eq!(family.ended, Some(EndCause::Reused));
    }

    #[test]
    fn a_late_repeat_counts_as_late_after_one_at_once() {
        let (mut family, mut token) = family();
        for renewal in 1..=5 {
            let start = at(20 * renewal);
            let next = present(&mut family, &token, start).unwrap();
            let soon = start.saturating_add(Duration::from_secs(1));
            assert!(present(&mut family, &token, soon).is_some());
            let later = start.saturating_add(Duration::from_secs(3));
            assert_eq!(present(&mut family, &token, later).is_some(), renewal < 5, "{renewal}");
            token = next;
        }
        assert_eq!(family.ended, Some(EndCause::Reused));
    }

    /// After a renewal, the exchanged token can be presented again several times. The first early
    /// repeat is recorded, and so is the first late repeat. All other repeats change nothing, so
    /// they cause no write to the store.
    #[test]
    fn a_further_repeat_of_a_renewal_changes_nothing() {
        let (mut family, token) = family();
        present(&mut family, &token, START).unwrap();
        let at_once = family.repeated(Repeat::AtOnce).unwrap();
        assert!(at_once.repeated(Repeat::AtOnce).is_none());
        let late = at_once.repeated(Repeat::WithinGrace).unwrap();
        for repeat in [Repeat::AtOnce, Repeat::WithinGrace, Repeat::UnusedParent] {
            assert!(late.repeated(repeat).is_none());
        }
    }

    #[test]
    fn an_ended_session_keeps_neither_used_nor_revoked_tokens() {
        let (mut family, token) = family();
        present(&mut family, &token, START).unwrap();
        family.revoked = RevokedTokens::full();
        let ended = family.ended(EndCause::Reused, START);
        assert!(ended.spent.is_empty() && ended.revoked.is_empty());
    }

    /// Two tabs, or a client with parallel requests, stay logged in.
    #[test]
    fn one_renewal_without_a_repeat_restarts_the_count_of_repeats_at_once() {
        let (mut family, mut token) = family();
        for renewal in 1..=58 {
            let start = at(5 * renewal);
            let next = present(&mut family, &token, start).unwrap();
            if renewal % 20 != 0 {
                let soon = start.saturating_add(Duration::from_millis(1_999));
                assert!(present(&mut family, &token, soon).is_some());
            }
            token = next;
        }
        assert_eq!(family.ended, None);
    }

    fn accepting_parents() -> RotationRules {
        RotationRules { accept_unused_parent: true, ..rules() }
    }

    #[test]
    fn an_unused_parent_is_accepted_until_its_successor_is_used() {
        let (mut family, first) = family();
        let rules = accepting_parents();
        let mut present =
            |token: &RefreshToken, secs| present_by(&rules, &mut family, token, at(secs));
        let second = present(&first, 1).unwrap();
        // The client did not receive the response, and presents `first` again. This happens twice.
        assert_eq!(present(&first, 60).unwrap().as_str(), second.as_str());
        assert_eq!(present(&first, 90).unwrap().as_str(), second.as_str());
        let third = present(&second, 95).unwrap();
        assert_eq!(present(&first, 96).map(|_| ()), None, "the grandparent is theft");
        assert!(present(&third, 96).is_none());
    }

    #[test]
    fn an_unused_parent_does_not_outlive_the_session() {
        let (mut family, first) = family();
        let rules = accepting_parents();
        present_by(&rules, &mut family, &first, at(1)).unwrap();
        assert!(present_by(&rules, &mut family, &first, at(100)).is_some());
        // The renewal after 1 second extended the session. Presenting the same token again after
        // 100 seconds did not extend it further.
        assert!(present_by(&rules, &mut family, &first, at(101)).is_none());
        assert_eq!(family.ended, None, "it is expired, not stolen");
    }

    /// Shows the danger of `dangerous_accept_unused_parent`: a thief who presents the previous
    /// token of a session receives the current token.
    #[test]
    fn a_thief_one_renewal_behind_is_found_after_five_renewals_and_two_behind_at_once() {
        let rules = accepting_parents();
        // The thief is one renewal behind the victim. The victim exchanges a token for a new one.
        // 15 seconds later, the grace period is over, and the thief presents the old token.
        let (mut family, mut held) = family();
        let mut renewals = 0;
        for secs in (10..300).step_by(20) {
            let Some(leaf) = present_by(&rules, &mut family, &held, at(secs)) else { break };
            renewals += 1;
            if present_by(&rules, &mut family, &held, at(secs + 15)).is_none() {
                break;
            }
            held = leaf;
        }
        assert_eq!((renewals, family.ended), (5, Some(EndCause::Reused)));

        let (mut family, stolen) = self::family();
        let mut held = stolen.clone();
        for secs in [20, 40] {
            held = present_by(&rules, &mut family, &held, at(secs)).unwrap();
        }
        assert!(present_by(&rules, &mut family, &stolen, at(60)).is_none());
        assert_eq!(family.ended, Some(EndCause::Reused));
        assert!(present_by(&rules, &mut family, &held, at(61)).is_none());
    }

    #[test]
    fn rotation_adds_a_limited_size_to_a_row() {
        let (mut family, mut token) = family();
        let first = serde_json::to_string(&family).unwrap().len();
        for _ in 0..20 {
            token = present(&mut family, &token, at(1)).unwrap();
        }
        family.repeats = u32::MAX;
        family.is_repeated = true;
        family.any_repeats = u32::MAX;
        family.is_any_repeated = true;
        family.revoked = RevokedTokens::full();
        family.is_last_of_user = true;
        let last = serde_json::to_string(&family).unwrap().len();
        assert!(last - first <= ROTATION_BYTES, "{first} {last}");
        let ended = serde_json::to_string(
            &family.ended(EndCause::AccountClosed, at(2)).announcing(Announcement::Begun(i64::MIN)),
        );
        assert!(ended.unwrap().len() < last);
    }

    #[test]
    fn the_stored_state_stays_small() {
        let (mut family, mut token) = family();
        for _ in 0..100 {
            token = present(&mut family, &token, at(1)).unwrap();
        }
        assert_eq!(family.spent.len(), MAX_SPENT);
        token = present(&mut family, &token, at(50)).unwrap();
        assert_eq!(family.spent.len(), 1);
        let json = serde_json::to_string(&family).unwrap();
        assert!(!json.contains(token.as_str()) && !json.contains(&token.as_str()[22..]));
    }

    proptest! {
        /// At any time, at most one token of the session can be exchanged for a new token. It makes
        /// no difference which tokens were presented before, or when.
        #[test]
        fn there_are_never_two_live_leaves(
            uses in prop::collection::vec((0..12_usize, 0..15_u64), 1..60),
            accept_unused_parent: bool,
        ) {
            let rules = RotationRules { accept_unused_parent, ..rules() };
            let (mut family, first) = family();
            let mut known = vec![first];
            let mut now = START;
            for (which, wait) in uses {
                now = now.saturating_add(Duration::from_secs(wait));
                let token = known[known.len().saturating_sub(which + 1)].clone();
                if let Some(answer) = present_by(&rules, &mut family, &token, now) {
                    prop_assert_eq!(answer.hash(), family.leaf.clone());
                    if known.iter().all(|token| token.hash() != answer.hash()) {
                        known.push(answer);
                    }
                }
                let live = known.iter().filter(|token| {
                    matches!(family.judge(token, &NO_CLIENT, &rules, now), RotationDecision::Rotate)
                });
                prop_assert!(live.count() <= 1);
            }
        }
    }
}
