//! A request, as guards see it.

use std::any::type_name;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Uri};

use crate::claims::Claims;
use crate::guard::combine::Guard;
use crate::guard::denied::{Denied, Reason};
use crate::rejection::{Answers, AuthError, AuthErrorKind};
use crate::token::Token;
use crate::unauthenticated::Unauthenticated;

/// An authenticated request without its body.
#[derive(Debug)]
pub struct Access<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    extensions: &'r mut Extensions,
    token: Token,
}

impl Access<'_> {
    /// The verified token.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The claims.
    ///
    /// # Errors
    ///
    /// The layer reads claims into another type: a mistake that is answered 500.
    pub fn claims<T: Send + Sync + 'static>(&self) -> Result<&T, Denied> {
        match Claims::<T>::nearest(self.extensions) {
            Some(claims) => Ok(claims),
            None => Err(Denied::misconfigured(format!(
                "a guard asks for claims of type `{wanted}`, and the `JwtAuth` layer in front of \
                 it reads them into `{there}`: write `.claims::<{wanted}>()` on the layer, or let \
                 the guard take `{there}`",
                wanted = type_name::<T>(),
                there = self.token.claims_type(),
            ))),
        }
    }

    /// The request's method.
    pub fn method(&self) -> &Method {
        self.method
    }

    /// The request's URI.
    pub fn uri(&self) -> &Uri {
        self.uri
    }

    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        self.headers
    }

    /// The request's extensions.
    pub fn extensions(&self) -> &Extensions {
        self.extensions
    }

    #[cfg(feature = "axum")]
    pub(crate) fn extensions_mut(&mut self) -> &mut Extensions {
        self.extensions
    }
}

/// A guard's decision against a request, and how to answer it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: AuthError,
    /// Those of the layer in front, if there is one.
    pub(crate) answers: Option<Arc<Answers>>,
}

/// Asks `guard` about a request. A panic in it is a refusal: it must not take the connection, and
/// the other requests on it, down.
pub(crate) fn admit(
    guard: &impl Guard,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    extensions: &mut Extensions,
) -> Result<(), Refusal> {
    let Some(token) = extensions.get::<Token>().cloned() else {
        return match Unauthenticated::nearest(extensions) {
            Some(Unauthenticated { preflight: true, .. }) => Ok(()),
            Some(Unauthenticated { answers, .. }) => {
                let error = AuthError::new(AuthErrorKind::MissingCredentials);
                Err(Refusal { error, answers: Some(Arc::clone(answers)) })
            }
            None => Err(Refusal { error: AuthError::misconfigured(NO_LAYER), answers: None }),
        };
    };
    let answers = Arc::clone(token.answers());
    let mut access = Access { method, uri, headers, extensions, token };
    let error = match catch_unwind(AssertUnwindSafe(|| guard.check(&mut access))) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(denied)) => match denied.reason {
            Reason::Scope => AuthError::insufficient_scope(&guard.required_scopes()),
            Reason::Role => AuthError::new(AuthErrorKind::InsufficientRole),
            Reason::Misconfigured(sentence) => AuthError::misconfigured(sentence),
        },
        Err(_) => AuthError::new(AuthErrorKind::InternalError),
    };
    Err(Refusal { error, answers: Some(answers) })
}

const NO_LAYER: &str = "a guard has no `JwtAuth` layer in front of it: add \
     `.layer(JwtAuth::new(secret))` to the router after (in the code: below) the guarded routes, so \
     that it runs first";
