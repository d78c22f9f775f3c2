//! The response to a login or a renewal.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde_json::Value;

use crate::issuer::access_token::{AccessToken, TokenResponse};
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::session::Session;

/// The tokens of a session, ready to be sent.
#[derive(Clone)]
pub(crate) struct TokenAnswer {
    pub(crate) session: Session,
    pub(crate) tokens: AnsweredTokens,
}

#[derive(Clone)]
pub(crate) enum AnsweredTokens {
    InBody {
        access: AccessToken,
        refresh: RefreshToken,
    },
    /// `set` contains the `Set-Cookie` header fields of the response.
    InCookies {
        set: HeaderMap,
        body: Value,
    },
}

impl IntoResponse for TokenAnswer {
    fn into_response(self) -> Response {
        let mut response = match self.tokens {
            AnsweredTokens::InBody { access, refresh } => {
                Json(TokenResponse::new(&access).refresh_token(refresh.as_str())).into_response()
            }
            AnsweredTokens::InCookies { set, body } => (set, Json(body)).into_response(),
        };
        response.extensions_mut().insert(self.session);
        response
    }
}
