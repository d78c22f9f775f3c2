//! The answer of an extractor that refuses.

use std::any::{TypeId, type_name};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::jwt::StandardClaims;
use crate::rejection::{Answers, AuthError, AuthErrorKind, Format};
use crate::request::anonymous::Unauthenticated;
use crate::request::no_layer;
use crate::request::token::Token;
use crate::type_name::written;

/// The refusal of an extractor, answered like that of the layer in front of it.
#[derive(Clone, Debug)]
pub struct AuthRejection {
    // Boxed: an extractor's `Result` is moved around on every request, refused or not.
    inner: Box<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    error: AuthError,
    answers: Arc<Answers>,
    format: Format,
}

impl AuthRejection {
    pub(crate) fn new(error: AuthError, answers: Option<Arc<Answers>>, parts: &Parts) -> Self {
        let answers = answers.unwrap_or_else(Answers::without_layer);
        Self {
            inner: Box::new(Inner {
                error,
                answers,
                format: Format::of(&parts.method, &parts.headers),
            }),
        }
    }

    /// The request has no claims of type `T`: it is anonymous, or the application has a mistake.
    pub(crate) fn without_claims<T: 'static>(parts: &Parts) -> Self {
        if let Some(nobody) = Self::nobody(parts) {
            return nobody;
        }
        let asked = written(type_name::<T>());
        let Some(token) = parts.extensions.get::<Token>() else {
            let is_default = TypeId::of::<T>() == TypeId::of::<StandardClaims>();
            let claims = if is_default { String::new() } else { format!(".claims::<{asked}>()") };
            return Self::without_layer(&format!("Claims<{asked}>"), &claims, parts);
        };
        let there = written(token.claims_type());
        let sentence = format!(
            "the handler asks for `Claims<{asked}>`, and the `JwtAuth` layer in front of it reads \
             claims into `{there}`: write `.claims::<{asked}>()` on the layer, or take \
             `Claims<{there}>`"
        );
        let answers = Some(Arc::clone(token.answers()));
        let error = AuthError::because(AuthErrorKind::Misconfigured, sentence);
        Self::new(error, answers, parts)
    }

    /// The request has no token: it is anonymous, or the application has a mistake.
    pub(crate) fn without_token(parts: &Parts) -> Self {
        Self::nobody(parts).unwrap_or_else(|| Self::without_layer("Token", "", parts))
    }

    fn nobody(parts: &Parts) -> Option<Self> {
        let nobody = Unauthenticated::nearest(&parts.extensions)?;
        Some(Self::new(nobody.error(), Some(Arc::clone(&nobody.answers)), parts))
    }

    fn without_layer(wanted: &str, claims: &str, parts: &Parts) -> Self {
        let sentence = without_layer(no_layer::has_a_layer(), wanted, claims);
        Self::new(AuthError::because(AuthErrorKind::Misconfigured, sentence), None, parts)
    }

    /// Returns the error; [`AuthError::reason`] has the reason for developers.
    pub fn error(&self) -> &AuthError {
        &self.inner.error
    }
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        let Inner { error, answers, format } = *self.inner;
        answers.refuse(error, &format)
    }
}

impl fmt::Display for AuthRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner.error, f)
    }
}

impl Error for AuthRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.error.source()
    }
}

fn without_layer(has_a_layer: bool, wanted: &str, claims: &str) -> String {
    let advice = if has_a_layer {
        format!(
            "this program has one, which does not cover this route. Move \
             `.layer(JwtAuth::new(secret){claims})` below the route: a layer covers only routes that \
             are added before it"
        )
    } else {
        format!(
            "add `.layer(JwtAuth::new(secret){claims})` to the router below its routes; a layer does \
             not cover routes that are added after it"
        )
    };
    format!("the handler asks for `{wanted}` and no `JwtAuth` layer is in front of it: {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_in_the_wrong_place_is_to_be_moved_and_none_is_to_be_added() {
        for (has_a_layer, part) in [(true, "Move `.layer(JwtAuth"), (false, "add `.layer(JwtAuth")]
        {
            let sentence = without_layer(has_a_layer, "Claims<Shopper>", ".claims::<Shopper>()");
            assert!(sentence.contains(part) && sentence.contains("<Shopper>()"), "{sentence}");
        }
    }
}
