//! The rules of rotation, as functions of the stored state and the presented token. There is no I/O
//! here, so that the rules are the same for every store.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::UnixTime;
use crate::issuer::sessions::exact_time;
use crate::issuer::sessions::lifetimes::Lifetimes;
use crate::issuer::sessions::refresh_token::{Hash, RefreshToken, Salt};

/// How many used tokens are remembered, all of them used within the grace period. A client that
/// rotates more often than that within seconds has no use for the older ones.
const MAX_SPENT: usize = 16;

/// How far ahead of this server another's clock may be.
const AHEAD: Duration = Duration::from_secs(60);

/// An ended session is kept for this long, so that a token of an ended session can be told apart from
/// an unknown one. It is not kept for its whole lifetime, or logging in and out would fill the store.
const KEPT_AFTER_END: Duration = Duration::from_secs(3600);

/// An announcement that is not done after this time was given up: publishing takes 3 seconds at most.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(5);

/// The tokens that came from one login. Exactly one of them, the leaf, can be exchanged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Family {
    #[serde(with = "exact_time")]
    pub(crate) started_at: UnixTime,
    #[serde(with = "exact_time")]
    pub(crate) renewed_at: UnixTime,
    #[serde(with = "exact_time")]
    pub(crate) idle_until: UnixTime,
    /// Fixed at the login: no rotation moves it.
    #[serde(with = "exact_time")]
    pub(crate) ends_at: UnixTime,
    leaf: Hash,
    /// The tokens before the leaf that may still be answered, oldest first, without a gap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spent: Vec<Spent>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<EndCause>,
    /// In seconds. A repeated announcement says the same time as the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Announcement::is_due")]
    announcement: Announcement,
}

/// Progress in telling others that a session has ended: the feed of revocations, and the hook if
/// a token was stolen. The row keeps the progress, so that presenting a token of an ended session
/// again and again publishes nothing more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Announcement {
    /// Not begun, or failed.
    #[default]
    Due,
    /// Some request began at this time, in seconds.
    Begun(i64),
    Done,
}

impl Announcement {
    fn is_due(&self) -> bool {
        *self == Self::Due
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spent {
    hash: Hash,
    /// From this token to the next.
    salt: Salt,
    #[serde(with = "exact_time")]
    at: UnixTime,
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndCause {
    /// The user, or somebody for them, ended it.
    LoggedOut,
    /// A used refresh token came back after the grace period: somebody has a copy of it (RFC 9700
    /// section 4.14.2).
    Reused,
    /// The account may not log in any more.
    AccountClosed,
    /// The user logged in elsewhere more often than [`Sessions`](crate::issuer::Sessions) allows,
    /// and this was the session that had been used longest ago.
    TooMany,
}

/// What is to be done about a token that is presented.
#[derive(Debug)]
pub(crate) enum Verdict<'a> {
    /// It is the leaf.
    Rotate,
    /// It was used moments ago: these lead from it to the leaf.
    Repeat(Vec<&'a Salt>),
    /// It is of this session, and neither of those.
    Reused,
    Expired,
    Ended,
    WrongClient,
}

impl Family {
    pub(crate) fn new(first: &RefreshToken, lifetimes: &Lifetimes, now: UnixTime) -> Self {
        let ends_at = now.saturating_add(lifetimes.absolute);
        Self {
            started_at: now,
            renewed_at: now,
            idle_until: now.saturating_add(lifetimes.idle).min(ends_at),
            ends_at,
            leaf: first.hash(),
            spent: Vec::new(),
            scopes: Vec::new(),
            audience: Vec::new(),
            client_id: None,
            label: None,
            data: Value::Null,
            ended: None,
            ended_at: None,
            announcement: Announcement::Due,
        }
    }

    /// Decides about a token that names this session.
    ///
    /// Only who had a token of the session knows its name, so a token that is not known here is an
    /// old one, whose hash was forgotten; there is no need to keep them all.
    pub(crate) fn judge(
        &self,
        presented: &RefreshToken,
        client_id: Option<&str>,
        lifetimes: &Lifetimes,
        now: UnixTime,
    ) -> Verdict<'_> {
        if self.ended.is_some() {
            return Verdict::Ended;
        }
        if self.is_expired(now) {
            return Verdict::Expired;
        }
        if self.client_id.as_deref() != client_id {
            return Verdict::WrongClient;
        }
        let hash = presented.hash();
        if hash == self.leaf {
            return Verdict::Rotate;
        }
        let recent = self.spent.iter().position(|spent| spent.hash == hash);
        match recent.and_then(|place| self.spent.get(place..)) {
            Some(chain)
                if chain.first().is_some_and(|used| is_within(used.at, lifetimes.grace, now)) =>
            {
                Verdict::Repeat(chain.iter().map(|spent| &spent.salt).collect())
            }
            _ => Verdict::Reused,
        }
    }

    /// The family after its leaf was exchanged for `successor`.
    pub(crate) fn rotated(
        &self,
        salt: Salt,
        successor: &RefreshToken,
        lifetimes: &Lifetimes,
        now: UnixTime,
    ) -> Self {
        let mut next = self.clone();
        // From the front only: what stays must lead to the leaf without a gap.
        let outdated = |spent: &Spent| !is_within(spent.at, lifetimes.grace, now);
        while next.spent.len() >= MAX_SPENT || next.spent.first().is_some_and(outdated) {
            next.spent.remove(0);
        }
        next.spent.push(Spent { hash: self.leaf.clone(), salt, at: now });
        next.leaf = successor.hash();
        next.renewed_at = now;
        next.idle_until = now.saturating_add(lifetimes.idle).min(self.ends_at);
        next
    }

    /// The family after its end, of which nobody was told yet.
    pub(crate) fn ended(&self, cause: EndCause, now: UnixTime) -> Self {
        let idle_until = self.idle_until.min(now.saturating_add(KEPT_AFTER_END));
        let (ended, ended_at) = (Some(cause), Some(now.as_secs()));
        Self { ended, ended_at, spent: Vec::new(), idle_until, ..self.clone() }
    }

    /// The time of the end, in whole seconds.
    pub(crate) fn ended_at(&self, now: UnixTime) -> UnixTime {
        self.ended_at.map_or(now.whole_secs(), UnixTime::from_secs_i64)
    }

    pub(crate) fn announcing(&self, announcement: Announcement) -> Self {
        Self { announcement, ..self.clone() }
    }

    /// The progress of the announcement. One that was given up is due again.
    pub(crate) fn announcement(&self, now: UnixTime) -> Announcement {
        match self.announcement {
            Announcement::Begun(at)
                if !is_within(UnixTime::from_secs_i64(at), ANNOUNCED_WITHIN, now) =>
            {
                Announcement::Due
            }
            progress => progress,
        }
    }

    pub(crate) fn is_expired(&self, now: UnixTime) -> bool {
        now >= self.idle_until.min(self.ends_at)
    }

    pub(crate) fn is_live(&self, now: UnixTime) -> bool {
        self.ended.is_none() && !self.is_expired(now)
    }
}

/// The clock of the server that saw the use may be ahead of this one's; but one that jumped back
/// must not stretch the grace period by more than that.
fn is_within(used_at: UnixTime, grace: Duration, now: UnixTime) -> bool {
    used_at.saturating_sub(AHEAD) < now && now < used_at.saturating_add(grace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn lifetimes() -> Lifetimes {
        Lifetimes {
            idle: Duration::from_secs(100),
            absolute: Duration::from_secs(300),
            grace: Duration::from_secs(10),
        }
    }

    fn at(secs: u64) -> UnixTime {
        START.saturating_add(Duration::from_secs(secs))
    }

    /// A use as `Sessions` does it: what the client gets, if anything.
    fn present(family: &mut Family, token: &RefreshToken, now: UnixTime) -> Option<RefreshToken> {
        let next = match family.judge(token, None, &lifetimes(), now) {
            Verdict::Rotate => {
                let salt = Salt::generate().unwrap();
                let successor = token.successor(&salt);
                (family.rotated(salt, &successor, &lifetimes(), now), Some(successor))
            }
            Verdict::Repeat(salts) => {
                let leaf = salts.iter().fold(token.clone(), |token, salt| token.successor(salt));
                (family.clone(), Some(leaf))
            }
            Verdict::Reused => (family.ended(EndCause::Reused, now), None),
            _ => (family.clone(), None),
        };
        // Through the store and back.
        *family = serde_json::from_str(&serde_json::to_string(&next.0).unwrap()).unwrap();
        next.1
    }

    fn family() -> (Family, RefreshToken) {
        let token = RefreshToken::generate().unwrap();
        (Family::new(&token, &lifetimes(), START), token)
    }

    #[test]
    fn a_used_token_is_answered_with_the_same_successor_for_the_grace_period() {
        let (mut family, first) = family();
        let second = present(&mut family, &first, at(1)).unwrap();
        assert_eq!(present(&mut family, &first, at(1)).unwrap().as_str(), second.as_str());
        let third = present(&mut family, &second, at(5)).unwrap();
        // The one who comes late is led to the leaf, or the next use of `second` would be theft.
        assert_eq!(present(&mut family, &first, at(10)).unwrap().as_str(), third.as_str());
        assert!(present(&mut family, &first, at(11)).is_none());
        assert_eq!(family.ended, Some(EndCause::Reused));
        assert!(present(&mut family, &third, at(11)).is_none());
    }

    #[test]
    fn whoever_comes_second_the_family_ends() {
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
            let family = Family::new(&token, &lifetimes(), UnixTime::from_nanos(nanos));
            let json = serde_json::to_string(&family).unwrap();
            let stored: Family = serde_json::from_str(&json).unwrap();
            assert_eq!(stored.ends_at, family.ends_at.min(UnixTime::from_nanos(i64::MAX.into())));
            assert_eq!(serde_json::to_string(&stored).unwrap(), json);
        }
    }

    #[test]
    fn an_idle_session_expires() {
        let (mut family, token) = family();
        assert!(matches!(family.judge(&token, None, &lifetimes(), at(99)), Verdict::Rotate));
        assert!(present(&mut family, &token, at(100)).is_none());
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_stretch_the_grace_period() {
        let (mut family, first) = family();
        present(&mut family, &first, at(90)).unwrap();
        assert!(matches!(family.judge(&first, None, &lifetimes(), at(31)), Verdict::Repeat(_)));
        assert!(matches!(family.judge(&first, None, &lifetimes(), at(30)), Verdict::Reused));
    }

    #[test]
    fn another_client_has_no_effect() {
        let (mut family, token) = family();
        family.client_id = Some("web".to_owned());
        for client in [None, Some("app")] {
            let verdict = family.judge(&token, client, &lifetimes(), at(1));
            assert!(matches!(verdict, Verdict::WrongClient));
        }
        let verdict = family.judge(&token, Some("web"), &lifetimes(), at(1));
        assert!(matches!(verdict, Verdict::Rotate));
    }

    #[test]
    fn what_is_stored_stays_small() {
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
        /// Whatever is presented, and when: all who hold a token that works hold the same one.
        #[test]
        fn there_are_never_two_live_leaves(uses in prop::collection::vec((0..12_usize, 0..15_u64), 1..60)) {
            let (mut family, first) = family();
            let mut known = vec![first];
            let mut now = START;
            for (which, wait) in uses {
                now = now.saturating_add(Duration::from_secs(wait));
                let token = known[known.len().saturating_sub(which + 1)].clone();
                if let Some(answer) = present(&mut family, &token, now) {
                    prop_assert_eq!(answer.hash(), family.leaf.clone());
                    if known.iter().all(|token| token.hash() != answer.hash()) {
                        known.push(answer);
                    }
                }
                let live = known.iter().filter(|token| {
                    matches!(family.judge(token, None, &lifetimes(), now), Verdict::Rotate)
                });
                prop_assert!(live.count() <= 1);
            }
        }
    }
}
