//! The issuers that a layer trusts, and the choice of one of them for each token.

use std::collections::HashMap;
use std::sync::Arc;

#[cfg(feature = "connections")]
use crate::jwt::VerifiedToken;
use crate::jwt::issuer_peek::{self, PeekBuffer};
use crate::jwt::{TokenError, TokenErrorKind, Verifier};
use crate::misuse;
use crate::providers::issuer::Issuer;
use crate::providers::trusted_issuer::TrustedIssuer;

/// The issuers that a layer trusts.
#[derive(Clone, Debug)]
pub(crate) enum Issuers {
    /// The only issuer. Its rules check `iss` if a name is configured for the issuer.
    One(TrustedIssuer),
    /// The issuer is chosen by the `iss` of the token. The rules of that issuer then check `iss`
    /// again.
    Several(ByName),
}

#[derive(Clone, Debug)]
pub(crate) struct ByName {
    issuers: Vec<TrustedIssuer>,
    places: HashMap<Box<str>, usize>,
    /// The reason for rejecting a token whose issuer is unknown. Created in advance, so that
    /// rejecting a token allocates nothing.
    unknown: Arc<str>,
    /// The reason for rejecting a token without an `iss`, also created in advance.
    missing: Arc<str>,
}

impl Issuers {
    /// Creates the issuers of a layer.
    #[track_caller]
    pub(crate) fn new(issuers: impl IntoIterator<Item = Issuer>) -> Self {
        let mut places = HashMap::new();
        let mut trusted = Vec::new();
        let mut names = Vec::new();
        let mut identities = Vec::new();
        // Do not replace this loop with a closure. A panic would then report a line of this file,
        // and not the line of the application that configures the layer.
        for issuer in issuers {
            identities.extend(issuer.into_trusted());
        }
        for (its_names, issuer) in identities {
            for name in its_names {
                if places.insert(name.clone().into_boxed_str(), trusted.len()).is_some() {
                    misuse::refuse(format_args!(
                        "two issuers have the name {name:?}: a name or an alias belongs to one \
                         issuer, since it decides which keys are used"
                    ));
                }
                names.push(name);
            }
            trusted.push(issuer);
        }
        if trusted.len() < 2 {
            return match trusted.pop() {
                Some(issuer) => Self::One(issuer),
                None => misuse::refuse("JwtAuth::issuers(..) needs at least one issuer"),
            };
        }
        let listed = crate::jwt::quoted(&names);
        Self::Several(ByName {
            issuers: trusted,
            places,
            unknown: format!("`iss` is not {listed}").into(),
            missing: format!("`iss` is missing, and must be {listed}").into(),
        })
    }

    /// Chooses the issuer of a token that has not been verified yet. Also returns the position of
    /// that issuer in the list.
    #[inline]
    pub(crate) fn choose(&self, token: &[u8]) -> Result<(usize, &TrustedIssuer), TokenError> {
        match self {
            Self::One(issuer) => Ok((0, issuer)),
            Self::Several(several) => several.choose(token),
        }
    }

    /// Returns the issuer at a position that [`Self::choose`] returned.
    pub(crate) fn at(&self, place: usize) -> Option<&TrustedIssuer> {
        match self {
            Self::One(issuer) => Some(issuer),
            Self::Several(several) => several.issuers.get(place),
        }
    }

    /// Returns the issuer of a verified token.
    #[cfg(feature = "connections")]
    pub(crate) fn of(&self, token: &VerifiedToken) -> Option<&TrustedIssuer> {
        match self {
            Self::One(issuer) => Some(issuer),
            Self::Several(several) => {
                let place = several.places.get(token.issuer()?)?;
                several.issuers.get(*place)
            }
        }
    }

    /// Returns the first issuer. The caller uses the clock of this issuer, which is the clock of
    /// all issuers.
    pub(crate) fn first(&self) -> &TrustedIssuer {
        match self {
            Self::One(issuer) => issuer,
            Self::Several(several) => match several.issuers.first() {
                Some(issuer) => issuer,
                None => unreachable!("there are at least two"),
            },
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TrustedIssuer> {
        match self {
            Self::One(issuer) => std::slice::from_ref(issuer),
            Self::Several(several) => several.issuers.as_slice(),
        }
        .iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut TrustedIssuer> {
        match self {
            Self::One(issuer) => std::slice::from_mut(issuer),
            Self::Several(several) => several.issuers.as_mut_slice(),
        }
        .iter_mut()
    }
}

impl From<Verifier> for Issuers {
    fn from(verifier: Verifier) -> Self {
        Self::One(verifier.into())
    }
}

impl ByName {
    #[inline(never)]
    fn choose(&self, token: &[u8]) -> Result<(usize, &TrustedIssuer), TokenError> {
        let limits = self.issuers.iter().map(|issuer| issuer.verifier.validation().token_limit());
        let limit = limits.max().unwrap_or_default();
        if token.len() > limit {
            return Err(TokenError::too_large(limit));
        }
        let mut buffer = PeekBuffer::new();
        let wrong = |reason| TokenError::configured(TokenErrorKind::WrongIssuer, reason);
        let Some(name) = issuer_peek::peek(token, &mut buffer)? else {
            return Err(wrong(Arc::clone(&self.missing)));
        };
        let place = self.places.get(&*name).copied();
        let chosen = place.and_then(|place| Some((place, self.issuers.get(place)?)));
        chosen.ok_or_else(|| wrong(Arc::clone(&self.unknown)))
    }
}
