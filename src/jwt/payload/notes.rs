//! The claims to look for in a payload, and the claims that were found in it.

use crate::jwt::claim_error::ClaimError;
use crate::jwt::json::reader::JsonFault;
use crate::jwt::payload::claim_place::{ClaimPlace, Purpose};
use crate::jwt::payload::claim_rule::ClaimRule;
use crate::jwt::spans::Placer;
use crate::jwt::verified_token::Named;

/// The claims to look for in addition to the registered claims.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) places: Vec<ClaimPlace>,
    /// Rules that require a claim to be present, or to have one of several values. There are at
    /// most 64.
    pub(crate) rules: Vec<ClaimRule>,
    /// True if a number in `sub` is accepted.
    pub(crate) numeric_subject: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        let places = vec![
            ClaimPlace::new(Purpose::Scopes, "scope"),
            ClaimPlace::new(Purpose::Scopes, "scp"),
            ClaimPlace::new(Purpose::Roles, "roles"),
        ];
        Self { places, rules: Vec::new(), numeric_subject: false }
    }
}

impl Wanted {
    /// Returns the rules about this claim. Each rule is represented by its bit in [`Noted::met`].
    /// Most claims have no rules, so the result is usually 0.
    #[inline(never)]
    pub(crate) fn rules_in(&self, claim: &str) -> u64 {
        let rules = self.numbered_rules().filter(|(_, rule)| rule.is_in(claim));
        rules.fold(0, |bits, (bit, _)| bits | bit)
    }

    /// Returns the rules, each with its bit in [`Noted::met`].
    #[inline]
    pub(crate) fn numbered_rules(&self) -> impl Iterator<Item = (u64, &ClaimRule)> {
        (0..).map(|place| 1_u64.wrapping_shl(place)).zip(&self.rules)
    }

    /// Returns the first [`ClaimPlace`] whose path starts with `claim`, and all places after it.
    /// The places after it may be in other claims. `group` is the `names::group` of `claim`.
    #[inline]
    pub(crate) fn places_from(&self, group: u64, claim: &str) -> &[ClaimPlace] {
        let first = self.places.iter().position(|place| place.is_in(group, claim));
        first.and_then(|first| self.places.get(first..)).unwrap_or_default()
    }

    /// Adds a configured [`ClaimPlace`], and removes any earlier one with the same purpose and
    /// path.
    pub(crate) fn add(&mut self, mut place: ClaimPlace) {
        self.places
            .retain(|other| other.purpose != place.purpose || !other.path.is_at(&place.path));
        place.is_configured = true;
        self.places.push(place);
    }
}

/// The claims that were found.
#[derive(Debug)]
pub(crate) struct Noted<'n, 'de> {
    pub(crate) placer: Placer<'de>,
    pub(crate) named: &'n mut Named,
    /// True if `aud` is present and not `null`.
    pub(crate) has_audience: bool,
    /// True if `cnf` is present and not `null`.
    pub(crate) has_confirmation: bool,
    /// One bit for each rule in [`Wanted::rules`]. The bit is set if the token meets the rule.
    pub(crate) met: u64,
    /// One bit for each rule in [`Wanted::rules`]. The bit is set if the claim that the rule names
    /// is present, but has none of the accepted values.
    pub(crate) wrong: u64,
    /// True if every member of the payload was read.
    pub(crate) is_complete: bool,
    /// The JSON rule that the payload breaks.
    pub(crate) fault: Option<JsonFault>,
    /// The error for the first claim that could not be read, if there is one.
    pub(crate) failure: Option<ClaimError>,
}

impl<'n, 'de> Noted<'n, 'de> {
    /// Creates an empty record for a payload that has not been read yet. The stored text begins
    /// with the payload. The decoded strings begin at byte `end` of the stored text.
    pub(crate) fn new(payload: &'de str, end: usize, named: &'n mut Named) -> Self {
        Self {
            placer: Placer::new(payload, end),
            named,
            has_audience: false,
            has_confirmation: false,
            met: 0,
            wrong: 0,
            is_complete: false,
            fault: None,
            failure: None,
        }
    }
}
