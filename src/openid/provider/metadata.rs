//! The metadata of an OpenID provider: its discovery document.

use serde::Deserialize;

use crate::jwks::discovery;
use crate::jwks::remote_url::RemoteUrl;
use crate::jwks::{KeySourceError, KeySourceErrorKind};
use crate::openid::provider::error::{ProviderError, ProviderErrorKind};

/// The name that error messages use for the server of the discovery document.
pub(super) const SERVER: &str = "the discovery document's server";

/// The checked metadata of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) authorization: RemoteUrl,
    pub(super) token: RemoteUrl,
    pub(super) user_info: Option<RemoteUrl>,
    /// The names of the authentication methods that the token endpoint accepts, if the document
    /// lists them.
    pub(super) auth_methods: Option<Vec<String>>,
    /// True if the provider always sends the browser back with an `iss` parameter (RFC 9207).
    pub(super) names_issuer_in_response: bool,
}

/// The members that a login needs. A member that occurs twice is an error.
#[derive(Deserialize)]
struct MetadataDocument {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl Metadata {
    /// Fetches the document. The caller sets the time limit.
    pub(super) async fn fetch(
        issuer: &str,
        url: &RemoteUrl,
        allow_http: bool,
    ) -> Result<Self, ProviderError> {
        let json = discovery::document(issuer, url).await.map_err(|error| of_fetch(&error))?;
        Self::read(&json, issuer, allow_http)
    }

    /// Parses and checks a discovery document.
    fn read(json: &[u8], issuer: &str, allow_http: bool) -> Result<Self, ProviderError> {
        let read = || {
            let document: MetadataDocument = discovery::parse(json)?;
            discovery::check_issuer(&document.issuer, issuer)?;
            let endpoint = |name, url: &str| discovery::endpoint(name, url, allow_http);
            endpoint("jwks_uri", &document.jwks_uri)?;
            let user_info = document.userinfo_endpoint.as_deref();
            let metadata = Self {
                authorization: endpoint(
                    "authorization_endpoint",
                    &document.authorization_endpoint,
                )?,
                token: endpoint("token_endpoint", &document.token_endpoint)?,
                user_info: user_info.map(|url| endpoint("userinfo_endpoint", url)).transpose()?,
                auth_methods: document.token_endpoint_auth_methods_supported,
                names_issuer_in_response: document
                    .authorization_response_iss_parameter_supported
                    .unwrap_or(false),
            };
            Ok((metadata, document.code_challenge_methods_supported))
        };
        let (metadata, methods) = read().map_err(|error: KeySourceError| of_fetch(&error))?;
        // The provider may support PKCE even if the document does not list the methods of PKCE. A
        // provider without PKCE must ignore the parameters of PKCE (RFC 6749 section 3.1), so
        // sending them does no harm.
        if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err(ProviderError::misconfigured(
                "the provider does not support PKCE with S256 \
                 (`code_challenge_methods_supported`), so a stolen code could be redeemed",
            ));
        }
        Ok(metadata)
    }
}

fn of_fetch(error: &KeySourceError) -> ProviderError {
    let kind = match error.kind() {
        KeySourceErrorKind::WrongIssuer => ProviderErrorKind::WrongIssuer,
        KeySourceErrorKind::BadUrl => ProviderErrorKind::Misconfigured,
        _ => ProviderErrorKind::Unavailable,
    };
    ProviderError::new(kind, error.about(SERVER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const ISSUER: &str = "https://a.example/realms/shop";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://a.example/auth?p=policy",
            "token_endpoint": "https://a.example/token",
            "userinfo_endpoint": "https://api.a.example/me",
            "jwks_uri": "https://a.example/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": true,
            "other": { "other": [1] },
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut document = document();
        document[name] = value;
        document
    }

    fn without(name: &str) -> Value {
        let mut document = document();
        document.as_object_mut().unwrap().remove(name);
        document
    }

    fn read(document: &Value) -> Result<Metadata, ProviderError> {
        Metadata::read(document.to_string().as_bytes(), ISSUER, false)
    }

    #[test]
    fn a_complete_document_is_read() {
        let metadata = read(&document()).unwrap();
        assert_eq!(metadata.authorization.text(), "https://a.example/auth?p=policy");
        assert_eq!(metadata.token.text(), "https://a.example/token");
        assert_eq!(metadata.user_info.unwrap().text(), "https://api.a.example/me");
        assert_eq!(metadata.auth_methods.unwrap(), ["client_secret_post"]);
        assert!(metadata.names_issuer_in_response);
    }

    #[test]
    fn optional_members_may_be_missing_or_null() {
        for name in [
            "userinfo_endpoint",
            "token_endpoint_auth_methods_supported",
            "code_challenge_methods_supported",
            "authorization_response_iss_parameter_supported",
        ] {
            for document in [without(name), with(name, Value::Null)] {
                assert!(read(&document).is_ok(), "{name}");
            }
        }
        let metadata = read(&without("authorization_response_iss_parameter_supported")).unwrap();
        assert!(!metadata.names_issuer_in_response);
    }

    #[test]
    fn a_document_of_another_issuer_is_rejected() {
        for other in
            ["https://b.example", "https://a.example/realms/shop/", "https://A.example/realms/shop"]
        {
            let error = read(&with("issuer", other.into())).unwrap_err();
            assert_eq!(error.kind(), ProviderErrorKind::WrongIssuer, "{other}");
        }
    }

    #[test]
    fn every_endpoint_must_be_https() {
        for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
            for url in [
                "http://a.example/x",
                "http://127.0.0.1/x",
                "/x",
                "javascript:alert(1)",
                "https://a.example/x#fragment",
                "https://me:hunter2@a.example/x",
                "",
            ] {
                let error = read(&with(name, url.into())).unwrap_err();
                assert_eq!(error.kind(), ProviderErrorKind::Misconfigured, "{name} {url}");
                assert!(error.reason().contains(name), "{error}");
                assert!(!error.reason().contains("hunter2"), "{error}");
            }
            let loopback = with(name, "http://127.0.0.1:1/x".into()).to_string();
            assert!(Metadata::read(loopback.as_bytes(), ISSUER, true).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_required_member_must_be_present_once() {
        for name in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"] {
            for document in [without(name), with(name, 7.into()), with(name, Value::Null)] {
                let error = read(&document).unwrap_err();
                assert_eq!(error.kind(), ProviderErrorKind::Unavailable, "{name} {error}");
            }
        }
        for json in ["", "<html>", "[]", "{}", r#"["a"]"#] {
            assert!(Metadata::read(json.as_bytes(), ISSUER, false).is_err(), "{json}");
        }
        let twice = document().to_string().replacen(
            '{',
            r#"{"token_endpoint":"https://evil.example/token","#,
            1,
        );
        assert!(Metadata::read(twice.as_bytes(), ISSUER, false).is_err());
    }

    #[test]
    fn a_provider_without_s256_is_rejected() {
        for methods in [json!([]), json!(["plain"]), json!(["s256"])] {
            let error = read(&with("code_challenge_methods_supported", methods)).unwrap_err();
            assert_eq!(error.kind(), ProviderErrorKind::Misconfigured);
        }
    }

    proptest! {
        #[test]
        fn accepted_metadata_has_its_issuer_and_https_endpoints(
            stated in "https://[ab]\\.example(/realms/shop)?/?",
            url in "(https?|ftp)://[a-z.@#]{1,8}/[ -~]{0,8}",
            name in prop::sample::select(vec!["authorization_endpoint", "token_endpoint", "jwks_uri"]),
        ) {
            let mut document = with("issuer", stated.clone().into());
            document[name] = url.clone().into();
            if read(&document).is_ok() {
                prop_assert_eq!(stated, ISSUER);
                prop_assert!(url.starts_with("https://") && !url.contains(['#', ' ']));
            }
        }
    }
}
