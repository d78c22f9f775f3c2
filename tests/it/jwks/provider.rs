//! A server that responds with arbitrary bytes, valid or not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tower_jwt_auth::jwks::RemoteKeys;

/// A response to a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Sends these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// Sends these bytes, and then keeps the connection open without sending more.
    Stall(Vec<u8>),
    /// Sends the first byte string once, and then sends the second one again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// Sends these bytes one at a time.
    Slow(Vec<u8>),
}

impl Answer {
    pub(crate) fn json(body: &str) -> Self {
        Self::with_headers("", body.as_bytes())
    }

    pub(crate) fn with_headers(headers: &str, body: &[u8]) -> Self {
        Self::Bytes(response("200 OK", headers, body))
    }

    pub(crate) fn status(status: &str) -> Self {
        Self::Bytes(response(status, "", b""))
    }
}

pub(crate) fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

type Answers = dyn Fn(&str) -> Answer + Send;

/// The test server. It listens on a loopback address.
pub(crate) struct Provider {
    pub(crate) addr: SocketAddr,
    state: Arc<State>,
    accepts: JoinHandle<()>,
}

struct State {
    answers: Mutex<Box<Answers>>,
    /// The request line and headers of every request.
    requests: Mutex<Vec<String>>,
    /// Notified when a client closes its connection before the response is complete.
    closed: Notify,
}

impl Provider {
    pub(crate) async fn start(answer: Answer) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), answer).await
    }

    pub(crate) async fn at(addr: SocketAddr, answer: Answer) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let state = Arc::new(State {
            answers: Mutex::new(Box::new(move |_| answer.clone())),
            requests: Mutex::default(),
            closed: Notify::new(),
        });
        let shared = Arc::clone(&state);
        let accepts = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { addr, state, accepts }
    }

    /// Responds to all further requests with `answer`.
    pub(crate) fn answer(&self, answer: Answer) {
        self.answer_by_path(move |_| answer.clone());
    }

    pub(crate) fn answer_by_path(&self, answers: impl Fn(&str) -> Answer + Send + 'static) {
        *self.state.answers.lock().unwrap() = Box::new(answers);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn keys(&self) -> RemoteKeys {
        RemoteKeys::jwks(self.url("/keys")).dangerous_allow_http()
    }

    pub(crate) fn requests(&self) -> usize {
        self.state.requests.lock().unwrap().len()
    }

    /// Returns the paths of all requests.
    pub(crate) fn paths(&self) -> Vec<String> {
        let requests = self.state.requests.lock().unwrap();
        requests.iter().map(|head| path(head).to_owned()).collect()
    }

    pub(crate) fn last_head(&self) -> String {
        self.state.requests.lock().unwrap().last().cloned().unwrap()
    }

    /// Waits for a client to close a connection on which the response is still incomplete.
    pub(crate) async fn closed(&self) {
        self.state.closed.notified().await;
    }

    /// Stops listening. Open connections stay open.
    pub(crate) async fn stop(self) {
        self.accepts.abort();
        let _ = self.accepts.await;
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite, state: Arc<State>) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = reader.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let answer = (state.answers.lock().unwrap())(path(&head));
    state.requests.lock().unwrap().push(head);
    let is_complete = match answer {
        Answer::Bytes(bytes) => writer.write_all(&bytes).await.is_ok(),
        Answer::Stall(bytes) => {
            let _ = writer.write_all(&bytes).await;
            // The client ends its half of the connection when it gives up.
            let _ = reader.read_u8().await;
            false
        }
        Answer::Endless(bytes, chunk) => {
            let mut written = writer.write_all(&bytes).await;
            while written.is_ok() {
                written = writer.write_all(&chunk).await;
            }
            false
        }
        Answer::Slow(bytes) => {
            let mut is_open = true;
            for byte in bytes {
                is_open = is_open && writer.write_all(&[byte]).await.is_ok();
                tokio::task::yield_now().await;
            }
            is_open
        }
    };
    let _ = writer.shutdown().await;
    if !is_complete {
        state.closed.notify_one();
    }
}

fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

/// Starts a server that sends one response on each connection over TLS, and returns its port.
pub(crate) async fn start_tls(answer: Answer, config: tokio_rustls::rustls::ServerConfig) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let state = Arc::new(State {
        answers: Mutex::new(Box::new(move |_| answer.clone())),
        requests: Mutex::default(),
        closed: Notify::new(),
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, state).await;
                }
            });
        }
    });
    port
}
