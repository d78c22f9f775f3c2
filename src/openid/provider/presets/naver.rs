//! Naver.

use serde::Deserialize;

use crate::openid::provider::endpoints::OAuthEndpoints;
use crate::openid::provider::login_provider::LoginProvider;

/// The user info of Naver.
#[derive(Deserialize)]
struct Profile {
    resultcode: String,
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Response {
    id: String,
}

impl LoginProvider {
    /// Creates the provider `naver`, with Naver's plain OAuth 2.0 endpoints. The client needs a
    /// [secret](Self::client_secret).
    ///
    /// ```
    /// use tower_jwt_auth::openid::LoginProvider;
    ///
    /// let naver = LoginProvider::naver("the client id").client_secret("the client secret");
    /// # let _ = naver;
    /// ```
    ///
    /// - These endpoints issue no ID tokens. The user is identified by the user info at
    ///   `https://openapi.naver.com/v1/nid/me`, which is fetched with the access token.
    /// - The subject is `response.id`, which is unique for this application. In another
    ///   application, the same user has a different identifier.
    /// - No email address counts as verified: Naver returns the contact address that the user
    ///   entered, and does not say whether the address was verified.
    /// - Naver documents no scopes for these endpoints, so a login has no granted scopes. In the
    ///   application's settings at Naver, you choose the data that the application may read. Users
    ///   may decline optional data.
    /// - As Naver requires, the body of the token request contains the client secret and the
    ///   `state` of the login. Naver writes `expires_in` as a string, and reports errors with the
    ///   status 200.
    ///
    /// Naver also publishes a discovery document for OpenID Connect, which names other endpoints.
    /// [`openid`](Self::openid) with the issuer `https://nid.naver.com` may therefore work. This
    /// has not been tested.
    ///
    /// Sources, read on 2026-11-27: the [login API][api] and the [profile API][profile].
    ///
    /// # Panics
    ///
    /// Panics if `client_id` is empty.
    ///
    /// # Security
    ///
    /// Naver does not document PKCE for these endpoints. The login sends the parameters of PKCE,
    /// but Naver may ignore them. Since there is no ID token, there is no `nonce` either. A thief
    /// who has an unused code could therefore use it in their own login, and would be logged in as
    /// the user to whom the code belongs. Keep the query of the callback out of logs. The user info
    /// also gives no proof that the user has just entered their password.
    ///
    /// [api]: https://developers.naver.com/docs/login/api/api.md
    /// [profile]: https://developers.naver.com/docs/login/profile/profile.md
    #[track_caller]
    pub fn naver(client_id: impl Into<String>) -> Self {
        let endpoints = OAuthEndpoints::new(
            "https://nid.naver.com/oauth2.0/authorize",
            "https://nid.naver.com/oauth2.0/token",
            "https://openapi.naver.com/v1/nid/me",
        );
        Self::oauth("naver", endpoints, client_id, subject)
            .client_secret_post()
            .with_state_in_exchange()
    }
}

/// Returns the subject, if the profile has the result code `00`. Any other result code reports an
/// error.
fn subject(profile: Profile) -> Option<String> {
    profile.response.filter(|_| profile.resultcode == "00").map(|response| response.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_successful_profile_has_a_subject() {
        // This is the example on Naver's page about the profile.
        let profile = json!({
            "resultcode": "00", "message": "success",
            "response": {
                "email": "openapi@naver.com", "nickname": "OpenAPI", "id": "32742776",
                "name": "오픈 API", "gender": "F",
            },
        });
        let read = |profile: serde_json::Value| subject(serde_json::from_value(profile).unwrap());
        assert_eq!(read(profile).as_deref(), Some("32742776"));
        let failure = json!({ "resultcode": "024", "message": "Authentication failed" });
        assert_eq!(read(failure), None);
        let failure = json!({ "resultcode": "024", "response": { "id": "32742776" } });
        assert_eq!(read(failure), None);
    }
}
