//! `Claims<T>`, `Option<Claims<T>>` and `Token` as handler arguments.

use std::any::type_name;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::claims::Claims;
use crate::extract::rejection::AuthRejection;
use crate::token::Token;
use crate::unauthenticated::Unauthenticated;

impl<T, S> FromRequestParts<S> for Claims<T>
where
    T: Send + Sync + 'static,
    S: Send + Sync,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, AuthRejection> {
        let claims = Self::nearest(&parts.extensions).cloned();
        claims.ok_or_else(|| AuthRejection::absent::<T>(type_name::<Self>(), parts))
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
        _state: &S,
    ) -> Result<Option<Self>, AuthRejection> {
        match Self::nearest(&parts.extensions) {
            Some(claims) => Ok(Some(claims.clone())),
            // Absent because nobody is logged in, which is what the handler is prepared for.
            None if Unauthenticated::nearest(&parts.extensions).is_some() => Ok(None),
            None => Err(AuthRejection::absent::<T>(type_name::<Self>(), parts)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, AuthRejection> {
        let token = parts.extensions.get::<Self>().cloned();
        token.ok_or_else(|| AuthRejection::absent::<Self>(type_name::<Self>(), parts))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Token {
    type Rejection = AuthRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, AuthRejection> {
        match parts.extensions.get::<Self>() {
            Some(token) => Ok(Some(token.clone())),
            None if Unauthenticated::nearest(&parts.extensions).is_some() => Ok(None),
            None => Err(AuthRejection::absent::<Self>(type_name::<Self>(), parts)),
        }
    }
}
