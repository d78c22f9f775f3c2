//! Presents refresh tokens at arbitrary times to two servers whose clocks differ, and compares the
//! results with a model that has no hashes, stores or versions. Each result must match the model,
//! all holders of a valid token must receive the same successor, and no renewal may move the end of
//! the session.
#![no_main]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use tower_jwt_auth::issuer::{
    MemoryStore, NewSession, RefreshStore, SessionErrorKind as Kind, SessionId, Sessions,
    StoreError, StoredSession,
};
use tower_jwt_auth::{ManualClock, UnixTime};
use tower_jwt_auth_fuzz::target;

const GRACE: i64 = 10;
const IDLE: i64 = 100;
const ABSOLUTE: i64 = 300;
/// The maximum number of used tokens that the server remembers during their grace period.
const REMEMBERED: usize = 16;
/// A token is presented again *at once* if less than this many seconds have passed since its
/// exchange.
const AT_ONCE: i64 = 2;
/// The session ends when this many renewals in a row had a late repeat: a request with a used
/// token, at least 2 seconds (`AT_ONCE`) after the exchange of that token.
const MAX_REPEATS: u32 = 5;
/// The session also ends when this many renewals in a row had a repeat, either late or early. An
/// early repeat is a look-up of the session with a token that was exchanged less than 2 seconds
/// earlier. A request to renew with such a token does not count as a repeat.
const MAX_REPEATS_AT_ONCE: u32 = 20;

#[derive(Arbitrary, Debug)]
enum Step {
    Wait(u8),
    /// Sets the offset of the second server's clock, in seconds.
    Skew(i8),
    Use {
        back: u8,
        on_other: bool,
    },
    /// Begins a renewal, then presents another refresh token, and then finishes the first renewal.
    Interleave {
        back: u8,
        other: u8,
    },
    Forge {
        back: u8,
    },
    /// Asks for the session to which a token belongs. The session is not renewed.
    List {
        back: u8,
    },
    End,
}

/// A store that the two auth servers share.
#[derive(Clone)]
struct Store {
    inner: Arc<MemoryStore>,
}

impl RefreshStore for Store {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        self.inner.insert(session).await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.inner.load(id).await
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        self.inner.replace(session).await
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        self.inner.of_subject(subject).await
    }

    async fn prune(&self, now: UnixTime, at_most: usize) -> Result<u64, StoreError> {
        self.inner.prune(now, at_most).await
    }
}

/// The rotation rules, as the guide describes them.
struct Model {
    /// All tokens of the session, oldest first. Each used token has the time of its use. The last
    /// token is the current one, which has not been used.
    tokens: Vec<(String, Option<i64>)>,
    /// The index of the oldest token that the server remembers.
    remembered: usize,
    idle_until: i64,
    ended: bool,
    /// The number of renewals in a row that had a late repeat: see [`MAX_REPEATS`].
    repeats: u32,
    /// True if the last renewal has had a late repeat, and is included in `repeats`.
    is_repeated: bool,
    /// The number of renewals in a row that had a repeat: see [`MAX_REPEATS_AT_ONCE`].
    any_repeats: u32,
    /// True if the last renewal has had a repeat, and is included in `any_repeats`.
    is_any_repeated: bool,
    /// True if `dangerous_accept_unused_parent` is set.
    accepts_parent: bool,
}

impl Model {
    fn present(&mut self, token: usize, now: i64, grace: i64) -> Result<Use, Kind> {
        let leaf = self.tokens.len() - 1;
        if self.ended {
            return Err(Kind::Ended);
        }
        if now >= self.idle_until {
            return Err(Kind::Expired);
        }
        if token == leaf {
            return Ok(Use::Rotates);
        }
        match self.tokens[token].1 {
            // Allow a time of use that is less than a minute in the future, since the clock of the
            // server that recorded the use may be ahead.
            Some(at) if token >= self.remembered && now - at < grace && at - now < 60 => {
                Ok(if now - at < AT_ONCE { Use::RepeatsAtOnce } else { Use::Repeats })
            }
            Some(_) if self.accepts_parent && token + 1 == leaf => Ok(Use::Repeats),
            _ => {
                self.ended = true;
                Err(Kind::Reused)
            }
        }
    }

    /// Counts a repeat of the last renewal. Several repeats of the same kind count once. If too
    /// many renewals in a row have had a repeat, ends the session and returns an error.
    fn count_repeat(&mut self, kind: &Use) -> Result<(), Kind> {
        if *kind == Use::Repeats && !self.is_repeated {
            self.is_repeated = true;
            self.repeats += 1;
        }
        if !self.is_any_repeated {
            self.is_any_repeated = true;
            self.any_repeats += 1;
        }
        if self.repeats < MAX_REPEATS && self.any_repeats < MAX_REPEATS_AT_ONCE {
            return Ok(());
        }
        self.ended = true;
        Err(Kind::Reused)
    }

    fn rotate(&mut self, now: i64, successor: String) {
        let leaf = self.tokens.len() - 1;
        if !self.is_repeated {
            self.repeats = 0;
        }
        if !self.is_any_repeated {
            self.any_repeats = 0;
        }
        self.is_repeated = false;
        self.is_any_repeated = false;
        while self.remembered < leaf
            && (leaf - self.remembered >= REMEMBERED
                || now - self.tokens[self.remembered].1.unwrap_or(now) >= GRACE)
        {
            self.remembered += 1;
        }
        self.tokens[leaf].1 = Some(now);
        self.tokens.push((successor, None));
        self.idle_until = (now + IDLE).min(ABSOLUTE);
    }
}

#[derive(Debug, PartialEq)]
enum Use {
    Rotates,
    RepeatsAtOnce,
    Repeats,
}

struct World {
    servers: [Sessions<Store>; 2],
    clocks: [ManualClock; 2],
    now: i64,
    skew: i64,
    id: SessionId,
    model: Model,
}

/// Polls a future once. The in-memory store never waits, so the future must be ready.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the store in memory waits"),
    }
}

impl World {
    fn new(accepts_parent: bool) -> Self {
        let store = Store { inner: Arc::new(MemoryStore::new()) };
        let clocks = [0, 1].map(|_| ManualClock::new(UnixTime::EPOCH));
        let secs = |secs: i64| Duration::from_secs(secs.unsigned_abs());
        let servers = clocks.clone().map(|clock| {
            let sessions = Sessions::new(store.clone())
                .with_clock(clock)
                .grace(secs(GRACE))
                .idle_lifetime(secs(IDLE))
                .absolute_lifetime(secs(ABSOLUTE));
            if accepts_parent { sessions.dangerous_accept_unused_parent() } else { sessions }
        });
        let (token, session) = now(servers[0].start(NewSession::new("alice"))).unwrap();
        let tokens = vec![(token.as_str().to_owned(), None)];
        let model = Model {
            tokens,
            remembered: 0,
            idle_until: IDLE,
            ended: false,
            repeats: 0,
            is_repeated: false,
            any_repeats: 0,
            is_any_repeated: false,
            accepts_parent,
        };
        Self { servers, clocks, now: 0, skew: 0, id: session.id().clone(), model }
    }

    fn time(&self, server: usize) -> i64 {
        self.now + if server == 1 { self.skew } else { 0 }
    }

    fn set_clocks(&self) {
        for (server, clock) in self.clocks.iter().enumerate() {
            clock.set(UnixTime::from_nanos(i128::from(self.time(server)) * 1_000_000_000));
        }
    }

    fn token(&self, back: u8) -> usize {
        let leaf = self.model.tokens.len() - 1;
        leaf.saturating_sub(usize::from(back))
    }

    fn present(&mut self, token: usize, server: usize) {
        let time = self.time(server);
        let mut expected = self.model.present(token, time, GRACE);
        if expected == Ok(Use::Repeats) {
            expected = self.model.count_repeat(&Use::Repeats).map(|()| Use::Repeats);
        }
        let text = self.model.tokens[token].0.clone();
        let answer = now(self.servers[server].refresh(&text, None));
        self.compare(expected, answer, time);
    }

    fn compare(
        &mut self,
        expected: Result<Use, Kind>,
        answer: Result<
            (tower_jwt_auth::issuer::RefreshToken, tower_jwt_auth::issuer::Session),
            tower_jwt_auth::issuer::SessionError,
        >,
        time: i64,
    ) {
        match (expected, answer) {
            (Ok(kind), Ok((token, session))) => {
                let leaf = &self.model.tokens.last().unwrap().0;
                assert_eq!(kind != Use::Rotates, token.as_str() == leaf);
                if kind == Use::Rotates {
                    let known = self.model.tokens.iter().any(|(known, _)| known == token.as_str());
                    assert!(!known, "a token came twice");
                    self.model.rotate(time, token.as_str().to_owned());
                }
                assert_eq!(session.ends_at(), UnixTime::from_secs(ABSOLUTE));
            }
            (Err(kind), Err(error)) => assert_eq!(error.kind(), kind),
            (Ok(_), Err(error)) => panic!("refused: {error}"),
            (Err(kind), Ok(_)) => panic!("accepted instead of {kind:?}"),
        }
    }

    fn interleave(&mut self, token: usize, other: usize) {
        let text = self.model.tokens[token].0.clone();
        let servers = self.servers.clone();
        let pending = now(servers[0].begin_refresh(&text, None));
        let expected = self.model.present(token, self.now, GRACE);
        let Ok(pending) = pending else {
            return self.compare(expected, pending.map(|_| unreachable!()), self.now);
        };
        // The request with `token` has begun. Now present the token `other`, and finish the first
        // request afterward. `other` may be equal to `token`. If `token` was unused when its
        // request began, the two requests count as simultaneous. The request with `token` counts as
        // a repeat only if `token` had been exchanged at least 2 seconds before the request began.
        let is_counted = expected == Ok(Use::Repeats);
        self.present(other, 1);
        // The token was valid when this renewal began. The other request may have made the token
        // invalid since then. Even in that case, this renewal must not report a theft.
        let had_ended = self.model.ended;
        let expected = match self.model.present(token, self.now, i64::MAX) {
            Err(Kind::Reused) => {
                self.model.ended = had_ended;
                Err(Kind::Unavailable)
            }
            Ok(Use::Rotates) => Ok(Use::Rotates),
            Ok(kind) if is_counted => self.model.count_repeat(&Use::Repeats).map(|()| kind),
            expected => expected,
        };
        let answer = now(pending.finish());
        self.compare(expected, answer, self.now);
    }
}

fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let mut world = World::new(input.arbitrary().unwrap_or_default());
    for _ in 0..64 {
        let Ok(step) = input.arbitrary::<Step>() else { break };
        match step {
            Step::Wait(secs) => world.now += i64::from(secs % 64),
            Step::Skew(secs) => world.skew = i64::from(secs % 16),
            Step::Use { back, on_other } => {
                let token = world.token(back % 24);
                world.present(token, usize::from(on_other));
            }
            Step::Interleave { back, other } => {
                let (token, other) = (world.token(back % 24), world.token(other % 24));
                world.interleave(token, other);
            }
            Step::Forge { back } => {
                let token = &world.model.tokens[world.token(back % 24)].0;
                let last = if token.ends_with('A') { "B" } else { "A" };
                let forged = format!("{}{last}", &token[..token.len() - 1]);
                let known = world.model.tokens.iter().any(|(token, _)| *token == forged);
                let kind = now(world.servers[0].refresh(&forged, None)).map(|_| ()).unwrap_err();
                let expected = match &world.model {
                    model if model.ended => Kind::Ended,
                    model if world.now >= model.idle_until => Kind::Expired,
                    _ => Kind::Reused,
                };
                assert!(!known);
                assert_eq!(kind.kind(), expected);
                world.model.ended |= expected == Kind::Reused;
            }
            Step::List { back } => {
                let token = world.token(back % 24);
                let mut expected = world.model.present(token, world.now, GRACE);
                if let Ok(kind @ (Use::Repeats | Use::RepeatsAtOnce)) = &expected {
                    let counted = world.model.count_repeat(kind);
                    expected = Err(counted.err().unwrap_or(Kind::Superseded));
                }
                let text = world.model.tokens[token].0.clone();
                let answer = now(world.servers[0].current_session_of(&text));
                assert_eq!(answer.map_err(|error| error.kind()).err(), expected.err());
            }
            Step::End => {
                let live = !world.model.ended && world.now < world.model.idle_until;
                assert_eq!(now(world.servers[0].end(&world.id)).unwrap(), live);
                world.model.ended |= live;
            }
        }
        world.set_clocks();
    }
}

target!(run);
