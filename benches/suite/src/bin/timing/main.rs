//! Tests whether the time that a rejection takes reveals how many leading bytes of a guess are
//! right.
//!
//! The method is that of dudect (Reparaz, Balasch, Verbauwhede, 2017): the program makes guesses in
//! random order, some wrong in the first byte and some in the last, and compares their times with
//! Welch's t-test. A |t| above 4.5 means that the times of the two kinds differ. As a control, a
//! comparison that stops at the first difference is tested in the same way. If the test does not
//! detect the control's leak, the machine is too noisy, and the run fails.
//!
//! Run the program with `cargo run --release --bin timing [SAMPLES]`. The default is a million
//! samples.

mod guesses;
mod welch;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use guesses::{Guess, Naive, Refresh, Signature};

const LIMIT: f64 = 4.5;

fn main() -> ExitCode {
    let samples = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().expect("a number"));
    let naive = test("HMAC and a comparison that stops early", &Naive::new(), samples);
    let signature = test("the signature of a token", &Signature::new(), samples);
    let refresh = test("the secret of a refresh token", &Refresh::new(), samples);
    if naive < LIMIT {
        println!("the comparison that stops early was not found: this machine is too noisy");
        return ExitCode::FAILURE;
    }
    if signature.max(refresh) >= LIMIT { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn test(name: &str, guess: &impl Guess, samples: usize) -> f64 {
    let mut order = vec![0; samples.div_ceil(8)];
    getrandom::fill(&mut order).expect("random bytes");
    let mut times = [Vec::with_capacity(samples), Vec::with_capacity(samples)];
    // Copy each guess into the same buffer. Otherwise, guesses of the two kinds would have
    // different addresses, and the address also affects the time.
    let mut presented = String::with_capacity(4096);
    for sample in 0..samples {
        let kind = usize::from(order[sample / 8] >> (sample % 8) & 1);
        presented.clear();
        presented.push_str(guess.guess(kind));
        let start = Instant::now();
        black_box(guess.refused(black_box(&presented)));
        times[kind].push(start.elapsed().as_nanos() as f64);
    }
    let t = welch::t(times);
    println!("{name}: |t| = {t:.2} at {samples} samples");
    t
}
