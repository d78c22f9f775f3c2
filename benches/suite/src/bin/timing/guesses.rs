//! The secrets whose checks are timed. For each secret, the checks of two wrong guesses are timed.

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tower_jwt_auth::issuer::{
    NewSession, RefreshStore, SessionErrorKind, SessionId, Sessions, StoreError, StoredSession,
};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{JwtAuth, Key, Secret, StandardClaims, UnixTime};

/// A secret with two wrong guesses. The guess of kind 0 differs from the secret in the first byte,
/// and the guess of kind 1 in the last byte.
pub(crate) trait Guess {
    fn guess(&self, kind: usize) -> &str;

    /// Returns true if the guess was rejected, which must always be the case.
    fn refused(&self, guess: &str) -> bool;
}

/// Returns `bytes` with one byte changed.
fn wrong_at(bytes: &[u8], place: usize) -> Vec<u8> {
    let mut guess = bytes.to_vec();
    guess[place] ^= 1;
    guess
}

/// A comparison that stops at the first wrong byte, so its duration depends on the guess. The test
/// must detect this leak.
pub(crate) struct Naive {
    mac: Hmac<Sha256>,
    guesses: [String; 2],
}

impl Naive {
    pub(crate) fn new() -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).expect("any length");
        let tag = mac.clone().chain_update(b"message").finalize().into_bytes();
        Self { mac, guesses: [0, 31].map(|place| BASE64URL.encode(wrong_at(&tag, place))) }
    }
}

impl Guess for Naive {
    fn guess(&self, kind: usize) -> &str {
        &self.guesses[kind]
    }

    fn refused(&self, guess: &str) -> bool {
        let guess = BASE64URL.decode(guess).expect("base64url");
        let tag = self.mac.clone().chain_update(b"message").finalize().into_bytes();
        // Compare the bytes one after another. `black_box` keeps the compiler from vectorizing the
        // loop.
        for (byte, guessed) in tag.iter().zip(&guess) {
            if std::hint::black_box(byte) != guessed {
                return true;
            }
        }
        false
    }
}

pub(crate) struct Signature {
    auth: JwtAuth,
    guesses: [String; 2],
}

impl Signature {
    pub(crate) fn new() -> Self {
        let secret = Secret::generate().expect("random bytes");
        let mut claims = StandardClaims::default();
        claims.exp = Some(UnixTime::from_secs(32_503_680_000));
        let token = Signer::new(Key::hs256(secret.clone())).sign(&claims).expect("an object");
        let (signed, tag) = token.rsplit_once('.').expect("three parts");
        let tag = BASE64URL.decode(tag).expect("base64url");
        let guess = |place| format!("{signed}.{}", BASE64URL.encode(wrong_at(&tag, place)));
        let auth = JwtAuth::new(secret);
        // Fill the header cache, so that both kinds of guesses are checked the same way.
        auth.verify(&token).expect("the right token");
        Self { auth, guesses: [guess(0), guess(31)] }
    }
}

impl Guess for Signature {
    fn guess(&self, kind: usize) -> &str {
        &self.guesses[kind]
    }

    fn refused(&self, guess: &str) -> bool {
        self.auth.verify(guess).is_err()
    }
}

pub(crate) struct Refresh {
    sessions: Sessions<Unchanging>,
    guesses: [String; 2],
}

impl Refresh {
    pub(crate) fn new() -> Self {
        let sessions = Sessions::new(Unchanging(Mutex::new(None)));
        let (token, _) = now(sessions.start(NewSession::new("alice"))).expect("a session");
        let bytes = BASE64URL.decode(token.as_str()).expect("base64url");
        // A guess has a wrong byte only in the secret. The first 16 bytes, which identify the
        // session, are those of the token.
        let guess = |place| BASE64URL.encode(wrong_at(&bytes, place));
        Self { sessions, guesses: [guess(16), guess(47)] }
    }
}

impl Guess for Refresh {
    fn guess(&self, kind: usize) -> &str {
        &self.guesses[kind]
    }

    fn refused(&self, guess: &str) -> bool {
        let refused = now(self.sessions.refresh(guess, None));
        refused.is_err_and(|error| error.kind() == SessionErrorKind::Reused)
    }
}

/// A store that ignores the end of a session. Otherwise the first wrong guess would end the
/// session.
struct Unchanging(Mutex<Option<StoredSession>>);

impl RefreshStore for Unchanging {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        *self.0.lock().expect("no panic") = Some(session.clone());
        Ok(())
    }

    async fn load(&self, _: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        Ok(self.0.lock().expect("no panic").clone())
    }

    async fn replace(&self, _: &StoredSession) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn of_subject(&self, _: &str) -> Result<Vec<StoredSession>, StoreError> {
        Ok(Vec::new())
    }

    async fn prune(&self, _: UnixTime, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("this store waits for nothing"),
    }
}
