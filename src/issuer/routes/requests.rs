//! The parameters of a request, in JSON or in a form.

use std::collections::BTreeSet;
use std::fmt;

use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{FromRequest, Request};
use axum::{Form, Json};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::issuer::routes::credentials;
use crate::issuer::routes::oauth_error::{OAuthError, OAuthErrorKind};

/// The maximum size of a request body. A login or a token request needs far less.
pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024;

/// The maximum length of a `client_id`. Real identifiers are shorter. The limit is low enough that
/// each session can store its `client_id`.
const MAX_CLIENT_ID_BYTES: usize = 256;

/// The name of the only parameter that a request may repeat (RFC 8693 section 2.1).
const AUDIENCE: &str = "audience";

/// The members of a JSON object or of a form. A duplicate parameter is an error, and a parameter
/// without a value counts as absent (RFC 6749 section 3.2).
#[derive(Default)]
pub(crate) struct BodyParams {
    members: Map<String, Value>,
}

/// Reads the parameters from a request body. Also returns the request's head.
///
/// Only the content types of JSON and forms are accepted. JSON with the content type `text/plain`
/// is refused, since a page of another site can send it without a CORS preflight request.
pub(crate) async fn read(request: Request) -> Result<(BodyParams, Parts), OAuthError> {
    let (head, body) = request.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let essence = content_type.unwrap_or_default().split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    // Copy the whole head: its extensions contain the body limit, which the extractors below apply.
    let request = Request::from_parts(head.clone(), body);
    let members = match essence.as_slice() {
        b"application/json" => {
            let Json(members) =
                Json::<ParsedBody>::from_request(request, &()).await.map_err(no_json)?;
            members
        }
        b"application/x-www-form-urlencoded" => {
            let Form(pairs) = Form::from_request(request, &()).await.map_err(no_form)?;
            ParsedBody::of_form(pairs)
        }
        _ => {
            return Err(invalid(
                "the content type is neither application/json nor \
                 application/x-www-form-urlencoded",
            ));
        }
    };
    if members.has_duplicate {
        return Err(invalid("the body has a member twice"));
    }
    Ok((BodyParams { members: members.members }, head))
}

impl BodyParams {
    /// Removes and returns a parameter that is a string.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, OAuthError> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(_) => Err(invalid(format!("`{name}` is not a string"))),
        }
    }

    /// Removes and returns a required parameter that is a string.
    pub(crate) fn required(&mut self, name: &'static str) -> Result<String, OAuthError> {
        self.text(name)?.ok_or_else(|| invalid(format!("`{name}` is missing")))
    }

    /// Removes the parameter `audience`, and returns the audiences that it names, without
    /// duplicates.
    pub(crate) fn audience(&mut self) -> Result<Vec<String>, OAuthError> {
        let named = match self.members.remove(AUDIENCE) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(several)) => several,
            Some(one) => vec![one],
        };
        let mut audience = Vec::new();
        for name in named {
            let Value::String(name) = name else {
                return Err(invalid("`audience` is neither a string nor an array of strings"));
            };
            audience.push(name);
        }
        Ok(distinct(audience))
    }

    /// Removes the client's name from the parameters and returns it.
    pub(crate) fn client_id(&mut self) -> Result<Option<String>, OAuthError> {
        let client = self.text("client_id")?;
        check_client_id(client.as_deref())?;
        Ok(client)
    }

    /// Deserializes the remaining members into the application's credentials type.
    pub(crate) fn into_credentials<C: DeserializeOwned>(self) -> Result<C, OAuthError> {
        credentials::read(&self.members).map_err(|error| {
            invalid(match error {
                Some(error) => error.to_string(),
                None => "the credentials could not be read".to_owned(),
            })
        })
    }
}

/// Removes duplicate names and empty names.
pub(crate) fn distinct(mut names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.retain(|name| !name.is_empty() && seen.insert(name.clone()));
    names
}

/// Checks that a client's name is short, printable ASCII (RFC 6749 appendix A.1).
pub(crate) fn check_client_id(client: Option<&str>) -> Result<(), OAuthError> {
    let is_good = |client: &str| {
        client.len() <= MAX_CLIENT_ID_BYTES && client.bytes().all(|b| matches!(b, b' '..=b'~'))
    };
    if client.is_none_or(is_good) {
        return Ok(());
    }
    Err(invalid(format!(
        "`client_id` has more than {MAX_CLIENT_ID_BYTES} bytes, or a character that is not \
         printable ASCII"
    )))
}

/// The members of a body. `has_duplicate` is true if a name occurs twice.
#[derive(Default)]
struct ParsedBody {
    members: Map<String, Value>,
    has_duplicate: bool,
}

impl ParsedBody {
    fn of_form(pairs: Vec<(String, String)>) -> Self {
        let mut this = Self::default();
        for (name, value) in pairs {
            let value = match this.members.remove(&name) {
                Some(Value::Array(mut several)) if name == AUDIENCE => {
                    several.push(value.into());
                    Value::Array(several)
                }
                Some(one) if name == AUDIENCE => Value::Array(vec![one, value.into()]),
                before => {
                    this.has_duplicate |= before.is_some();
                    value.into()
                }
            };
            this.members.insert(name, value);
        }
        this
    }
}

impl<'de> Deserialize<'de> for ParsedBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = ParsedBody;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ParsedBody, A::Error> {
                let mut read = ParsedBody::default();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    read.has_duplicate |= read.members.insert(name, value).is_some();
                }
                Ok(read)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fn no_json(rejection: JsonRejection) -> OAuthError {
    match rejection {
        JsonRejection::JsonDataError(_) => invalid("the body is not a JSON object"),
        JsonRejection::JsonSyntaxError(_) => invalid("the body is not valid JSON"),
        _ => unread(),
    }
}

fn no_form(rejection: FormRejection) -> OAuthError {
    match rejection {
        FormRejection::FailedToDeserializeForm(_)
        | FormRejection::FailedToDeserializeFormBody(_) => invalid("the body is not a valid form"),
        _ => unread(),
    }
}

fn unread() -> OAuthError {
    invalid(format!("the body ended early, or is longer than {MAX_BODY_BYTES} bytes"))
}

fn invalid(reason: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthErrorKind::InvalidRequest.because(reason)
}
