//! The decision of a layer about a request, as an entry in the request's extensions.

use std::sync::Arc;

use http::Extensions;

use crate::rejection::Answers;
use crate::request::anonymous::Anonymous;
use crate::request::claims::Claims;
use crate::request::token::Token;
use crate::revocation::RevocationUnchecked;

/// The decision of the nearest layer. Guards and extractors read only this decision, so a guard
/// cannot decide about one user while the handler serves another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision<'r> {
    Token(&'r Token),
    Anonymous(&'r Anonymous),
}

impl<'r> Decision<'r> {
    /// Returns the decision, or `None` if no layer has seen the request.
    #[inline]
    pub(crate) fn of(extensions: &'r Extensions) -> Option<Self> {
        // Each layer removes the [`Token`] or the [`Anonymous`] that an outer layer inserted, so a
        // request never has both.
        match extensions.get::<Token>() {
            Some(token) => Some(Self::Token(token)),
            None => extensions.get::<Anonymous>().map(Self::Anonymous),
        }
    }
}

/// Returns the rejection settings of the nearest layer, or the default settings if no layer has
/// seen the request.
pub(crate) fn answers(extensions: &Extensions) -> Arc<Answers> {
    match Decision::of(extensions) {
        Some(Decision::Token(token)) => Arc::clone(token.answers()),
        Some(Decision::Anonymous(anonymous)) => Arc::clone(&anonymous.context.answers),
        None => Answers::without_layer(),
    }
}

/// Stores the claims in a request's extensions. Also stores the token, for code that does not know
/// the claims type.
pub(crate) fn insert_claims<T: Send + Sync + 'static>(
    extensions: &mut Extensions,
    claims: Claims<T>,
) {
    let outer = extensions.insert(claims.token().clone());
    remove_outer(extensions, outer);
    if let Some(unchecked) = claims.token().revocation_unchecked() {
        extensions.insert(unchecked);
    }
    extensions.insert(claims);
}

/// Stores in a request's extensions that the request is anonymous.
pub(crate) fn insert_anonymous(extensions: &mut Extensions, anonymous: Anonymous) {
    let outer = extensions.remove::<Token>();
    remove_outer(extensions, outer);
    extensions.insert(anonymous);
}

pub(crate) fn is_preflight(extensions: &Extensions) -> bool {
    matches!(Decision::of(extensions), Some(Decision::Anonymous(anonymous)) if anonymous.preflight)
}

/// Removes the values that an outer layer inserted into a request's extensions. The caller has
/// already removed the token, and passes it as `token`. Handlers must see only the decision of the
/// innermost layer, which may have accepted a different token or no token.
fn remove_outer(extensions: &mut Extensions, token: Option<Token>) {
    extensions.remove::<Anonymous>();
    extensions.remove::<RevocationUnchecked>();
    if let Some(token) = token {
        token.remove_claims(extensions);
    }
}
