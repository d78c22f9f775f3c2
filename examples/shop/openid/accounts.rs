//! Finds the user who logs in with an account at another provider, such as Google.

use axum::http::request::Parts;
use serde::Deserialize;
use tower_jwt_auth::issuer::AccountsError;
use tower_jwt_auth::openid::{Identity, LoginDecision, OpenIdAccounts};

use super::identities::Elsewhere;
use crate::users::{Employee, Users};

/// The claims that the shop reads from the user's profile. Each provider writes the user's name
/// into one of these claims.
#[derive(Deserialize)]
struct Profile {
    name: Option<String>,
    nickname: Option<String>,
    preferred_username: Option<String>,
}

/// The maximum length of a stored name, in characters. Longer names are shortened.
const MAX_NAME: usize = 60;

impl OpenIdAccounts for Users {
    /// Logs in the user who has linked this account of an external provider. If no user has linked
    /// the account, creates a user. If a logged-in user asked to link the account, links it to that
    /// user instead.
    ///
    /// The email address in the profile is not used to find the user. The person who controls an
    /// address today is not always the user who signed up with it.
    async fn log_in_with(
        &self,
        identity: &Identity,
        _: &Parts,
    ) -> Result<LoginDecision<Employee>, AccountsError> {
        let name = identity
            .claims::<Profile>()
            .and_then(|of| of.name.or(of.nickname).or(of.preferred_username));
        let name: Option<String> = name.map(|name| name.chars().take(MAX_NAME).collect());
        let account = Elsewhere {
            issuer: identity.issuer(),
            subject: identity.subject(),
            provider: identity.provider(),
            name: name.as_deref(),
        };
        let user = match identity.link_to() {
            Some(session) => {
                let user = self.link(session.subject(), &account).await?;
                if user != session.subject() {
                    let sentence = "This account belongs to another user of the shop.";
                    return Ok(LoginDecision::refuse(sentence));
                }
                user
            }
            None => match self.user_with(&account).await? {
                Some(user) => user,
                None => self.sign_up(&account).await?,
            },
        };
        Ok(match self.find(&user).await? {
            Some(user) => user.grant().into(),
            None => LoginDecision::refuse("This user has left the shop."),
        })
    }
}
