//! The providers that the environment configures.

use std::env;
use std::sync::Arc;

use axum::Router;
use tower_jwt_auth::Secret;
use tower_jwt_auth::issuer::{AuthRoutes, Cookies, Sessions, SqliteStore};
use tower_jwt_auth::openid::{LoginProvider, OpenIdLogin};

use super::routes::{self, Account};
use super::{Button, Failure};
use crate::secrets::ISSUER;
use crate::users::Users;

/// The configured providers.
pub(crate) struct Providers {
    all: Vec<Provider>,
    secret: Secret,
    /// The URL of the auth server's routes, as the browser sees it.
    url: String,
}

/// A provider, and the scopes that the shop requests from it.
pub(crate) struct Provider {
    login: LoginProvider,
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) scopes: &'static [&'static str],
    /// The scope that lets the shop send messages.
    pub(crate) for_messages: Option<&'static str>,
    origins: Vec<String>,
}

impl Providers {
    /// Reads the providers from the environment. `page` is the origin of the shop's page.
    pub(crate) fn from_env(page: &str, master: &Secret) -> Result<Self, Failure> {
        let all = [google()?, kakao()?, naver()?, keycloak()?, openid()?];
        let providers = Self {
            all: all.into_iter().flatten().collect(),
            secret: master.derive(ISSUER, "logins elsewhere"),
            url: format!("{page}/auth"),
        };
        for Provider { name, title, .. } in &providers.all {
            let url = &providers.url;
            eprintln!("redirect URI to enter at {title}: {url}/login/{name}/callback");
        }
        Ok(providers)
    }

    pub(crate) fn buttons(&self) -> Vec<Button> {
        let button = |provider: &Provider| Button {
            name: provider.name,
            title: provider.title.clone(),
            origins: provider.origins.clone(),
        };
        self.all.iter().map(button).collect()
    }

    /// Adds the providers' login routes to the routes of the page.
    pub(crate) async fn add_to(
        self,
        routes: AuthRoutes<Arc<Users>, SqliteStore>,
        users: &Arc<Users>,
        cookies: Cookies,
        sessions: Sessions<SqliteStore>,
    ) -> Result<Router, Failure> {
        if self.all.is_empty() {
            return Ok(routes.into_router());
        }
        users.add_identities().await?;
        let mut login = OpenIdLogin::new(self.secret);
        for provider in &self.all {
            login = login.add_provider(provider.login.clone());
        }
        let account = Account { users: Arc::clone(users), cookies, sessions, providers: self.all };
        let routes = routes.public_url(self.url).openid_login(login);
        Ok(routes.into_router().merge(routes::router(account)))
    }
}

/// Reads the client identifier and the client secret from the environment variables
/// `SHOP_<provider>_ID` and `SHOP_<provider>_SECRET`. Returns `None` if there is no identifier.
fn client(provider: &str) -> Result<Option<(String, String)>, Failure> {
    let variable = |name: &str| env::var(format!("SHOP_{provider}_{name}"));
    let Ok(id) = variable("ID") else { return Ok(None) };
    let secret = variable("SECRET")
        .map_err(|_| format!("SHOP_{provider}_ID is set, and SHOP_{provider}_SECRET is missing"))?;
    Ok(Some((id, secret)))
}

fn origins<const N: usize>(origins: [&str; N]) -> Vec<String> {
    origins.map(str::to_owned).into()
}

fn google() -> Result<Option<Provider>, Failure> {
    let Some((id, secret)) = client("GOOGLE")? else { return Ok(None) };
    let scopes = &["profile"];
    Ok(Some(Provider {
        login: LoginProvider::google(id).client_secret(secret).scopes(*scopes),
        name: "google",
        title: "Google".to_owned(),
        scopes,
        for_messages: None,
        origins: origins(["https://accounts.google.com"]),
    }))
}

fn kakao() -> Result<Option<Provider>, Failure> {
    let Some((id, secret)) = client("KAKAO")? else { return Ok(None) };
    let scopes = &["profile_nickname", "talk_message"];
    Ok(Some(Provider {
        login: LoginProvider::kakao(id).client_secret(secret).scopes(*scopes),
        name: "kakao",
        title: "Kakao".to_owned(),
        scopes,
        for_messages: Some("talk_message"),
        origins: origins(["https://kauth.kakao.com", "https://accounts.kakao.com"]),
    }))
}

fn naver() -> Result<Option<Provider>, Failure> {
    let Some((id, secret)) = client("NAVER")? else { return Ok(None) };
    Ok(Some(Provider {
        // Naver's plain OAuth 2.0 endpoints have no scopes: on the consent page, the user chooses
        // the data that Naver shares.
        login: LoginProvider::naver(id).client_secret(secret),
        name: "naver",
        title: "Naver".to_owned(),
        scopes: &[],
        for_messages: None,
        origins: origins(["https://nid.naver.com"]),
    }))
}

fn keycloak() -> Result<Option<Provider>, Failure> {
    let Ok(realm) = env::var("SHOP_KEYCLOAK_URL") else { return Ok(None) };
    let (id, secret) = client("KEYCLOAK")?.ok_or("SHOP_KEYCLOAK_ID is missing")?;
    let scopes = &["profile"];
    let login =
        LoginProvider::keycloak("keycloak", &realm, id).client_secret(secret).scopes(*scopes);
    Ok(Some(Provider {
        login: on_this_machine(login, &realm),
        name: "keycloak",
        title: "Keycloak".to_owned(),
        scopes,
        for_messages: None,
        origins: vec![origin(&realm)],
    }))
}

fn openid() -> Result<Option<Provider>, Failure> {
    let Ok(issuer) = env::var("SHOP_OPENID_URL") else { return Ok(None) };
    let (id, secret) = client("OPENID")?.ok_or("SHOP_OPENID_ID is missing")?;
    let title = env::var("SHOP_OPENID_NAME").unwrap_or_else(|_| "OpenID".to_owned());
    if !title.chars().all(|c| c.is_alphanumeric() || c == ' ') {
        return Err("SHOP_OPENID_NAME may have letters, digits and spaces only".into());
    }
    let scopes = &["profile", "messages:send"];
    let login = LoginProvider::openid("openid", &issuer, id)
        .client_secret(secret)
        // Without this parameter, some providers never ask again for a scope that the user has
        // refused.
        .add_parameter("prompt", "consent");
    Ok(Some(Provider {
        login: on_this_machine(login.scopes(*scopes).user_info(), &issuer),
        name: "openid",
        title,
        scopes,
        for_messages: Some("messages:send"),
        origins: vec![origin(&issuer)],
    }))
}

/// Allows `http` for a provider on this machine. `LoginProvider` rejects `http` for all other
/// hosts.
fn on_this_machine(login: LoginProvider, url: &str) -> LoginProvider {
    if url.starts_with("http://") { login.dangerous_allow_http() } else { login }
}

/// Returns the origin of a URL: everything before the third slash.
fn origin(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}
