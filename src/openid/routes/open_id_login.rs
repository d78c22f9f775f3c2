//! The configuration of logins at providers.

use std::fmt::{self, Debug};
use std::sync::Arc;

use axum::response::Response;

use crate::bearer::CookieName;
use crate::issuer::{ExternalLogin, Session};
use crate::jwt::{OneOrMany, Secret};
use crate::misuse;
use crate::openid::provider::login_provider::LoginProvider;
use crate::openid::provider::tokens::ProviderTokens;
use crate::openid::routes::failure::{LoginFailure, LoginFailureKind};
use crate::openid::seal::Sealer;

/// The maximum length of a provider's tokens in encrypted form. They must fit into the row of a new
/// session, which has room for 9 KiB.
const MAX_SEALED_BYTES: usize = 6_144;

pub(crate) type ErrorPage = dyn Fn(&LoginFailure) -> Response + Send + Sync;

/// The configuration of the routes with which users log in at other providers.
/// [`AuthRoutes::openid_login`](crate::issuer::AuthRoutes::openid_login) adds these routes.
///
/// The secret encrypts two things: the cookie of a browser that has begun to log in, and the
/// provider's tokens, if sessions [keep](Self::keep_tokens) them. All servers with these routes
/// need the same secret. You can use the master secret of the token issuer, since HKDF derives the
/// keys, with a different label for each purpose.
///
/// A clone is cheap. Keep a clone if you need to [read](Self::provider_tokens) the tokens of
/// sessions.
///
/// ```
/// use tower_jwt_auth::Secret;
/// use tower_jwt_auth::openid::{LoginProvider, OpenIdLogin};
///
/// let secret = Secret::generate()?; // in production: Secret::from_env("LOGIN_SECRET")?
/// let company = LoginProvider::openid("company", "https://login.shop.example/realms/shop", "shop")
///     .client_secret("the secret that the provider shows");
/// let login = OpenIdLogin::new(secret).add_provider(company);
/// # let _ = login;
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct OpenIdLogin {
    pub(crate) attempts: Sealer,
    tokens: Sealer,
    pub(crate) providers: Vec<LoginProvider>,
    pub(crate) kept: Option<Vec<String>>,
    pub(crate) cookie: String,
    pub(crate) error_page: Option<Arc<ErrorPage>>,
}

impl OpenIdLogin {
    /// Creates the configuration without a provider: [`add_provider`](Self::add_provider) adds one.
    pub fn new(secret: Secret) -> Self {
        Self {
            attempts: Sealer::new(&secret, "attempts"),
            tokens: Sealer::new(&secret, "tokens"),
            providers: Vec::new(),
            kept: None,
            cookie: "__Host-login".to_owned(),
            error_page: None,
        }
    }

    /// Also accepts cookies and tokens that were sealed with an earlier secret. New ones are sealed
    /// with the secret that was passed to [`new`](Self::new). Call this method once for each
    /// earlier secret.
    ///
    /// To rotate the secret, first pass the new secret to this method on all servers. Then swap the
    /// two secrets: pass the new one to `new`, and the old one to this method. If no tokens are
    /// stored, remove the old secret after ten minutes, since no login takes longer. If tokens are
    /// stored, remove it when the last session from before the swap has ended.
    pub fn add_previous_secret(mut self, secret: Secret) -> Self {
        self.attempts.add_previous(&secret);
        self.tokens.add_previous(&secret);
        self
    }

    /// Adds a provider. The name of the provider is the part of the path after `/login/`.
    ///
    /// # Panics
    ///
    /// Panics if another provider has the same name, or if a user of one provider could be mistaken
    /// for a user of the other. This is possible if both providers have the same
    /// [issuer](crate::openid::Identity::issuer), and one of the following is true:
    ///
    /// - Only one of these two providers is an OpenID provider.
    /// - Both providers are plain OAuth 2.0 providers, with different endpoints or clients.
    #[track_caller]
    pub fn add_provider(mut self, provider: LoginProvider) -> Self {
        if self.providers.iter().any(|other| other.name() == provider.name()) {
            misuse::refuse(format_args!(
                "OpenIdLogin::add_provider: there is a provider {:?} already, and the name is part \
                 of its URLs: give the second one another name",
                provider.name()
            ));
        }
        if let Some(issuer) = self.providers.iter().find_map(|other| provider.shared_issuer(other))
        {
            misuse::refuse(format_args!(
                "OpenIdLogin::add_provider: the provider {:?} and another one have one issuer, \
                 {issuer:?}, but each has subjects of its own, so a user of one could log in as a \
                 user of the other: use one of them only",
                provider.name()
            ));
        }
        self.providers.push(provider);
        self
    }

    /// Encrypts the tokens that the given providers issue, and stores them with the sessions. By
    /// default, the tokens are dropped after the login, and the application knows only who the user
    /// is.
    ///
    /// Store the tokens only if the application will call the provider on behalf of the user.
    /// [`provider_tokens`](Self::provider_tokens) returns them. The tokens are not renewed. A login
    /// is rejected with [`TokensTooLarge`](LoginFailureKind::TokensTooLarge) if its tokens have
    /// more than 6 KiB after encryption. The log then states their size and the limit.
    ///
    /// # Panics
    ///
    /// Panics if this method is called twice. If `providers` contains a name that no provider has,
    /// `AuthRoutes::openid_login` panics.
    #[track_caller]
    pub fn keep_tokens(mut self, providers: impl OneOrMany) -> Self {
        if self.kept.is_some() {
            misuse::refuse(
                "OpenIdLogin::keep_tokens is called a second time: name all providers in one call, \
                 as in keep_tokens([\"google\", \"company\"])",
            );
        }
        self.kept = Some(providers.into_strings());
        self
    }

    /// Renames the cookie that a browser keeps while a login is in progress. `__Host-login` by
    /// default.
    ///
    /// # Panics
    ///
    /// Panics if `name` is not a cookie name, or does not begin with `__Host-`. Without this
    /// prefix, a sibling domain could set the cookie and log the visitor in as somebody else.
    #[track_caller]
    pub fn login_cookie(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        CookieName::new(&name);
        if !name.starts_with("__Host-") {
            misuse::refuse(format_args!(
                "OpenIdLogin::login_cookie({name:?}): begin the name with \"__Host-\", or others \
                 can set this cookie"
            ));
        }
        self.cookie = name;
        self
    }

    /// Replaces the page that a user sees after a failed login. By default it is a small page in
    /// English, without styles and scripts.
    ///
    /// The status of your response is not changed, so set it to [`LoginFailure::status`]. The
    /// routes add `Cache-Control: no-store` and `Retry-After`. They also add
    /// `Referrer-Policy: no-referrer` and `X-Content-Type-Options: nosniff`, unless your response
    /// already has these headers. If the function panics, the user sees the built-in page.
    ///
    /// ```
    /// use axum::response::{IntoResponse, Redirect, Response};
    /// use tower_jwt_auth::openid::{LoginFailure, LoginFailureKind, OpenIdLogin};
    ///
    /// fn error_page(failure: &LoginFailure) -> Response {
    ///     match failure.kind() {
    ///         // The page of the login shows a sentence for this code, in the user's language.
    ///         LoginFailureKind::Denied => Redirect::to("/login?error=denied").into_response(),
    ///         _ => (failure.status(), failure.sentence().to_owned()).into_response(),
    ///     }
    /// }
    ///
    /// let secret = tower_jwt_auth::Secret::generate()?;
    /// let login = OpenIdLogin::new(secret).with_error_page(error_page);
    /// # let _ = login;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    ///
    /// # Security
    ///
    /// Escape [`LoginFailure::sentence`] in HTML, and do not show [`LoginFailure::reason`]. The URL
    /// of the page contains the provider's code, so the page must not load anything from other
    /// sites.
    pub fn with_error_page(
        mut self,
        page: impl Fn(&LoginFailure) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.error_page = Some(Arc::new(page));
        self
    }

    /// Returns the provider's tokens that are stored with a session. Returns `None` if no tokens
    /// are stored, or if they were sealed with a secret that this configuration does not have.
    ///
    /// # Security
    ///
    /// Never send the provider's tokens to a browser. Before you call the provider with these
    /// tokens, check with [`ExternalLogin::has_scope`] that the user granted the scope.
    pub fn provider_tokens(&self, session: &Session) -> Option<ProviderTokens> {
        let login = session.external_login()?;
        let opened = self.tokens.open(login.sealed_tokens()?, &context(login))?;
        serde_json::from_slice(&opened).ok()
    }

    /// Adds the provider's tokens to an external login, if the application keeps the tokens of that
    /// provider.
    pub(crate) fn keep(
        &self,
        login: ExternalLogin,
        tokens: &ProviderTokens,
    ) -> Result<ExternalLogin, LoginFailure> {
        let is_kept = |name: &String| name == login.provider();
        if !self.kept.iter().flatten().any(is_kept) {
            return Ok(login);
        }
        let json = serde_json::to_vec(tokens).map(zeroize::Zeroizing::new).map_err(|_| {
            LoginFailureKind::ServerError.because("the provider's tokens cannot be written as JSON")
        })?;
        let sealed = self.tokens.seal(&json, &context(&login))?;
        if sealed.len() > MAX_SEALED_BYTES {
            return Err(LoginFailureKind::TokensTooLarge.because(format!(
                "the tokens of the provider {:?} have {} bytes when they are sealed, and a session \
                 keeps at most {MAX_SEALED_BYTES}: ask for fewer scopes, make the provider put less \
                 into its tokens, or do not name the provider in `OpenIdLogin::keep_tokens`",
                login.provider(),
                sealed.len()
            )));
        }
        Ok(login.with_sealed_tokens(sealed))
    }
}

/// Returns the context that binds sealed tokens to the account. Tokens that are copied into another
/// user's row cannot be opened.
fn context(login: &ExternalLogin) -> [&str; 3] {
    [login.provider(), login.issuer(), login.subject()]
}

impl Debug for OpenIdLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenIdLogin")
            .field("providers", &self.providers)
            .field("kept", &self.kept)
            .field("cookie", &self.cookie)
            .finish_non_exhaustive()
    }
}
