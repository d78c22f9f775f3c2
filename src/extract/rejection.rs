//! Turns an extractor's error into a response.

use std::any::{TypeId, type_name};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use crate::jwt::StandardClaims;
use crate::rejection::{Answers, AuthError, AuthErrorKind, Format};
use crate::request::decision::{self, Decision};
use crate::request::no_layer;
use crate::type_name::written;

/// The rejection that an extractor returns. The response is the same as if the layer in front of
/// the extractor had rejected the request.
#[derive(Clone, Debug)]
pub struct AuthRejection {
    // The content is boxed to keep the `Result` of an extractor small. This `Result` is moved on
    // every request, even if the request is not rejected.
    content: Box<RejectionContent>,
}

#[derive(Clone, Debug)]
struct RejectionContent {
    error: AuthError,
    answers: Arc<Answers>,
    format: Format,
}

impl AuthRejection {
    pub(crate) fn new(error: AuthError, parts: &Parts) -> Self {
        let answers = decision::answers(&parts.extensions);
        let format = Format::of(&parts.method, &parts.headers);
        Self { content: Box::new(RejectionContent { error, answers, format }) }
    }

    /// Returns the rejection of a request without claims of type `T`. Either the request is
    /// anonymous, or the application is misconfigured.
    pub(crate) fn without_claims<T: Send + Sync + 'static>(parts: &Parts) -> Self {
        let asked = written(type_name::<T>());
        let error = match Decision::of(&parts.extensions) {
            Some(Decision::Anonymous(anonymous)) => anonymous.error(),
            Some(Decision::Token(token)) if token.claims::<T>().is_some() => {
                misconfigured(format!(
                    "a layer between `JwtAuth` and the handler has removed or replaced the request's \
                 `Claims<{asked}>`, and has left its `Token`: both must come from one verification"
                ))
            }
            Some(Decision::Token(token)) => {
                let there = written(token.claims_type());
                misconfigured(format!(
                    "the handler asks for `Claims<{asked}>`, and the `JwtAuth` layer in front of it \
                     reads claims into `{there}`: write `.claims::<{asked}>()` on the layer, or take \
                     `Claims<{there}>`"
                ))
            }
            None => {
                let is_default = TypeId::of::<T>() == TypeId::of::<StandardClaims>();
                let claims =
                    if is_default { String::new() } else { format!(".claims::<{asked}>()") };
                without_layer(&format!("Claims<{asked}>"), &claims)
            }
        };
        Self::new(error, parts)
    }

    /// Returns the rejection for a handler that needs a token when the request has none. If a layer
    /// has found the request to be anonymous, the rejection is a 401. If no layer has seen the
    /// request, it is a 500, since the application is misconfigured.
    pub(crate) fn without_token(parts: &Parts) -> Self {
        let error = match Decision::of(&parts.extensions) {
            Some(Decision::Anonymous(anonymous)) => anonymous.error(),
            _ => without_layer("Token", ""),
        };
        Self::new(error, parts)
    }

    /// Returns the error. [`AuthError::reason`] returns the reason for developers.
    pub fn error(&self) -> &AuthError {
        &self.content.error
    }
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        let RejectionContent { error, answers, format } = *self.content;
        answers.refuse(error, format)
    }
}

impl fmt::Display for AuthRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.content.error, f)
    }
}

impl Error for AuthRejection {}

fn misconfigured(sentence: String) -> AuthError {
    AuthError::because(AuthErrorKind::Misconfigured, sentence)
}

fn without_layer(wanted: &str, claims: &str) -> AuthError {
    misconfigured(layer_advice(no_layer::has_a_layer(), wanted, claims))
}

fn layer_advice(has_a_layer: bool, wanted: &str, claims: &str) -> String {
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
    fn the_advice_is_to_move_a_misplaced_layer_or_to_add_a_missing_one() {
        for (has_a_layer, part) in [(true, "Move `.layer(JwtAuth"), (false, "add `.layer(JwtAuth")]
        {
            let sentence = layer_advice(has_a_layer, "Claims<Shopper>", ".claims::<Shopper>()");
            assert!(sentence.contains(part) && sentence.contains("<Shopper>()"), "{sentence}");
        }
    }
}
