//! A network that tests can interrupt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

const PASSES: u8 = 0;
const SWALLOWS: u8 = 1;
const CUTS: u8 = 2;

/// A proxy that forwards bytes to a port immediately, with a delay, or not at all.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    target: Arc<AtomicU16>,
    mode: Arc<AtomicU8>,
    delay_millis: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) async fn before(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = Arc::new(AtomicU16::new(target));
        let proxy = Self { port, target, mode: Arc::default(), delay_millis: Arc::default() };
        tokio::spawn(proxy.clone().accept(listener));
        proxy
    }

    /// Connects new clients to another port, as after a failover. Existing connections are kept.
    pub(crate) fn switch(&self, target: u16) {
        self.target.store(target, Ordering::SeqCst);
    }

    /// Forwards everything without a delay.
    pub(crate) fn pass(&self) {
        self.delay_millis.store(0, Ordering::SeqCst);
        self.mode.store(PASSES, Ordering::SeqCst);
    }

    /// Accepts and keeps connections, but drops all bytes.
    pub(crate) fn swallow(&self) {
        self.mode.store(SWALLOWS, Ordering::SeqCst);
    }

    /// Closes all connections.
    pub(crate) fn cut(&self) {
        self.mode.store(CUTS, Ordering::SeqCst);
    }

    /// Forwards everything with this delay.
    pub(crate) fn slow(&self, delay: Duration) {
        self.delay_millis.store(delay.as_millis() as u64, Ordering::SeqCst);
    }

    async fn accept(self, listener: TcpListener) {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let proxy = self.clone();
            tokio::spawn(async move {
                let target = ("127.0.0.1", proxy.target.load(Ordering::SeqCst));
                let Ok(server) = TcpStream::connect(target).await else { return };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::join!(
                    proxy.clone().copy(from_client, to_server),
                    proxy.clone().copy(from_server, to_client),
                );
            });
        }
    }

    async fn copy(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = tokio::select! {
                read = from.read(&mut buffer) => read.unwrap_or(0),
                () = self.until_cut() => 0,
            };
            if read == 0 {
                return;
            }
            match self.mode.load(Ordering::SeqCst) {
                // The dropped bytes are lost, so the connection cannot work again. Keep it open,
                // but forward nothing.
                SWALLOWS => return self.until_cut().await,
                CUTS => return,
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(self.delay_millis.load(Ordering::SeqCst)))
                .await;
            if to.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }

    async fn until_cut(&self) {
        while self.mode.load(Ordering::SeqCst) != CUTS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
