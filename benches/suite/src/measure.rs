//! Times the operations that are compared (the contenders). In every round, the contenders run one
//! after another in random order, so that a change of the machine's speed affects all of them. Only
//! ratios of times from the same round are reliable.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

/// Performs an operation the given number of times.
pub type Run = Box<dyn FnMut(u32)>;

pub fn repeated(mut operation: impl FnMut() + 'static) -> Run {
    Box::new(move |times| (0..times).for_each(|_| operation()))
}

/// The time for which an operation is measured in each round. The calls before the measurement,
/// which fill the processor's caches, are not counted.
const SLICE_NANOS: f64 = 150_000.0;

/// The nanoseconds per operation: one value for each contender in each round.
pub struct Rounds<K>(HashMap<K, Vec<f64>>);

pub fn measure<K: Copy + Eq + Hash>(mut contenders: Vec<(K, Run)>, rounds: usize) -> Rounds<K> {
    let calls: Vec<u32> = contenders.iter_mut().map(|(_, run)| calibrate(run)).collect();
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    let mut nanos: HashMap<K, Vec<f64>> = HashMap::new();
    for _ in 0..rounds {
        fastrand::shuffle(&mut order);
        for &at in &order {
            let (key, run) = &mut contenders[at];
            run(calls[at] / 8 + 1);
            nanos.entry(*key).or_default().push(time(run, calls[at]));
        }
    }
    Rounds(nanos)
}

impl<K: Eq + Hash> Rounds<K> {
    /// Returns one sum for each round. To compute a sum, multiplies the time of each operation in
    /// `terms` by the factor of the operation, and adds up the products.
    pub fn sums(&self, terms: &[(f64, K)]) -> Vec<f64> {
        let rounds = self.0.values().next().map_or(0, Vec::len);
        let of = |round| terms.iter().map(|(factor, key)| factor * self.0[key][round]).sum();
        (0..rounds).map(of).collect()
    }
}

/// The quartiles of a list of values.
#[derive(Clone, Copy)]
pub struct Quartiles {
    pub lower: f64,
    pub median: f64,
    pub upper: f64,
}

impl Quartiles {
    /// Returns the quartiles of `values[n] / others[n]`.
    pub fn of_ratios(values: &[f64], others: &[f64]) -> Self {
        let mut ratios: Vec<f64> = values.iter().zip(others).map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        let at = |part: usize| ratios[(ratios.len() - 1) * part / 4];
        Self { lower: at(1), median: at(2), upper: at(3) }
    }
}

/// Returns the number of calls that together take [`SLICE_NANOS`].
fn calibrate(run: &mut Run) -> u32 {
    let mut calls = 1;
    loop {
        let nanos = time(run, calls) * f64::from(calls);
        if nanos > SLICE_NANOS {
            // Use the fastest of five tries, since other programs may slow down some of the tries.
            let quick = (0..5).map(|_| time(run, calls)).fold(f64::INFINITY, f64::min);
            return (SLICE_NANOS / quick).ceil() as u32;
        }
        calls *= 2;
    }
}

fn time(run: &mut Run, calls: u32) -> f64 {
    let start = Instant::now();
    run(calls);
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
