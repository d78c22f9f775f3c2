//! Commands to paste into a shell. Each comment begins with the status of the response.

/// The common part of the commands. `-i` shows the status and the challenge, and `-w` ends the body
/// with a newline.
const CURL: &str = r"curl -si -w '\n'";
const JSON: &str = "-H 'Content-Type: application/json'";

pub(crate) fn lines(auth: &str, cart: &str, payment: &str) -> String {
    // Extract the token with `sed`, since `jq` is not installed everywhere.
    let login = |user: &str, password: &str, audience: &str| {
        let body =
            format!(r#"{{"user":"{user}","password":"{password}","audience":"{audience}"}}"#);
        let token = r#"sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'"#;
        format!("$(curl -s {auth}/login {JSON} -d '{body}' | {token})")
    };
    let bearer = |token: &str| format!(r#"-H "Authorization: Bearer {token}""#);
    let requests = [
        (
            "201, alice puts tea into her cart",
            format!(r#"{cart}/cart {} {JSON} -d '{{"item":"tea"}}'"#, bearer("$CART")),
        ),
        ("200, her cart, the token in a header", format!("{cart}/cart {}", bearer("$CART"))),
        (
            "200, her cart, the token in a cookie",
            format!(r#"{cart}/cart -b "__Host-cart_token=$CART""#),
        ),
        (
            "403, the cookie does not help a page of another site",
            format!(
                r#"{cart}/cart -b "__Host-cart_token=$CART" -H 'Origin: https://evil.example' {JSON} -d '{{"item":"tea"}}'"#
            ),
        ),
        (
            "200, alice is the admin of acme",
            format!("{cart}/companies/acme/users {}", bearer("$CART")),
        ),
        ("403, and not of globex", format!("{cart}/companies/globex/users {}", bearer("$CART"))),
        (
            "403, bob is not an admin",
            format!("{cart}/companies/acme/users {}", bearer("$BOB_CART")),
        ),
        (
            "200, alice pays",
            format!(r#"{payment}/payments {} {JSON} -d '{{"cents":1999}}'"#, bearer("$PAYMENT")),
        ),
        (
            "403, bob has no scope for it",
            format!(
                r#"{payment}/payments {} {JSON} -d '{{"cents":1999}}'"#,
                bearer("$BOB_PAYMENT")
            ),
        ),
        (
            "401, a token for the cart pays nothing",
            format!(r#"{payment}/payments {} {JSON} -d '{{"cents":1999}}'"#, bearer("$CART")),
        ),
        ("401, a token that was tampered with", format!("{cart}/cart {}", bearer("${CART}x"))),
        ("401, no token at all", format!("{cart}/cart")),
    ];

    let mut lines = vec![
        format!("# The auth server is {auth}, the cart {cart}, the payment server {payment}."),
        "# Paste these lines into another shell.".to_owned(),
        String::new(),
        "# Log in. A token is for one server, and the others reject it.".to_owned(),
        format!("CART={}", login("alice", "wonderland", "cart")),
        format!("PAYMENT={}", login("alice", "wonderland", "payment")),
        format!("BOB_CART={}", login("bob", "builder", "cart")),
        format!("BOB_PAYMENT={}", login("bob", "builder", "payment")),
    ];
    for (promise, request) in requests {
        lines.extend([String::new(), format!("# {promise}"), format!("{CURL} {request}")]);
    }
    lines.push(String::new());
    lines.join("\n")
}
