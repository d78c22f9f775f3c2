//! Measurements of time, as ratios within one run: `cargo run --release --bin ratios [aws|rust]`.
//! The argument selects the cryptographic backend of `jsonwebtoken`. A process can have only one.

use std::hint::black_box;

use axum::Router;
use http::HeaderValue;
use serde::de::DeserializeOwned;
use suite::contenders::{Decode, ours};
use suite::floor::Floor;
use suite::measure::{Contender, measure};
use suite::routes;
use suite::tokens::{Everything, SECRET, Shopper, Size, forged, sizes};

const ROUNDS: usize = 61;

fn main() {
    let backend = std::env::args().nth(1).unwrap_or_else(|| "aws".to_owned());
    let provider = match backend.as_str() {
        "aws" => &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER,
        "rust" => &jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER,
        other => panic!("{other}: aws or rust"),
    };
    provider.install_default().expect("the first provider of this process");

    println!("jsonwebtoken with {backend}; medians of {ROUNDS} rounds\n");
    println!(
        "| verify | bytes | ours, ns | floor, ns | decode, ns | ours/decode | ours/floor | refused: ours/decode |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for size in sizes() {
        verify::<Shopper>(&size, "two claims");
        verify::<Everything>(&size, "every claim");
    }
    println!(
        "\n| layer | added by one that does nothing, ns | by ours, ns | by hand, ns | by axum-jwt-auth, ns | ours, kid, ns | by tower-oauth2-resource-server, kid, ns | ours/hand | ours/axum-jwt-auth | ours/tower-oauth2-resource-server |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let refused: Vec<_> = sizes().iter().map(layer).collect();
    println!(
        "\n| refused | added to a bare 401 by ours, ns | by hand, ns | ours/hand | whole request: ours/hand |"
    );
    println!("|---|---|---|---|---|");
    for row in refused {
        println!("| {row} |");
    }
}

fn verify<T: DeserializeOwned + Send + Sync + 'static>(size: &Size, read: &str) {
    let auth = ours::<T>(size.parties);
    let decode = Decode::new(size.parties);
    let floor = Floor::new(SECRET);
    let token = size.token.as_str();
    let forged = forged(token);
    assert!(auth.verify(token).is_ok() && decode.verify::<T>(token).is_some());
    assert!(auth.verify(&forged).is_err() && decode.verify::<T>(&forged).is_none());
    assert!(floor.verify::<T>(token).is_some());
    let rounds = measure(
        vec![
            Contender::new("ours", || drop(black_box(auth.verify(black_box(token))))),
            Contender::new("decode", || drop(black_box(decode.verify::<T>(black_box(token))))),
            Contender::new("floor", || drop(black_box(floor.verify::<T>(black_box(token))))),
            Contender::new("ours, forged", || drop(black_box(auth.verify(black_box(&forged))))),
            Contender::new("decode, forged", || {
                drop(black_box(decode.verify::<T>(black_box(&forged))))
            }),
        ],
        ROUNDS,
    );
    println!(
        "| {}, {read} | {} | {:.0} | {:.0} | {:.0} | {:.3} | {:.3} | {:.3} |",
        size.name,
        token.len(),
        rounds.median("ours"),
        rounds.median("floor"),
        rounds.median("decode"),
        rounds.ratio("ours", "decode", None),
        rounds.ratio("ours", "floor", None),
        rounds.ratio("ours, forged", "decode, forged", None),
    );
}

/// Prints a row about valid tokens and returns a row about forged ones.
fn layer(size: &Size) -> String {
    let good = HeaderValue::try_from(format!("Bearer {}", size.token)).expect("a header");
    let bad = HeaderValue::try_from(format!("Bearer {}", forged(&size.token))).expect("a header");
    let keyed = HeaderValue::try_from(format!("Bearer {}", size.keyed)).expect("a header");
    let run = |mut router: Router, value: HeaderValue, status: u16| {
        let request = routes::request(&value);
        move || drop(black_box(routes::ask(&mut router, &request, status)))
    };
    // A real server has accepted tokens before it rejects one, so its caches are filled.
    let warm = |mut router: Router| {
        routes::ask(&mut router, &routes::request(&good), 200);
        router
    };
    let parties = size.parties;
    let rounds = measure(
        vec![
            Contender::new("plain", run(routes::plain(), good.clone(), 200)),
            Contender::new("ours", run(routes::tower_jwt_auth(parties), good.clone(), 200)),
            Contender::new("hand", run(routes::hand_written(parties), good.clone(), 200)),
            Contender::new("axum-jwt-auth", run(routes::axum_jwt_auth(parties), good.clone(), 200)),
            Contender::new(
                "ours, kid",
                run(routes::tower_jwt_auth_keyed(parties), keyed.clone(), 200),
            ),
            Contender::new(
                "oauth2",
                run(routes::tower_oauth2_resource_server(parties), keyed.clone(), 200),
            ),
            Contender::new("no-op", run(routes::no_op(), good.clone(), 200)),
            Contender::new("turned away", run(routes::turned_away(), bad.clone(), 401)),
            Contender::new(
                "ours, forged",
                run(warm(routes::tower_jwt_auth(parties)), bad.clone(), 401),
            ),
            Contender::new(
                "hand, forged",
                run(warm(routes::hand_written(parties)), bad.clone(), 401),
            ),
        ],
        ROUNDS,
    );
    let over = |name, base| rounds.median(name) - rounds.median(base);
    let added = |name| over(name, "plain");
    println!(
        "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.3} | {:.3} | {:.3} |",
        size.name,
        added("no-op"),
        added("ours"),
        added("hand"),
        added("axum-jwt-auth"),
        added("ours, kid"),
        added("oauth2"),
        rounds.ratio("ours", "hand", Some("plain")),
        rounds.ratio("ours", "axum-jwt-auth", Some("plain")),
        rounds.ratio("ours, kid", "oauth2", Some("plain")),
    );
    [
        size.name.to_owned(),
        format!("{:.0}", over("ours, forged", "turned away")),
        format!("{:.0}", over("hand, forged", "turned away")),
        format!("{:.3}", rounds.ratio("ours, forged", "hand, forged", Some("turned away"))),
        format!("{:.3}", rounds.ratio("ours, forged", "hand, forged", None)),
    ]
    .join(" | ")
}
