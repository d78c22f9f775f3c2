//! A user of a provider.

use std::fmt::{self, Debug};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::issuer::{ExternalLogin, Session};

/// The data that the application gets about a user who has just logged in at a provider.
///
/// # Security
///
/// Find the account by [`issuer`](Self::issuer) **and** [`subject`](Self::subject). Only this pair
/// always identifies the same person. An email address can be given to somebody else later, and
/// some providers let users enter any address.
///
/// Compare the issuer and the subject byte for byte. In a column with a case-insensitive collation,
/// the subjects `alice` and `ALICE` are equal. Some databases also ignore accents, or spaces at the
/// end.
#[derive(Clone)]
pub struct Identity {
    pub(crate) account: ExternalLogin,
    pub(crate) claims: Map<String, Value>,
    pub(crate) verified_email: Option<String>,
    pub(crate) is_fresh: bool,
    pub(crate) link_to: Option<Session>,
}

impl Identity {
    /// Returns the name of the provider in the configuration, such as `google`.
    pub fn provider(&self) -> &str {
        self.account.provider()
    }

    /// Returns the provider's issuer. It stays the same if the provider is renamed in the
    /// configuration. For a plain OAuth 2.0 provider, the issuer is the origin of the provider's
    /// login page.
    pub fn issuer(&self) -> &str {
        self.account.issuer()
    }

    /// Returns the user's identifier at the provider. It is unique among the users of this
    /// [`issuer`](Self::issuer).
    pub fn subject(&self) -> &str {
        self.account.subject()
    }

    /// Reads the claims of the ID token and of the user info. Returns `None` if the claims do not
    /// fit `T`.
    ///
    /// # Security
    ///
    /// The ID token is verified, but some of its claims may be untrue: most providers let users
    /// choose their name, picture and email address themselves. Use
    /// [`verified_email`](Self::verified_email) for the address.
    pub fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.claims).ok()
    }

    /// Returns the user's email address if the provider says that it has verified the address, and
    /// if the configuration of the provider trusts that statement
    /// ([`LoginProvider::trust_verified_email`](crate::openid::LoginProvider::trust_verified_email)).
    /// Otherwise returns `None`.
    ///
    /// # Security
    ///
    /// Use the email address to reach the user, or to fill in a new account. Do not log a user in
    /// to an existing account because the email address is the same: a later owner of the address
    /// would get the account.
    pub fn verified_email(&self) -> Option<&str> {
        self.verified_email.as_deref()
    }

    /// Returns the scopes that the user granted at the provider. The user may grant fewer scopes
    /// than are configured.
    pub fn granted_scopes(&self) -> impl Iterator<Item = &str> {
        self.account.scopes()
    }

    /// Returns true if the user has just authenticated at the provider, for example with a
    /// password. The page requests this with the field `fresh`, and the ID token's `auth_time`
    /// confirms it. If this method returns false, the browser may have been logged in at the
    /// provider already.
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// Returns the session of the user to whom this account is to be linked, or `None` for a plain
    /// login.
    ///
    /// The session has not ended. It was the session of this browser when this login began, and was
    /// at most 5 minutes old at that time. Store the link, and then return a grant with the same
    /// [subject](Session::subject) as this session.
    pub fn link_to(&self) -> Option<&Session> {
        self.link_to.as_ref()
    }
}

impl Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The output omits the other fields, since they are personal data.
        f.debug_struct("Identity")
            .field("provider", &self.account.provider())
            .field("scopes", &self.account.scopes().collect::<Vec<_>>())
            .field("is_link", &self.link_to.is_some())
            .finish_non_exhaustive()
    }
}
