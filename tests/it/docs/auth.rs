use std::error::Error;

use axum::Router;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use tower_jwt_auth::Secret;
use tower_jwt_auth::issuer::{
    Accounts, AccountsError, AuthRoutes, Grant, MemoryStore, Session, Sessions, TokenIssuer,
};

struct Users;

/// The body of a login.
#[derive(Deserialize)]
struct Password {
    user: String,
    password: String,
}

/// The claims that the cart needs besides `sub`.
#[derive(Serialize)]
struct Employee {
    company: &'static str,
}

/// Returns the rights of a user, or `None` if nobody has this name.
fn grant(user: &str) -> Option<Grant<Employee>> {
    let roles: &[&str] = match user {
        "alice" => &["admin"],
        "bob" => &[],
        _ => return None,
    };
    let employee = Employee { company: "acme" };
    Some(Grant::new(user).roles(roles.iter().copied()).claims(employee))
}

impl Accounts for Users {
    type Credentials = Password;
    type Claims = Employee;

    async fn log_in(
        &self,
        login: Password,
        _: &Parts,
    ) -> Result<Option<Grant<Employee>>, AccountsError> {
        let is_right = login.password == "wonderland";
        Ok(if is_right { grant(&login.user) } else { None })
    }

    async fn renew(
        &self,
        session: &Session,
        _: &Parts,
    ) -> Result<Option<Grant<Employee>>, AccountsError> {
        Ok(grant(session.subject()))
    }
}

fn app(secret: Secret) -> Router {
    let issuer = TokenIssuer::new("https://auth.shop.example").audience("cart", secret);
    let sessions = Sessions::new(MemoryStore::new());
    let routes = AuthRoutes::new(Users, issuer, sessions);
    Router::new().nest("/auth", routes.into_router())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::from_env("JWT_SECRET")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
    Ok(axum::serve(listener, app(secret)).await?)
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::http::header::CONTENT_TYPE;
    use serde_json::{Value, json};
    use tower::ServiceExt;
    use tower_jwt_auth::JwtAuth;

    use super::*;

    /// Sends a request. Returns the status and the JSON body of the response.
    async fn post(app: &Router, path: &str, body: Value) -> (u16, Value) {
        let request = Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 65536).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn the_cart_accepts_the_token_of_a_login() {
        let secret = Secret::generate().unwrap();
        let login = json!({ "user": "alice", "password": "wonderland" });
        let (status, tokens) = post(&app(secret.clone()), "/auth/login", login).await;
        assert_eq!(status, 200);

        let cart = JwtAuth::new(secret).issuer("https://auth.shop.example").audience("cart");
        let claims = cart.verify(tokens["access_token"].as_str().unwrap()).unwrap();
        assert_eq!(claims.token().subject(), Some("alice"));
        assert!(claims.token().roles().any(|role| role == "admin"));
    }

    #[tokio::test]
    async fn a_wrong_password_gets_no_token() {
        let app = app(Secret::generate().unwrap());
        let login = json!({ "user": "alice", "password": "looking-glass" });
        let (status, answer) = post(&app, "/auth/login", login).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));
    }

    #[tokio::test]
    async fn a_session_is_refreshed_until_the_logout() {
        let app = app(Secret::generate().unwrap());
        let login = json!({ "user": "bob", "password": "wonderland" });
        let (_, first) = post(&app, "/auth/login", login).await;

        let token = json!({ "refresh_token": first["refresh_token"] });
        let (status, second) = post(&app, "/auth/refresh", token).await;
        assert_eq!(status, 200);
        assert_ne!(second["refresh_token"], first["refresh_token"]);

        let token = json!({ "refresh_token": second["refresh_token"] });
        assert_eq!(post(&app, "/auth/logout", token.clone()).await.0, 204);
        let (status, answer) = post(&app, "/auth/refresh", token).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));
    }
}
