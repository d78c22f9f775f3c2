//! A client that sends requests at a steady rate, alternating between valid and invalid tokens.

use std::time::{Duration, Instant};

use suite::connection::Connection;
use tokio::time::{MissedTickBehavior, interval};

use crate::Current;

/// The number of requests after which the client opens a new connection.
const ASKED_EACH: usize = 1_000;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answers {
    accepted: u64,
    refused: u64,
    good_refused: u64,
    bad_accepted: u64,
    other: u64,
}

impl Answers {
    pub(crate) fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.good_refused += other.good_refused;
        self.bad_accepted += other.bad_accepted;
        self.other += other.other;
    }

    pub(crate) fn count(&self) -> u64 {
        self.accepted + self.refused + self.good_refused + self.bad_accepted + self.other
    }

    pub(crate) fn are_right(&self) -> bool {
        self.good_refused + self.bad_accepted + self.other == 0
    }

    pub(crate) fn print(&self) {
        println!("{self:?}");
    }

    fn note(&mut self, is_good: bool, status: u16) {
        match (is_good, status) {
            (true, 200) => self.accepted += 1,
            (false, 400 | 401 | 431) => self.refused += 1,
            (true, 400 | 401 | 431) => self.good_refused += 1,
            (false, 200) => self.bad_accepted += 1,
            _ => self.other += 1,
        }
    }
}

pub(crate) async fn run(port: u16, current: Current, pause: Duration, time: Duration) -> Answers {
    let (start, mut answers) = (Instant::now(), Answers::default());
    let mut ticks = interval(pause.max(Duration::from_nanos(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while start.elapsed() < time {
        let mut connection = Connection::to(port).await;
        for turn in 0..ASKED_EACH {
            if !pause.is_zero() {
                ticks.tick().await;
            }
            if start.elapsed() >= time {
                break;
            }
            // Read the current tokens before each request, since the signing key may have been
            // replaced after the previous request.
            let generation = current.read().expect("not poisoned").clone();
            let is_good = turn % 2 == 0;
            let value = if is_good {
                Some(format!("Bearer {}", generation.good()))
            } else {
                generation.bad()
            };
            answers.note(is_good, connection.ask(&request(value)).await);
        }
    }
    answers
}

fn request(authorization: Option<String>) -> Vec<u8> {
    let header = authorization.map(|value| format!("Authorization: {value}\r\n"));
    let header = header.unwrap_or_default();
    format!("GET /cart HTTP/1.1\r\nHost: shop.example\r\n{header}\r\n").into_bytes()
}
