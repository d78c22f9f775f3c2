//! The value of a table entry, packed into 64 bits.

use std::time::Duration;

use crate::clock::UnixTime;
use crate::revocation::message::Revocation;
use crate::revocation::target::RevocationKind;

/// If the clock is set back by more than this time, the table reports it.
pub(crate) const SLACK: Duration = Duration::from_secs(60);

/// The time for which the table keeps a revocation after its `until`. This time covers the leeway:
/// a token is accepted for at most 60 seconds after its `exp`. It also covers a clock that is set
/// back by up to [`SLACK`].
const LEEWAY: Duration = Duration::from_secs(120);

/// The watermark that covers all tokens, whatever their issue time (`iat`) is.
const ALWAYS: u32 = u32::MAX;

/// The expiry of an entry is rounded up to a multiple of 16 seconds.
const STEP_BITS: u32 = 4;
const KIND_SHIFT: u32 = 60;
const END_SHIFT: u32 = 32;

/// The issuers whose tokens a revocation covers: one issuer, or any issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IssuerMatch {
    One,
    Any,
}

/// The kind of an entry in the table. It states what the entry revokes, such as the tokens of a
/// subject or of a key, and whether the entry covers one issuer or every issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryKind(u8);

impl EntryKind {
    pub(crate) const COUNT: usize = 16;

    pub(crate) const fn new(kind: RevocationKind, issuers: IssuerMatch) -> Self {
        Self((kind as u8) << 1 | matches!(issuers, IssuerMatch::Any) as u8)
    }

    /// Returns a number below [`EntryKind::COUNT`].
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) const fn byte(self) -> u8 {
        self.0
    }
}

/// The kind, the expiry and the watermark of an entry: 4 bits for the kind, 28 bits for the expiry
/// (in steps of 16 seconds), and 32 bits for the watermark (in seconds). The latest time that can
/// be stored is in the year 2106. An entry with a later expiry is kept forever. A later watermark
/// is replaced with the latest time that can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl Mark {
    pub(crate) fn of(revocation: &Revocation, kind: EntryKind) -> Self {
        match revocation.target.watermark() {
            Some(at) => Self::watermark(kind, at, revocation.until),
            None => Self::new(kind, ALWAYS, revocation.until),
        }
    }

    pub(crate) fn watermark(kind: EntryKind, at: UnixTime, until: UnixTime) -> Self {
        Self::new(kind, second(at), until)
    }

    fn new(kind: EntryKind, at: u32, until: UnixTime) -> Self {
        let end = until.saturating_add(LEEWAY).as_secs().saturating_add(15).max(0) >> STEP_BITS;
        let end = u64::try_from(end).unwrap_or(u64::MAX).min(LAST_STEP);
        Self(u64::from(kind.0) << KIND_SHIFT | end << END_SHIFT | u64::from(at))
    }

    pub(crate) fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(crate) fn word(self) -> u64 {
        self.0
    }

    pub(crate) fn kind(self) -> EntryKind {
        EntryKind((self.0 >> KIND_SHIFT) as u8)
    }

    /// Returns true if the mark covers a token with this issue time. Times are compared in whole
    /// seconds. A token that was issued in the same second as the revocation is covered, since it
    /// may be older than the revocation. A token without an issue time is covered for the same
    /// reason.
    #[inline]
    pub(crate) fn refuses(self, issued_at: Option<UnixTime>) -> bool {
        let until = self.0 as u32;
        issued_at.is_none_or(|issued_at| second(issued_at) <= until)
    }

    pub(crate) fn is_forgotten(self, now: UnixTime) -> bool {
        let end = self.0 >> END_SHIFT & LAST_STEP;
        let now = u64::try_from(now.as_secs()).unwrap_or(0);
        end != LAST_STEP && (end << STEP_BITS) <= now
    }

    /// Returns a mark that covers every token that one of the two marks covers.
    pub(crate) fn joined(self, other: Self) -> Self {
        let at = (self.0 as u32).max(other.0 as u32);
        let end = (self.0 >> END_SHIFT & LAST_STEP).max(other.0 >> END_SHIFT & LAST_STEP);
        Self(u64::from(self.kind().0) << KIND_SHIFT | end << END_SHIFT | u64::from(at))
    }
}

/// The largest end time. An entry with this end time is kept forever.
const LAST_STEP: u64 = (1 << 28) - 1;

/// Returns a time in whole seconds. Tokens and revocations are compared in this unit.
#[inline]
fn second(time: UnixTime) -> u32 {
    u32::try_from(time.as_secs().max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: EntryKind = EntryKind::new(RevocationKind::Subject, IssuerMatch::Any);

    fn secs(secs: i64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    #[test]
    fn the_same_second_is_refused_and_the_next_is_not() {
        for at in [secs(100), secs(100).saturating_add(Duration::from_millis(999))] {
            let mark = Mark::watermark(KIND, at, secs(200));
            let refuses = |time| mark.refuses(Some(time));
            assert!(refuses(secs(99)) && refuses(secs(100)));
            assert!(refuses(secs(100).saturating_add(Duration::from_millis(999))));
            assert!(!refuses(secs(101)));
            assert!(mark.refuses(None));
        }
    }

    #[test]
    fn no_entry_is_forgotten_before_its_end_and_the_leeway() {
        for until in [0, 1, 1_000, 1_700_000_003, 4_294_967_200] {
            let mark = Mark::watermark(KIND, secs(0), secs(until));
            assert!(!mark.is_forgotten(secs(until + 119)), "{until}");
            let is_last = until == 4_294_967_200;
            assert_eq!(mark.is_forgotten(secs(until + 120 + 16)), !is_last, "{until}");
        }
        let forever = Mark::watermark(KIND, secs(0), secs(i64::MAX));
        assert!(!forever.is_forgotten(secs(i64::MAX)));
        let past = Mark::watermark(KIND, secs(0), UnixTime::MIN);
        assert!(past.is_forgotten(secs(0)));
    }

    #[test]
    fn times_of_the_far_future_are_in_order() {
        let far = Mark::watermark(KIND, secs(i64::MAX), secs(i64::MAX));
        assert!(far.refuses(Some(secs(i64::MAX))));
        let now = Mark::watermark(KIND, secs(1_700_000_000), secs(i64::MAX));
        assert!(!now.refuses(Some(secs(i64::MAX))));
        assert!(now.refuses(Some(UnixTime::from_nanos(-5))));
    }

    #[test]
    fn a_joined_mark_covers_the_tokens_of_both() {
        let (early, late) = (
            Mark::watermark(KIND, secs(9), secs(1_000)),
            Mark::watermark(KIND, secs(5), secs(9_000)),
        );
        let joined = early.joined(late);
        assert_eq!(joined, late.joined(early));
        assert!(joined.refuses(Some(secs(9))) && !joined.refuses(Some(secs(10))));
        assert!(!joined.is_forgotten(secs(9_119)) && joined.is_forgotten(secs(9_136)));
        assert_eq!(joined.kind(), KIND);
    }
}
