//! What an extractor answers when it refuses.

use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::rejection::{Answers, AuthError, AuthErrorKind, Format};
use crate::token::Token;
use crate::type_name::written;
use crate::unauthenticated::Unauthenticated;

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
        let answers = answers.unwrap_or_default();
        Self { inner: Box::new(Inner { error, answers, format: Format::of(&parts.headers) }) }
    }

    /// The request has no claims of type `T`: nobody is logged in, or a mistake.
    pub(crate) fn without_claims<T>(parts: &Parts) -> Self {
        let asked = || written(type_name::<T>());
        let Some(token) = parts.extensions.get::<Token>() else {
            return Self::without_token(|| format!("Claims<{}>", asked()), parts);
        };
        let asked = asked();
        let there = written(token.claims_type());
        let sentence = format!(
            "the handler asks for `Claims<{asked}>`, and the `JwtAuth` layer in front of it reads \
             claims into `{there}`: write `.claims::<{asked}>()` on the layer, or take \
             `Claims<{there}>`"
        );
        let answers = Some(Arc::clone(token.answers()));
        Self::new(AuthError::misconfigured(sentence), answers, parts)
    }

    /// The request has no token: nobody is logged in, or a mistake. `wanted` is what the handler
    /// asks for.
    pub(crate) fn without_token(wanted: impl FnOnce() -> String, parts: &Parts) -> Self {
        if let Some(nobody) = Unauthenticated::nearest(&parts.extensions) {
            let error = AuthError::new(AuthErrorKind::MissingCredentials);
            return Self::new(error, Some(Arc::clone(&nobody.answers)), parts);
        }
        let sentence = format!(
            "the handler asks for `{wanted}` and no `JwtAuth` layer is in front of it: add \
             `.layer(JwtAuth::new(secret))` to the router below its routes; a layer does not \
             cover routes that are added after it",
            wanted = wanted(),
        );
        Self::new(AuthError::misconfigured(sentence), None, parts)
    }

    /// Why the request was refused.
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
