//! The authorization request: the URL to which the browser is sent.

use form_urlencoded::Serializer;

/// The part of an authorization request that differs for each login.
#[derive(Clone, Copy)]
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) redirect_uri: &'a str,
    pub(crate) state: &'a str,
    pub(crate) nonce: &'a str,
    /// The SHA-256 hash of the code verifier, in base64url (RFC 7636 section 4.2).
    pub(crate) code_challenge: &'a str,
    /// True if the user must enter the password at the provider again.
    pub(crate) needs_fresh_login: bool,
}

/// The parameters that the application must not add to an authorization request. If the application
/// added one of them, a check would fail or the login would not work.
const RESERVED: [&str; 16] = [
    "client_id",
    "client_secret",
    "code_challenge",
    "code_challenge_method",
    "id_token_hint",
    "max_age",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "dpop_jkt",
    "registration",
];

/// Returns true if applications must not set this parameter.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// The parameters of an authorization request that are the same for all logins at a provider.
#[derive(Clone, Debug)]
pub(super) struct AuthorizationSettings {
    pub(super) client_id: String,
    /// The requested scopes.
    pub(super) scopes: Vec<String>,
    /// True if the login uses OpenID Connect. The request then has a nonce.
    pub(super) is_openid: bool,
    /// The parameters that the application added, in the order in which they were added.
    pub(super) parameters: Vec<(String, String)>,
}

impl AuthorizationSettings {
    /// Returns the URL of a login. If `endpoint` has a query, the URL contains it as well (RFC 6749
    /// section 3.1).
    pub(super) fn url(&self, endpoint: &str, request: &AuthorizationRequest<'_>) -> String {
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", request.redirect_uri);
        if !self.scopes.is_empty() {
            query.append_pair("scope", &self.scopes.join(" "));
        }
        query.append_pair("state", request.state);
        if self.is_openid {
            query.append_pair("nonce", request.nonce);
        }
        query
            .append_pair("code_challenge", request.code_challenge)
            .append_pair("code_challenge_method", "S256");
        let prompt = self.parameters.iter().find(|(name, _)| name == "prompt");
        if request.needs_fresh_login {
            query.append_pair("max_age", "0");
            query.append_pair("prompt", &with_login(prompt.map_or("", |(_, value)| value)));
        }
        for (name, value) in &self.parameters {
            if !(request.needs_fresh_login && name == "prompt") {
                query.append_pair(name, value);
            }
        }
        let separator = match endpoint.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{endpoint}{separator}{}", query.finish())
    }
}

/// Adds `login` to the values of `prompt`.
fn with_login(prompt: &str) -> String {
    let others = prompt.split(' ').filter(|value| !value.is_empty() && *value != "login");
    std::iter::once("login").chain(others).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: AuthorizationRequest<'static> = AuthorizationRequest {
        redirect_uri: "https://shop.example/login/a/callback?x=1&y",
        state: "st&te",
        nonce: "n=nce",
        code_challenge: "ch",
        needs_fresh_login: false,
    };

    fn settings() -> AuthorizationSettings {
        AuthorizationSettings {
            client_id: "shop web".into(),
            scopes: vec!["openid".into(), "email".into()],
            is_openid: true,
            parameters: Vec::new(),
        }
    }

    fn query(url: &str) -> Vec<(String, String)> {
        let (_, query) = url.split_once('?').unwrap();
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    fn value(url: &str, name: &str) -> Option<String> {
        let found: Vec<_> = query(url).into_iter().filter(|(other, _)| other == name).collect();
        assert!(found.len() < 2, "{url}");
        found.into_iter().next().map(|(_, value)| value)
    }

    #[test]
    fn the_url_has_every_parameter_once_and_encoded() {
        let url = settings().url("https://a.example/auth", &REQUEST);
        assert!(url.starts_with("https://a.example/auth?response_type=code&"), "{url}");
        let expected = [
            ("response_type", "code"),
            ("client_id", "shop web"),
            ("redirect_uri", REQUEST.redirect_uri),
            ("scope", "openid email"),
            ("state", "st&te"),
            ("nonce", "n=nce"),
            ("code_challenge", "ch"),
            ("code_challenge_method", "S256"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(query(&url), expected);
        assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
    }

    #[test]
    fn a_query_of_the_endpoint_is_kept() {
        for (endpoint, start) in [
            ("https://a.example/auth?p=policy", "https://a.example/auth?p=policy&response_type="),
            ("https://a.example/auth?", "https://a.example/auth?response_type="),
            ("https://a.example/auth?p=x&", "https://a.example/auth?p=x&response_type="),
        ] {
            let url = settings().url(endpoint, &REQUEST);
            assert!(url.starts_with(start), "{url}");
        }
    }

    #[test]
    fn a_plain_oauth_login_has_no_nonce_and_no_empty_scope() {
        let settings = AuthorizationSettings { is_openid: false, scopes: Vec::new(), ..settings() };
        let url = settings.url("https://a.example/auth", &REQUEST);
        assert_eq!((value(&url, "nonce"), value(&url, "scope")), (None, None));
        assert_eq!(value(&url, "code_challenge").as_deref(), Some("ch"));
    }

    #[test]
    fn a_fresh_login_asks_for_the_password_again() {
        let fresh = AuthorizationRequest { needs_fresh_login: true, ..REQUEST };
        for (prompt, usual, again) in [
            (None, None, "login"),
            (Some("consent"), Some("consent"), "login consent"),
            (Some("login"), Some("login"), "login"),
            (Some("select_account login"), Some("select_account login"), "login select_account"),
        ] {
            let prompts = prompt.map(|prompt: &str| ("prompt".to_owned(), prompt.to_owned()));
            let hint = ("login_hint".to_owned(), "a@b.example".to_owned());
            let parameters = prompts.into_iter().chain([hint]).collect();
            let settings = AuthorizationSettings { parameters, ..settings() };
            let url = settings.url("https://a.example/auth", &REQUEST);
            assert_eq!(value(&url, "prompt").as_deref(), usual);
            assert_eq!(value(&url, "max_age"), None);
            let url = settings.url("https://a.example/auth", &fresh);
            assert_eq!(value(&url, "prompt").as_deref(), Some(again));
            assert_eq!(value(&url, "max_age").as_deref(), Some("0"));
            assert_eq!(value(&url, "login_hint").as_deref(), Some("a@b.example"));
        }
    }
}
