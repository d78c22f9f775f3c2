//! Tests of the layer in `docs/how-to/query-token.md`.

use tower::ServiceExt;

use crate::kit;

include!("query_token/layer.rs");

/// Returns the URI that the handler sees, or the status of the refusal.
async fn answer(query: &str, header: Option<&str>) -> Result<String, u16> {
    let mut request = Request::get(format!("/events{query}")).body(Body::empty()).unwrap();
    if let Some(value) = header {
        request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
    }
    let response = app(kit::auth()).oneshot(request).await.unwrap();
    if response.status() != 200 {
        return Err(response.status().as_u16());
    }
    let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_token_in_the_query_is_moved_and_the_handler_never_sees_it() {
    let token = kit::with_header(r#"{"alg":"HS256"}"#);
    let other = kit::with_payload(r#"{"exp":1700000060}"#);
    let with = |query: &str| query.replace("TOKEN", &token);
    for (query, left) in [
        ("?access_token=TOKEN", "/events"),
        ("?since=1&access_token=TOKEN&x=2", "/events?since=1&x=2"),
        ("?access_token=TOKEN&access_token=TOKEN", "/events"),
    ] {
        assert_eq!(answer(&with(query), None).await, Ok(left.to_owned()), "{query}");
    }
    let bearer = |token: &str| format!("Bearer {token}");
    let query = with("?access_token=TOKEN");
    assert_eq!(answer(&query, Some(&bearer(&token))).await, Ok("/events".to_owned()));
    assert_eq!(answer(&query, Some(&bearer(&other))).await, Err(400), "two that differ");
    assert_eq!(answer(&format!("{query}&access_token={other}"), None).await, Err(400));
    for query in ["", "?access_token=", "?access_token=x", "?token=TOKEN", "?xaccess_token=TOKEN"] {
        assert!(answer(&with(query), None).await.is_err(), "{query}");
    }
}

#[test]
fn the_guide_shows_this_layer() {
    let guide = include_str!("../../../docs/how-to/query-token.md");
    assert!(guide.contains(&format!("```rust\n{}```", include_str!("query_token/layer.rs"))));
}
