//! The claims that a pass over the payload looks for, and the claims that it has found.

use crate::clock::UnixTime;
use crate::jwt::claim_error::ClaimError;
use crate::jwt::payload::claim_place::{ClaimPlace, Purpose};
use crate::jwt::spans::Placer;
use crate::jwt::verified_token::Named;

/// The claims to look for besides the registered ones.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) places: Vec<ClaimPlace>,
    /// Claims that must be present and not `null`; at most 64.
    pub(crate) required: Vec<String>,
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
        Self { places, required: Vec::new(), numeric_subject: false }
    }
}

impl Wanted {
    /// Returns the first place in this claim.
    #[inline]
    pub(crate) fn first_in(&self, claim: &str) -> Option<&ClaimPlace> {
        self.places.iter().find(|place| place.path.first() == claim)
    }

    /// Returns all places in this claim.
    pub(crate) fn all_in(&self, claim: &str) -> impl Iterator<Item = &ClaimPlace> {
        self.places.iter().filter(move |place| place.path.first() == claim)
    }

    /// Adds a configured place. It replaces a place with the same purpose and path.
    pub(crate) fn add(&mut self, place: ClaimPlace) {
        self.places
            .retain(|other| other.purpose != place.purpose || !other.path.is_at(&place.path));
        self.places.push(ClaimPlace { is_configured: true, ..place });
        let firsts: Vec<String> =
            self.places.iter().map(|place| place.path.first().to_owned()).collect();
        for place in &mut self.places {
            let is_alone = firsts.iter().filter(|first| *first == place.path.first()).count() == 1;
            let is_direct = place.path.rest().is_empty() && !place.path.takes_keys();
            place.is_simple = is_alone && is_direct;
        }
    }
}

/// The claims that were found.
#[derive(Debug)]
pub(crate) struct Noted<'de> {
    pub(crate) placer: Placer<'de>,
    pub(crate) named: Named,
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) audience: bool,
    pub(crate) confirmation: bool,
    /// One bit for each name in [`Wanted::required`] that was found.
    pub(crate) required: u64,
    /// True if a name occurs twice.
    pub(crate) has_duplicate: bool,
    /// The claim at which reading failed. Scanner errors are not recorded.
    pub(crate) failure: Option<ClaimError>,
}

impl<'de> Noted<'de> {
    /// Creates empty notes for a payload. The payload is the start of the stored text, which has
    /// `end` bytes.
    pub(crate) fn new(payload: &'de str, end: usize) -> Self {
        Self {
            placer: Placer::new(payload, end),
            named: Named::default(),
            expires_at: None,
            audience: false,
            confirmation: false,
            required: 0,
            has_duplicate: false,
            failure: None,
        }
    }
}
