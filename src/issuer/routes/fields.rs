//! What a request says, in JSON or in a form.

use axum::extract::{FromRequest, Request};
use axum::{Form, Json};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::issuer::routes::refusal::Refusal;

/// The members of a JSON object or a form (RFC 6749 section 4 has forms). Anything else is no
/// request of ours: no page of another site can send JSON without asking first. With the rest of the
/// request, for who needs it.
pub(crate) async fn read<T: DeserializeOwned>(request: Request) -> Result<(T, Parts), Refusal> {
    let (head, body) = request.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let essence = content_type.unwrap_or_default().split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    // Whole, since the limit on the body is in the extensions.
    let request = Request::from_parts(head.clone(), body);
    let read = match essence.as_slice() {
        b"application/json" => Json::from_request(request, &()).await.ok().map(|Json(read)| read),
        b"application/x-www-form-urlencoded" => {
            Form::from_request(request, &()).await.ok().map(|Form(read)| read)
        }
        _ => {
            let reason = "the content type is neither application/json nor \
                          application/x-www-form-urlencoded";
            return Err(Refusal::InvalidRequest.because(reason));
        }
    };
    let read = read.ok_or_else(|| {
        // Which one, serde would say together with its value: a password, perhaps.
        let reason = "the body is not of its content type, is too long, or has a member that is \
                      missing or of another type";
        Refusal::InvalidRequest.because(reason)
    })?;
    Ok((read, head))
}

/// A login: the application's credentials, and what the tokens are to be for.
#[derive(Deserialize)]
pub(crate) struct Login<C> {
    #[serde(flatten)]
    pub(crate) credentials: C,
    #[serde(default, deserialize_with = "given")]
    pub(crate) audience: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) scope: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) client_id: Option<String>,
}

/// A use of a refresh token (RFC 6749 section 6).
#[derive(Default, Deserialize)]
pub(crate) struct Use {
    #[serde(default, deserialize_with = "given")]
    pub(crate) grant_type: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) refresh_token: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) client_id: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) audience: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(crate) scope: Option<String>,
}

/// RFC 7009 section 2.1. A hint that is wrong must not matter, so it is not read.
#[derive(Deserialize)]
pub(crate) struct Revocation {
    pub(crate) token: String,
    #[serde(default, deserialize_with = "given")]
    pub(crate) client_id: Option<String>,
}

/// RFC 6749 section 3.2: a parameter without a value is one that was left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let given = Option::<String>::deserialize(deserializer)?;
    Ok(given.filter(|text| !text.is_empty()))
}
