//! The users and their passkeys, in memory. A database would store each passkey as JSON.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use tower_jwt_auth::issuer::{Accounts, AccountsError, Grant, Session};
use webauthn_rs::prelude::{AuthenticationResult, CredentialID, Passkey, Uuid};

#[derive(Default)]
pub(crate) struct Users {
    by_id: Mutex<HashMap<Uuid, User>>,
}

#[derive(Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) passkeys: Vec<Passkey>,
}

/// The claims that this site writes into tokens.
#[derive(Serialize)]
pub(crate) struct Profile {
    name: String,
}

/// The claims that this site reads from tokens. The issuer adds the claim `auth_time` to each
/// token.
#[derive(Deserialize)]
pub(crate) struct LoggedIn {
    pub(crate) name: String,
    pub(crate) auth_time: i64,
}

impl Users {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, User>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, id: Uuid) -> Option<User> {
        self.lock().get(&id).cloned()
    }

    pub(crate) fn find_name(&self, name: &str) -> Option<(Uuid, User)> {
        let users = self.lock();
        users.iter().find(|(_, user)| user.name == name).map(|(id, user)| (*id, user.clone()))
    }

    /// Adds a passkey to a user. If `name` is given, first creates the user. Returns false if
    /// another user already has the name, or if any user already has the passkey.
    pub(crate) fn add(&self, id: Uuid, name: Option<String>, passkey: Passkey) -> bool {
        let mut users = self.lock();
        let mut all = users.values().flat_map(|user| &user.passkeys);
        if all.any(|other| other.cred_id() == passkey.cred_id()) {
            return false;
        }
        if let Some(name) = name {
            if users.values().any(|user| user.name == name) {
                return false;
            }
            users.insert(id, User { name, passkeys: Vec::new() });
        }
        let Some(user) = users.get_mut(&id) else { return false };
        user.passkeys.push(passkey);
        true
    }

    /// Stores the new value of the passkey's counter. A copy of the passkey has its own counter. If
    /// somebody logs in with the copy, a counter that is not higher than the stored value reveals
    /// the copy.
    pub(crate) fn used(&self, id: Uuid, result: &AuthenticationResult) {
        if let Some(user) = self.lock().get_mut(&id) {
            for passkey in &mut user.passkeys {
                passkey.update_credential(result);
            }
        }
    }

    /// Returns the grant of a user, or `None` if the user was deleted.
    pub(crate) fn grant(&self, id: Uuid) -> Option<Grant<Profile>> {
        let user = self.find(id)?;
        Some(Grant::new(id.to_string()).claims(Profile { name: user.name }))
    }
}

impl User {
    pub(crate) fn credentials(&self) -> Vec<CredentialID> {
        self.passkeys.iter().map(|passkey| passkey.cred_id().clone()).collect()
    }
}

/// This site has no passwords, so `/login` rejects every body.
#[derive(Deserialize)]
pub(crate) enum NoPassword {}

impl Accounts for Users {
    type Credentials = NoPassword;
    type Claims = Profile;

    async fn log_in(
        &self,
        never: NoPassword,
        _: &Parts,
    ) -> Result<Option<Grant<Profile>>, AccountsError> {
        match never {}
    }

    async fn renew(
        &self,
        session: &Session,
        _: &Parts,
    ) -> Result<Option<Grant<Profile>>, AccountsError> {
        Ok(session.subject().parse().ok().and_then(|id| self.grant(id)))
    }
}
