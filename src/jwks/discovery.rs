//! The discovery document of an issuer (OpenID Connect Discovery 1.0 and RFC 8414).

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::jwks::error::{KeySourceError, KeySourceErrorKind};
use crate::jwks::http;
use crate::jwks::remote_url::RemoteUrl;

const ACCEPT: &str = "application/json";

/// The members that are needed to find the keys. A member that occurs twice is an error.
#[derive(Debug, Deserialize)]
struct DiscoveryDocument {
    issuer: String,
    jwks_uri: String,
}

/// Fetches the issuer's discovery document, and returns the URL of the issuer's keys.
pub(crate) async fn keys_url(
    issuer: &str,
    url: &RemoteUrl,
    allow_http: bool,
) -> Result<RemoteUrl, KeySourceError> {
    read(&document(issuer, url).await?, issuer, allow_http)
}

/// Fetches the issuer's discovery document.
///
/// The OpenID document is tried first: nearly all issuers publish it. Issuers that publish both
/// documents name the same keys in both. The document of RFC 8414 is tried only if the server
/// answers the first request with a status of 4xx, such as 404. Any other failure ends the attempt,
/// since a second request would be likely to fail too.
pub(crate) async fn document(issuer: &str, url: &RemoteUrl) -> Result<Bytes, KeySourceError> {
    let [openid, oauth] = document_urls(issuer, url);
    let fetched = match http::get(&parse_url(&openid)?, ACCEPT).await {
        Err(error) if is_client_error(&error) => http::get(&parse_url(&oauth)?, ACCEPT).await?,
        fetched => fetched?,
    };
    Ok(fetched.body)
}

/// Returns the URLs of the OpenID document and of the RFC 8414 document. The path of the OpenID
/// document is appended to the issuer. The path of the RFC 8414 document is inserted between the
/// host and the issuer's path. In both cases, a final slash of the issuer is removed first.
fn document_urls(issuer: &str, url: &RemoteUrl) -> [String; 2] {
    let openid = issuer.strip_suffix('/').unwrap_or(issuer);
    let (origin, path) = url.split();
    let path = path.strip_suffix('/').unwrap_or(path);
    [
        format!("{openid}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ]
}

/// Checks a document, and returns the URL of the keys.
fn read(json: &[u8], issuer: &str, allow_http: bool) -> Result<RemoteUrl, KeySourceError> {
    let document: DiscoveryDocument = parse(json)?;
    check_issuer(&document.issuer, issuer)?;
    endpoint("jwks_uri", &document.jwks_uri, allow_http)
}

/// Reads the members of a document. A member that is a field of `D` must not occur twice.
pub(crate) fn parse<D: DeserializeOwned>(json: &[u8]) -> Result<D, KeySourceError> {
    // A derived `Deserialize` would also accept a JSON array of the fields' values.
    if json.trim_ascii_start().first() != Some(&b'{') {
        let cause = "the discovery document is not a JSON object";
        return Err(KeySourceError::caused(KeySourceErrorKind::Unreadable, cause));
    }
    serde_json::from_slice(json)
        .map_err(|error| KeySourceError::caused(KeySourceErrorKind::Unreadable, error))
}

/// Checks that a document belongs to the configured issuer.
pub(crate) fn check_issuer(stated: &str, configured: &str) -> Result<(), KeySourceError> {
    if stated == configured {
        return Ok(());
    }
    let cause = format!("its issuer is {stated:?}, not {configured:?}");
    Err(KeySourceError::caused(KeySourceErrorKind::WrongIssuer, cause))
}

/// Parses the URL in the member `name` of a document.
pub(crate) fn endpoint(
    name: &str,
    url: &str,
    allow_http: bool,
) -> Result<RemoteUrl, KeySourceError> {
    RemoteUrl::parse_allowed(url, allow_http).map_err(|reason| {
        // The cause appears in logs. A URL with an `@` may contain a password, so the cause does
        // not contain such a URL.
        let cause = if url.contains('@') {
            format!("`{name}` cannot be used: {reason}")
        } else {
            format!("`{name}` is {url:?}: {reason}")
        };
        KeySourceError::caused(KeySourceErrorKind::BadUrl, cause)
    })
}

fn parse_url(url: &str) -> Result<RemoteUrl, KeySourceError> {
    RemoteUrl::parse(url)
        .map_err(|reason| KeySourceError::caused(KeySourceErrorKind::BadUrl, reason))
}

fn is_client_error(error: &KeySourceError) -> bool {
    matches!(error.kind(), KeySourceErrorKind::Status(400..=499))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn openid_appends_its_path_and_rfc_8414_inserts_its_own() {
        const OPENID: &str = "/.well-known/openid-configuration";
        const OAUTH: &str = "/.well-known/oauth-authorization-server";
        for (issuer, host, path) in [
            ("https://a.example", "https://a.example", ""),
            ("https://a.example/", "https://a.example", ""),
            ("https://a.example:8443/x/y", "https://a.example:8443", "/x/y"),
            ("https://a.example/x/y/", "https://a.example", "/x/y"),
        ] {
            let [openid, oauth] = document_urls(issuer, &RemoteUrl::parse(issuer).unwrap());
            assert_eq!(openid, format!("{host}{path}{OPENID}"));
            assert_eq!(oauth, format!("{host}{OAUTH}{path}"));
        }
    }

    #[test]
    fn the_issuer_is_compared_character_for_character() {
        let document = |issuer| json!({ "issuer": issuer, "jwks_uri": "https://k.example/keys" });
        for (configured, stated, is_same) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example/", "https://a.example/", true),
            ("https://a.example", "https://a.example/", false),
            ("https://a.example/", "https://a.example", false),
            ("https://a.example", "https://A.example", false),
            ("https://a.example", "https://a.example:443", false),
            ("https://a.example", "https://b.example", false),
        ] {
            let read = read(document(stated).to_string().as_bytes(), configured, false);
            let kind = read.map_err(|error| error.kind()).err();
            let expected = (!is_same).then_some(KeySourceErrorKind::WrongIssuer);
            assert_eq!(kind, expected, "{configured} {stated}");
        }
    }

    #[test]
    fn a_document_needs_an_issuer_and_an_allowed_url() {
        const ISSUER: &str = "https://a.example";
        let kind = |json: &str| read(json.as_bytes(), ISSUER, true).map_err(|error| error.kind());
        for (json, expected) in [
            ("", KeySourceErrorKind::Unreadable),
            ("<html>", KeySourceErrorKind::Unreadable),
            ("[]", KeySourceErrorKind::Unreadable),
            (r#"["https://a.example","https://a.example/keys"]"#, KeySourceErrorKind::Unreadable),
            ("{}", KeySourceErrorKind::Unreadable),
            (r#"{"issuer":"https://a.example"}"#, KeySourceErrorKind::Unreadable),
            (r#"{"jwks_uri":"https://a.example"}"#, KeySourceErrorKind::Unreadable),
            (
                r#"{"issuer":"https://a.example","issuer":"https://a.example","jwks_uri":"https://a.example/"}"#,
                KeySourceErrorKind::Unreadable,
            ),
            (r#"{"issuer":"https://a.example","jwks_uri":7}"#, KeySourceErrorKind::Unreadable),
            (
                r#"{"issuer":"https://a.example","jwks_uri":"http://a.example/"}"#,
                KeySourceErrorKind::BadUrl,
            ),
            (r#"{"issuer":"https://a.example","jwks_uri":"/keys"}"#, KeySourceErrorKind::BadUrl),
            (
                r#"{"issuer":"https://a.example","jwks_uri":"file:///etc/passwd"}"#,
                KeySourceErrorKind::BadUrl,
            ),
        ] {
            assert_eq!(kind(json), Err(expected), "{json}");
        }
        for url in ["https://me:secret@a.example/", "https://me:secret@a.example/#a"] {
            let json = json!({ "issuer": ISSUER, "jwks_uri": url }).to_string();
            let error = read(json.as_bytes(), ISSUER, true).unwrap_err();
            assert_eq!(error.kind(), KeySourceErrorKind::BadUrl);
            assert!(!error.with_causes().contains("secret"), "{error:?}");
        }
        let json = r#"{"issuer":"https://a.example","jwks_uri":"http://127.0.0.1:1/","other":[1]}"#;
        assert!(kind(json).is_ok());
        assert!(read(json.as_bytes(), ISSUER, false).is_err());
    }

    proptest! {
        #[test]
        fn a_document_is_accepted_only_with_its_issuer_and_https(
            issuer in "https://[a-c]{1,2}/?",
            stated in "https://[a-c]{1,2}/?",
            keys in "(https?|ftp)://[a-z.@#]{1,8}/[ -~]{0,8}",
        ) {
            let json = json!({ "issuer": stated, "jwks_uri": keys }).to_string();
            if let Ok(url) = read(json.as_bytes(), &issuer, false) {
                prop_assert_eq!(issuer, stated);
                prop_assert!(keys.starts_with("https://") && !url.is_http());
            }
        }
    }
}
