//! A real server on loopback, and clients that send arbitrary bytes, valid or not.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The time limit for a response. It is longer than any stall of a busy machine.
const DEADLINE: Duration = Duration::from_secs(300);

/// Panics if `future` takes too long, so that a test cannot hang.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.expect("an answer in time")
}

/// Serves `app` until the test's runtime ends. Accepts HTTP/1.1, and HTTP/2 with prior knowledge.
pub(crate) async fn start(app: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(app.clone());
            tokio::spawn(async move {
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder.http2().enable_connect_protocol();
                let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    addr
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Http1,
    Http2,
}

pub(crate) const WIRES: [Wire; 2] = [Wire::Http1, Wire::Http2];

/// The content of a request. Header values are bytes, as in HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self
    }

    /// Builds the request for a service in this process.
    pub(crate) fn to_request(&self) -> Request<Body> {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().unwrap();
        self.fill(request.headers_mut());
        request
    }

    fn fill(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name.as_str()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
    }

    fn to_http1(&self, addr: SocketAddr) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        if !self.headers.iter().any(|(name, _)| name == "host") {
            bytes.extend(format!("host: {addr}\r\n").bytes());
        }
        for (name, value) in &self.headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        bytes.extend(format!("content-length: {}\r\n\r\n", self.body.len()).bytes());
        bytes.extend(&self.body);
        bytes
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// True if the response ended with its headers. In gRPC, such a response is called
    /// trailers-only.
    pub(crate) is_headers_only: bool,
}

impl Reply {
    /// Returns all values of a header in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn challenge(&self) -> Option<&str> {
        let challenges = self.all("www-authenticate");
        assert!(challenges.len() < 2, "{challenges:?}");
        challenges.first().copied()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns the member `code` of the problem details in the body.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

/// An open connection that sends one request after another.
pub(crate) enum Connection {
    Http1 { stream: TcpStream, addr: SocketAddr },
    Http2 { sender: SendRequest<Bytes>, addr: SocketAddr },
}

impl Connection {
    pub(crate) async fn open(wire: Wire, addr: SocketAddr) -> Self {
        let stream = in_time(TcpStream::connect(addr)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        match wire {
            Wire::Http1 => Self::Http1 { stream, addr },
            Wire::Http2 => {
                let (sender, connection) = in_time(h2::client::handshake(stream)).await.unwrap();
                tokio::spawn(connection);
                Self::Http2 { sender, addr }
            }
        }
    }

    pub(crate) async fn send(&mut self, ask: &Ask) -> Reply {
        match self {
            Self::Http1 { stream, addr } => {
                in_time(exchange(stream, &ask.to_http1(*addr), &ask.method)).await
            }
            Self::Http2 { sender, addr } => {
                let mut request = Request::new(());
                *request.method_mut() = ask.method.clone();
                *request.uri_mut() = format!("http://{addr}{}", ask.path).parse().unwrap();
                ask.fill(request.headers_mut());
                in_time(exchange_http2(sender, request, ask.body.clone())).await
            }
        }
    }
}

/// Sends one request on a new connection.
pub(crate) async fn send(wire: Wire, addr: SocketAddr, ask: &Ask) -> Reply {
    Connection::open(wire, addr).await.send(ask).await
}

/// Sends bytes on a new connection and returns the first response.
pub(crate) async fn send_bytes(addr: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = in_time(TcpStream::connect(addr)).await.unwrap();
    in_time(exchange(&mut stream, bytes, &Method::GET)).await
}

pub(crate) async fn exchange_http2(
    sender: &mut SendRequest<Bytes>,
    request: Request<()>,
    body: Vec<u8>,
) -> Reply {
    let mut ready = sender.clone().ready().await.unwrap();
    // Do not end the stream of a CONNECT request, since the stream becomes a tunnel.
    let is_connect = request.method() == Method::CONNECT;
    let ends = body.is_empty() && !is_connect;
    let (response, mut stream) = ready.send_request(request, ends).unwrap();
    if !body.is_empty() {
        stream.send_data(Bytes::from(body), true).unwrap();
    }
    let (parts, mut incoming) = response.await.unwrap().into_parts();
    let is_headers_only = incoming.is_end_stream();
    let mut body = Vec::new();
    let is_tunnel = is_connect && parts.status.is_success();
    while let Some(data) = if is_tunnel { None } else { incoming.data().await } {
        let data = data.unwrap();
        body.extend_from_slice(&data);
        incoming.flow_control().release_capacity(data.len()).unwrap();
    }
    Reply { status: parts.status, headers: parts.headers, body, is_headers_only }
}

async fn exchange(stream: &mut TcpStream, request: &[u8], method: &Method) -> Reply {
    stream.write_all(request).await.unwrap();
    let mut received = Vec::new();
    let end = loop {
        if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        assert!(stream.read_buf(&mut received).await.unwrap() > 0, "closed without an answer");
    };
    let mut body = received.split_off(end + 4);
    let (status, headers) = parse_head(std::str::from_utf8(&received[..end]).unwrap());
    let has_body = *method != Method::HEAD && status != StatusCode::SWITCHING_PROTOCOLS;
    let length = headers.get("content-length").filter(|_| has_body);
    let length = length.map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    while body.len() < length {
        assert!(stream.read_buf(&mut body).await.unwrap() > 0, "closed within the body");
    }
    Reply { status, headers, body, is_headers_only: length == 0 }
}

fn parse_head(head: &str) -> (StatusCode, HeaderMap) {
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let fields = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.trim()).unwrap())
    });
    (status, fields.collect())
}
