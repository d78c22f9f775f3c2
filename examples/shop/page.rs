//! The page: three files, and a policy that limits what they may do.

use std::error::Error;
use std::fmt::Write;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};

use crate::openid::Button;
use crate::origins::Origins;

/// Returns the routes of the page. The page has a login button for each provider.
pub(crate) fn routes(
    origins: &Origins,
    providers: &[Button],
) -> Result<Router, Box<dyn Error + Send + Sync>> {
    let Origins { cart, payment, .. } = origins;
    let page = include_str!("page/index.html")
        .replace("{cart}", cart)
        .replace("{payment}", payment)
        .replace("{log_in_elsewhere}\n", &log_in_elsewhere(providers))
        .replace("{account_elsewhere}\n", &account_elsewhere(providers));
    // A form on this page leads to a redirect to a provider. Browsers apply `form-action` to such
    // redirects too, so the policy also contains the origins of the providers.
    let mut forms = String::new();
    for origin in providers.iter().flat_map(|provider| &provider.origins) {
        write!(forms, " {origin}")?;
    }
    // An injected script could not read the tokens, but could send requests with them. This content
    // security policy prevents the browser from running such a script.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
         connect-src 'self' {cart} {payment}; form-action 'self'{forms}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let policy = HeaderValue::try_from(policy)?;
    Ok(Router::new()
        .route("/", file("text/html; charset=utf-8", page, policy.clone()))
        .route("/page.js", file("text/javascript", include_str!("page/page.js"), policy.clone()))
        .route("/page.css", file("text/css", include_str!("page/page.css"), policy)))
}

/// Returns the buttons for a visitor who is not logged in. They are plain forms, without a script.
fn log_in_elsewhere(providers: &[Button]) -> String {
    let Some(buttons) = forms(providers, "Log in with", "") else { return String::new() };
    format!("<section id=\"elsewhere\" hidden>\n{buttons}</section>\n")
}

/// Returns the part of the page that shows the user's profile and permissions.
fn account_elsewhere(providers: &[Button]) -> String {
    let link = "<input type=\"hidden\" name=\"link\" value=\"true\">";
    let Some(buttons) = forms(providers, "Link your account at", link) else {
        return String::new();
    };
    include_str!("page/account.html").replace("{buttons}\n", &buttons)
}

/// Returns a form for each provider, or `None` without providers. The titles come from this program
/// or from its environment, and contain no HTML.
fn forms(providers: &[Button], words: &str, fields: &str) -> Option<String> {
    let form = |Button { name, title, .. }: &Button| {
        format!(
            "  <form class=\"elsewhere\" method=\"post\" action=\"/auth/login/{name}\" \
             data-provider=\"{name}\">{fields}<button>{words} {title}</button></form>\n"
        )
    };
    (!providers.is_empty()).then(|| providers.iter().map(form).collect())
}

fn file(kind: &'static str, text: impl Into<String>, policy: HeaderValue) -> MethodRouter {
    let text = text.into();
    let kind = HeaderValue::from_static(kind);
    let no_sniffing = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    get(async move || {
        ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, policy), no_sniffing], text)
            .into_response()
    })
}
