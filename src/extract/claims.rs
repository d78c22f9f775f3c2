//! The handler arguments `Claims<T>` and `Token`, and an `Option` of either.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::extract::rejection::AuthRejection;
use crate::request::claims::Claims;
use crate::request::decision::Decision;
use crate::request::token::Token;

impl<T, S> FromRequestParts<S> for Claims<T>
where
    T: Send + Sync + 'static,
    S: Send + Sync,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, AuthRejection> {
        let claims = match Decision::of(&parts.extensions) {
            Some(Decision::Token(token)) => match parts.extensions.get::<Self>() {
                Some(claims) if claims.token().is_same(token) => Some(claims.clone()),
                _ => None,
            },
            Some(Decision::Anonymous(_)) => None,
            // No layer has processed the request. The application may have called `JwtAuth::verify`
            // and inserted the result into the request's extensions.
            None => parts.extensions.get::<Self>().cloned(),
        };
        claims.ok_or_else(|| AuthRejection::without_claims::<T>(parts))
    }
}

impl<T, S> OptionalFromRequestParts<S> for Claims<T>
where
    T: Send + Sync + 'static,
    S: Send + Sync,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, AuthRejection> {
        if is_anonymous(parts) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, AuthRejection> {
        let token = parts.extensions.get::<Self>().cloned();
        token.ok_or_else(|| AuthRejection::without_token(parts))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Token {
    type Rejection = AuthRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, AuthRejection> {
        if is_anonymous(parts) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}

fn is_anonymous(parts: &Parts) -> bool {
    matches!(Decision::of(&parts.extensions), Some(Decision::Anonymous(_)))
}
