use axum::body::Body;
use axum::http::{HeaderValue, Request, Uri, header::AUTHORIZATION};
use axum::{Router, middleware::map_request, routing::get};
use tower_jwt_auth::JwtAuth;

/// Moves each `access_token` parameter from the query of the URI into an `Authorization` header.
async fn move_token(mut request: Request<Body>) -> Request<Body> {
    let Some(query) = request.uri().query() else { return request };
    let is_token = |pair: &&str| pair.starts_with("access_token=");
    let (tokens, kept): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_token);
    let tokens: Vec<String> =
        tokens.into_iter().map(|pair| pair.replacen("access_token=", "Bearer ", 1)).collect();
    let path = request.uri().path();
    let target = if kept.is_empty() { path.into() } else { format!("{path}?{}", kept.join("&")) };

    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = target.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    for token in tokens {
        if let Ok(mut value) = HeaderValue::try_from(token) {
            value.set_sensitive(true);
            // `append` keeps an existing header, which `insert` would replace. The layer can then
            // compare the two credentials, and refuses the request if they differ.
            request.headers_mut().append(AUTHORIZATION, value);
        }
    }
    request
}

fn app(auth: JwtAuth) -> Router {
    Router::new()
        .route("/events", get(|uri: Uri| async move { uri.to_string() }))
        .layer(auth)
        // In axum, the layer that is added last runs first.
        .layer(map_request(move_token))
}
