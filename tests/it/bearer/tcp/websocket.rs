//! Tests of WebSocket handshakes. The token is in a cookie or in a subprotocol, and some handshakes
//! use HTTP/2. Also tests that a socket closes when its token is no longer valid.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message as Sent, WebSocketUpgrade, close_code};
use axum::response::Response;
use axum::routing::any;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Method, Request};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tower_jwt_auth::revocation::Revocation;
use tower_jwt_auth::{Claims, JwtAuth, UnixTime};

use crate::kit;
use crate::kit::server::{self, in_time};
use crate::kit::shop::{self, Shopper};

/// Sends a greeting: the token's subject and source, the subprotocols that the handler saw, and
/// `true` if the header that contains the subprotocols is not marked as sensitive. Then sends each
/// received message back.
async fn socket(
    upgrade: WebSocketUpgrade,
    headers: HeaderMap,
    claims: Claims<Shopper>,
) -> Response {
    let protocols = headers.get("sec-websocket-protocol");
    let is_open = protocols.is_some_and(|protocols| !protocols.is_sensitive());
    let protocols = protocols.map_or("none", |protocols| protocols.to_str().unwrap());
    let greeting = format!("{} {:?} {protocols} {is_open}", claims.sub, claims.token().source());
    upgrade.protocols(["bearer", "chat"]).on_upgrade(async move |mut socket| {
        socket.send(Sent::Text(greeting.into())).await.unwrap();
        while let Some(Ok(Sent::Text(text))) = socket.recv().await {
            socket.send(Sent::Text(text)).await.unwrap();
        }
    })
}

async fn start(auth: JwtAuth<Shopper>) -> SocketAddr {
    server::start(Router::new().route("/ws", any(socket)).layer(auth)).await
}

/// Returns the greeting and the selected protocol. If the handshake is refused, returns the status
/// of the response.
async fn connect(
    addr: SocketAddr,
    headers: &[(&'static str, &str)],
) -> Result<(String, Option<String>), u16> {
    let mut request = format!("ws://{addr}/ws").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(addr).await.unwrap();
    let (mut socket, response) =
        match in_time(tokio_tungstenite::client_async(request, stream)).await {
            Ok(connected) => connected,
            Err(Error::Http(response)) => return Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        };
    let selected = response.headers().get("sec-websocket-protocol");
    let selected = selected.map(|value| value.to_str().unwrap().to_owned());
    let greeting = in_time(socket.next()).await.unwrap().unwrap().into_text().unwrap();
    socket.send(Message::text("ping")).await.unwrap();
    let echo = in_time(socket.next()).await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(echo.as_str(), "ping");
    Ok((greeting.as_str().to_owned(), selected))
}

#[tokio::test]
async fn a_handshake_with_the_cookie_must_come_from_this_site() {
    let addr = start(shop::auth().cookie("token").trust_origin("https://app.example")).await;
    let cookie = format!("token={}", shop::good());
    let cookie = ("cookie", cookie.as_str());
    let own = format!("http://{addr}");
    for headers in [
        &[cookie, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
        &[cookie, ("sec-fetch-site", "same-site")],
        &[cookie, ("origin", "https://evil.example")],
        &[cookie, ("origin", "null")],
    ] {
        assert_eq!(connect(addr, headers).await, Err(403), "{headers:?}");
    }
    for headers in [
        &[cookie][..],
        &[cookie, ("sec-fetch-site", "same-origin")],
        &[cookie, ("origin", &own)],
        &[cookie, ("origin", "https://app.example")],
    ] {
        let (greeting, _) = connect(addr, headers).await.unwrap();
        assert_eq!(greeting, format!("{} Cookie none false", shop::SUBJECT));
    }
    assert_eq!(connect(addr, &[]).await, Err(401));
}

#[tokio::test]
async fn a_token_as_subprotocol_is_read_and_marked_sensitive() {
    let addr = start(shop::auth().websocket_protocol("bearer")).await;
    let good = shop::good();
    for (offer, shown) in [
        (format!("bearer, {good}"), format!("bearer, {good}")),
        (format!("chat,bearer,{good}"), format!("chat,bearer,{good}")),
    ] {
        let headers = [("sec-websocket-protocol", offer.as_str()), ("origin", "https://x.example")];
        let (greeting, selected) = connect(addr, &headers).await.unwrap();
        assert_eq!(greeting, format!("{} WebSocketProtocol {shown} false", shop::SUBJECT));
        assert!(matches!(selected.as_deref(), Some("bearer" | "chat")));
    }
}

#[tokio::test]
async fn a_token_as_subprotocol_can_be_stripped() {
    let addr = start(shop::auth().websocket_protocol("bearer").strip_token()).await;
    let offer = format!("bearer, {}, chat", shop::good());
    let (greeting, selected) = connect(addr, &[("sec-websocket-protocol", &offer)]).await.unwrap();
    assert_eq!(greeting, format!("{} WebSocketProtocol bearer, chat false", shop::SUBJECT));
    assert!(selected.is_some());
}

#[tokio::test]
async fn a_bad_subprotocol_token_is_refused_in_the_handshake() {
    let addr = start(shop::auth().websocket_protocol("bearer")).await;
    let good = shop::good();
    for (offer, status) in [
        ("bearer, a.b.c".to_owned(), 401),
        ("chat".to_owned(), 401),
        (format!("Bearer, {good}"), 401),
        ("bearer".to_owned(), 400),
        (format!("bearer, {good}, bearer, {good}"), 400),
        (format!("bearer, {}", "a".repeat(8193)), 431),
    ] {
        let refusal = connect(addr, &[("sec-websocket-protocol", &offer)]).await;
        assert_eq!(refusal, Err(status), "{offer}");
    }
    let other = shop::bearer(&shop::other());
    let offer = format!("bearer, {good}");
    let both = [("sec-websocket-protocol", offer.as_str()), ("authorization", other.as_str())];
    assert_eq!(connect(addr, &both).await, Err(400));
}

#[tokio::test]
async fn a_subprotocol_token_counts_in_a_handshake_only() {
    let app = Router::new().route("/", any(|| async { "done" }));
    let addr = server::start(app.layer(shop::auth().websocket_protocol("bearer"))).await;
    let offer = format!("bearer, {}", shop::good());
    for wire in server::WIRES {
        let ask = server::Ask::get("/").header("sec-websocket-protocol", &offer);
        assert_eq!(server::send(wire, addr, &ask).await.status, 401);
    }
}

/// Over HTTP/2, the handshake is a CONNECT request with `:protocol` (RFC 8441).
#[tokio::test]
async fn a_handshake_over_http2_is_held_to_the_same_rules() {
    let addr = start(shop::auth().cookie("token").websocket_protocol("bearer")).await;
    let stream = TcpStream::connect(addr).await.unwrap();
    let (mut sender, connection) = in_time(h2::client::handshake(stream)).await.unwrap();
    tokio::spawn(connection);
    // The server announces in its settings that it supports extended CONNECT.
    in_time(async {
        while !sender.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let cookie = format!("token={}", shop::good());
    let offer = format!("bearer, {}", shop::good());
    let (cookie, offer) = (("cookie", &*cookie), ("sec-websocket-protocol", &*offer));
    let own = format!("http://{addr}");
    for (headers, status) in [
        (&[cookie, ("sec-fetch-site", "cross-site")][..], 403),
        (&[cookie, ("origin", "https://evil.example")], 403),
        (&[cookie, ("origin", &own)], 200),
        (&[cookie, ("sec-fetch-site", "same-origin")], 200),
        (&[offer], 200),
        (&[("sec-websocket-protocol", "bearer, a.b.c")], 401),
        (&[], 401),
    ] {
        let mut request = Request::new(());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = format!("http://{addr}/ws").parse().unwrap();
        request.extensions_mut().insert(h2::ext::Protocol::from("websocket"));
        request.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let exchange = server::exchange_http2(&mut sender, request, Vec::new());
        assert_eq!(in_time(exchange).await.status, status, "{headers:?}");
    }
}

/// Sends messages until sending fails. Never reads a message.
async fn ticks(upgrade: WebSocketUpgrade, claims: Claims<Shopper>) -> Response {
    upgrade.on_upgrade(async move |socket| {
        let mut socket = claims.until_ended(socket);
        while socket.send(Sent::Text("tick".into())).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

/// Echoes messages until the token is no longer valid. Then sends the reason in a close frame.
async fn echo(upgrade: WebSocketUpgrade, claims: Claims<Shopper>) -> Response {
    upgrade.on_upgrade(async move |socket| {
        let mut socket = claims.until_ended(socket);
        while let Some(Ok(message)) = socket.next().await {
            socket.send(message).await.unwrap();
        }
        let why = format!("{:?}", socket.ended().unwrap());
        let frame = CloseFrame { code: close_code::POLICY, reason: why.into() };
        socket.into_inner().send(Sent::Close(Some(frame))).await.unwrap();
    })
}

#[tokio::test]
async fn a_socket_closes_when_its_token_is_revoked_whether_it_reads_or_sends() {
    let revocations = kit::revocations(shop::clock());
    revocations.current_as_of(revocations.as_of());
    let app = Router::new().route("/ticks", any(ticks)).route("/echo", any(echo));
    let addr = server::start(app.layer(shop::auth().with_revocation(revocations.clone()))).await;
    let open = async |path: &str| {
        let mut request = format!("ws://{addr}{path}").into_client_request().unwrap();
        request.headers_mut().insert("authorization", shop::bearer(&shop::good()).parse().unwrap());
        let stream = TcpStream::connect(addr).await.unwrap();
        in_time(tokio_tungstenite::client_async(request, stream)).await.unwrap().0
    };
    let (mut ticks, mut echo) = (open("/ticks").await, open("/echo").await);
    echo.send(Message::text("ping")).await.unwrap();
    assert_eq!(in_time(echo.next()).await.unwrap().unwrap(), Message::text("ping"));
    for _ in 0..3 {
        assert_eq!(in_time(ticks.next()).await.unwrap().unwrap(), Message::text("tick"));
    }
    revocations.apply(&Revocation::subject(shop::SUBJECT, UnixTime::from_secs(shop::NOW)));
    let last = in_time(async {
        loop {
            match ticks.next().await.unwrap().unwrap() {
                Message::Text(_) => {}
                last => return last,
            }
        }
    });
    assert_eq!(last.await, Message::Close(None));
    let Message::Close(Some(frame)) = in_time(echo.next()).await.unwrap().unwrap() else {
        panic!("it is closed with a reason");
    };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (close_code::POLICY, "Revoked"));
}
