//! The authentication of this server at the token endpoint (RFC 6749 section 2.3.1).

use std::fmt::{self, Debug};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use form_urlencoded::{Serializer, byte_serialize};
use http::HeaderValue;
use zeroize::Zeroizing;

/// The identifier of this server as a client of the provider, and the client secret, if there is
/// one.
#[derive(Clone)]
pub(super) struct ClientCredentials {
    pub(super) client_id: String,
    pub(super) secret: Option<Zeroizing<String>>,
    /// The method to use. If it is `None`, the first method of [`AuthMethod`] that the provider
    /// supports is used.
    pub(super) method: Option<AuthMethod>,
}

/// A method of client authentication in which this server sends the client secret to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthMethod {
    /// `client_secret_basic`: the secret is in the `Authorization` header.
    Basic,
    /// `client_secret_post`: the secret is in the request body.
    Post,
}

impl AuthMethod {
    const fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    /// Chooses from the methods that the metadata lists. If the metadata has no such list (`None`),
    /// the default is `client_secret_basic` (OpenID Connect Discovery 1.0 section 3).
    pub(super) fn choose(supported: Option<&[String]>) -> Option<Self> {
        let Some(supported) = supported else { return Some(Self::Basic) };
        let is_supported = |method: &Self| supported.iter().any(|name| name == method.name());
        [Self::Basic, Self::Post].into_iter().find(is_supported)
    }
}

impl ClientCredentials {
    /// Adds the credentials to a form, or returns a header that contains them. If the client has no
    /// secret, only its `client_id` is added.
    pub(super) fn add_to(
        &self,
        form: &mut Serializer<'_, String>,
        method: AuthMethod,
    ) -> Option<HeaderValue> {
        match (&self.secret, self.method.unwrap_or(method)) {
            (Some(secret), AuthMethod::Basic) => basic(&self.client_id, secret),
            (Some(secret), AuthMethod::Post) => {
                form.append_pair("client_id", &self.client_id).append_pair("client_secret", secret);
                None
            }
            (None, _) => {
                form.append_pair("client_id", &self.client_id);
                None
            }
        }
    }
}

/// Returns the header for `client_secret_basic`. The `client_id` and the secret are encoded as in
/// an HTML form, since they may contain a colon.
fn basic(client_id: &str, secret: &str) -> Option<HeaderValue> {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encode(client_id), encode(secret)));
    let value = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(&*pair)));
    // The conversion cannot fail, since Base64 is always a valid header value.
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("client_id", &self.client_id)
            .field("has_secret", &self.secret.is_some())
            .field("method", &self.method)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(secret: Option<&str>, method: Option<AuthMethod>) -> ClientCredentials {
        let secret = secret.map(|secret| Zeroizing::new(secret.to_owned()));
        ClientCredentials { client_id: "shop:web".into(), secret, method }
    }

    fn sent(credentials: &ClientCredentials, method: AuthMethod) -> (Option<String>, String) {
        let mut form = Serializer::new(String::new());
        let header = credentials.add_to(&mut form, method);
        (header.map(|header| header.to_str().unwrap().to_owned()), form.finish())
    }

    #[test]
    fn both_parts_of_basic_credentials_are_encoded_as_in_a_form() {
        // RFC 6749 section 2.3.1 requires the name and the secret to be form-encoded, so a space
        // becomes a plus.
        let (header, form) = sent(&credentials(Some("a b%ü:&"), None), AuthMethod::Basic);
        let encoded = header.unwrap().strip_prefix("Basic ").unwrap().to_owned();
        let decoded = BASE64_STANDARD.decode(encoded).unwrap();
        assert_eq!(String::from_utf8(decoded).unwrap(), "shop%3Aweb:a+b%25%C3%BC%3A%26");
        assert_eq!(form, "");
    }

    #[test]
    fn a_selected_method_is_used_whatever_the_metadata_prefers() {
        let (header, form) =
            sent(&credentials(Some("s&t"), Some(AuthMethod::Post)), AuthMethod::Basic);
        assert_eq!(header, None);
        assert_eq!(form, "client_id=shop%3Aweb&client_secret=s%26t");
        let (header, form) = sent(&credentials(None, None), AuthMethod::Basic);
        assert_eq!((header, form.as_str()), (None, "client_id=shop%3Aweb"));
    }

    #[test]
    fn basic_is_preferred_and_post_is_used_if_only_post_is_supported() {
        let choose = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            AuthMethod::choose(Some(&names))
        };
        assert_eq!(AuthMethod::choose(None), Some(AuthMethod::Basic));
        let both = ["client_secret_post", "private_key_jwt", "client_secret_basic"];
        assert_eq!(choose(&both), Some(AuthMethod::Basic));
        assert_eq!(choose(&["private_key_jwt", "client_secret_post"]), Some(AuthMethod::Post));
        assert_eq!(choose(&["private_key_jwt"]), None);
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn debug_output_has_no_secret() {
        let text = format!("{:?}", credentials(Some("hunter2"), None));
        assert!(!text.contains("hunter2"), "{text}");
    }
}
