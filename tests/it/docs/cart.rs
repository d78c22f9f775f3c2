use std::error::Error;

use axum::{Router, routing::get};
use serde::Deserialize;
use tower_jwt_auth::{Claims, JwtAuth, Secret, has_role, require};

/// The claims that this service reads from a token.
#[derive(Deserialize)]
struct Shopper {
    sub: String,
    company: String,
}

async fn cart(claims: Claims<Shopper>) -> String {
    format!("the cart of {} at {}\n", claims.sub, claims.company)
}

async fn users() -> &'static str {
    "alice, bob\n"
}

async fn health() -> &'static str {
    "ok\n"
}

fn app(secret: Secret) -> Router {
    let auth = JwtAuth::new(secret)
        .issuer("https://auth.shop.example")
        .audience("cart")
        .claims::<Shopper>();

    Router::new()
        .route("/cart", get(cart))
        .route("/users", get(users).route_layer(require(has_role("admin"))))
        .layer(auth)
        .route("/health", get(health))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::from_env("JWT_SECRET")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(secret)).await?)
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use serde::Serialize;
    use tower::ServiceExt;
    use tower_jwt_auth::issuer::Grant;
    use tower_jwt_auth::testing::{TestIssuer, with_bearer};

    use super::*;

    #[derive(Serialize)]
    struct Employee {
        company: &'static str,
    }

    fn issuer() -> TestIssuer {
        TestIssuer::new("https://auth.shop.example", "cart")
    }

    fn alice() -> Grant<Employee> {
        Grant::new("alice").claims(Employee { company: "acme" })
    }

    fn get(path: &str) -> Request<Body> {
        Request::get(path).body(Body::empty()).unwrap()
    }

    async fn send(app: Router, request: Request<Body>) -> (u16, String) {
        let response = app.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 4096).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_shopper_sees_her_own_cart() {
        let issuer = issuer();
        let request = with_bearer(get("/cart"), issuer.token(&alice()));
        let answer = send(app(issuer.secret()), request).await;
        assert_eq!(answer, (200, "the cart of alice at acme\n".to_owned()));
    }

    #[tokio::test]
    async fn only_an_admin_sees_the_users() {
        let issuer = issuer();
        let app = app(issuer.secret());
        let request = with_bearer(get("/users"), issuer.token(&alice()));
        assert_eq!(send(app.clone(), request).await.0, 403);
        let request = with_bearer(get("/users"), issuer.token(&alice().roles(["admin"])));
        assert_eq!(send(app, request).await.0, 200);
    }

    #[tokio::test]
    async fn without_a_valid_token_only_the_health_check_answers() {
        let issuer = issuer();
        let app = app(issuer.secret());
        assert_eq!(send(app.clone(), get("/health")).await.0, 200);
        assert_eq!(send(app.clone(), get("/cart")).await.0, 401);
        for (fault, token) in issuer.bad_tokens(&alice()) {
            let request = with_bearer(get("/cart"), token);
            assert_eq!(send(app.clone(), request).await.0, 401, "{fault}");
        }
    }
}
