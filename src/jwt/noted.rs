//! What a pass over the payload looks for, and what it found.

use crate::clock::UnixTime;
use crate::jwt::facts::Named;
use crate::jwt::spans::Placer;

/// What to look for besides the registered claims.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Where the roles are: member names from the outermost in.
    pub(crate) roles: Vec<String>,
    /// The member that names the tenant, if any does.
    pub(crate) tenant: Option<String>,
    /// Members that must be there and not `null`; at most 64.
    pub(crate) required: Vec<String>,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Noted<'de> {
    pub(crate) placer: Placer<'de>,
    pub(crate) named: Named,
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) audience: bool,
    pub(crate) confirmation: bool,
    /// A bit for each of [`Wanted::required`].
    pub(crate) required: u64,
}

impl<'de> Noted<'de> {
    /// Nothing yet, of a payload that is the start of a text with the length `end`.
    pub(crate) fn new(payload: &'de str, end: usize) -> Self {
        Self {
            placer: Placer::new(payload, end),
            named: Named::default(),
            expires_at: None,
            audience: false,
            confirmation: false,
            required: 0,
        }
    }
}

/// How roles are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roles {
    /// As a string or an array of strings at the top, which nearly all are.
    Plain,
    /// Wherever they are, and objects too: their text is read more than once.
    Any,
}
