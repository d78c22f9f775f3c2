//! Roles: as guards in front of routes, as a handler's argument, and as an enum. If roles are an
//! enum, a misspelled role does not compile.
//!
//! `cargo run --example roles` prints curl commands for an admin and for a member of the support
//! team, each with the expected status.

#![allow(clippy::print_stdout)]

use std::error::Error;

use axum::Router;
use axum::routing::{get, post};
use serde_json::json;
use tower_jwt_auth::guard::Guard;
use tower_jwt_auth::jwt::{SignError, Signer};
use tower_jwt_auth::{
    Allowed, Clock, JwtAuth, Key, Policy, Secret, SystemClock, Token, has_any_role, has_role,
    require,
};

enum Role {
    Admin,
    Support,
}

impl AsRef<str> for Role {
    fn as_ref(&self) -> &str {
        match self {
            Self::Admin => "admin",
            Self::Support => "support",
        }
    }
}

/// A guard with a name. A handler with the argument `Allowed<Refunds>` runs only if this guard
/// admits the request.
struct Refunds;

impl Policy for Refunds {
    fn guard() -> impl Guard {
        has_role(Role::Admin)
    }
}

async fn tickets(token: Token) -> String {
    format!("the tickets for {}\n", token.roles().collect::<Vec<_>>().join(" and "))
}

async fn refund(_: Allowed<Refunds>) -> &'static str {
    "refunded\n"
}

fn sign(signer: &Signer, role: Role) -> Result<String, SignError> {
    let exp = SystemClock.now().as_secs().saturating_add(600);
    signer.sign(&json!({ "sub": "alice", "roles": [role.as_ref()], "exp": exp }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::generate()?;
    let signer = Signer::new(Key::hs256(secret.clone()));
    let (admin, support) = (sign(&signer, Role::Admin)?, sign(&signer, Role::Support)?);

    let app = Router::new()
        .route("/tickets", get(tickets))
        // This guard applies to the routes above, and not to the routes below.
        .route_layer(require(has_any_role([Role::Admin, Role::Support])))
        .route("/refunds", post(refund))
        .layer(JwtAuth::new(secret));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    for (role, token, refund) in [("admin", admin, 200), ("support", support, 403)] {
        println!("# {role}: 200, then {refund}");
        println!("curl -i http://127.0.0.1:3000/tickets -H 'Authorization: Bearer {token}'");
        println!(
            "curl -i -X POST http://127.0.0.1:3000/refunds -H 'Authorization: Bearer {token}'"
        );
    }
    Ok(axum::serve(listener, app).await?)
}
