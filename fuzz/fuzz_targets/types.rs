//! Reads almost valid payloads into claims types of every kind. The claims must equal those that
//! `serde_json` reads from the same payload. The decision and the extracted values must equal those
//! of the reference implementation.
#![no_main]

use tower_jwt_auth_fuzz::{payload, target, types};

fn run(input: &[u8]) {
    let [kind, rules, input @ ..] = input else { return };
    types::check(usize::from(*kind), usize::from(*rules), &payload::payload(input));
}

target!(run);
