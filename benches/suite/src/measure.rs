//! Timing of contenders that take turns, round after round, so that a change of the machine's speed
//! affects all of them. Trust the ratios within a round.

use std::time::Instant;

pub struct Contender<'a> {
    pub name: &'static str,
    run: Box<dyn FnMut() + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: &'static str, run: impl FnMut() + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// Nanoseconds per call: for each contender, one value per round.
pub struct Rounds {
    pub names: Vec<&'static str>,
    nanos: Vec<Vec<f64>>,
}

const ROUND: f64 = 4_000_000.0;

pub fn measure(mut contenders: Vec<Contender<'_>>, rounds: usize) -> Rounds {
    let calls: Vec<u32> = contenders.iter_mut().map(calibrate).collect();
    let mut nanos = vec![Vec::new(); contenders.len()];
    for round in 0..rounds {
        for step in 0..contenders.len() {
            let at = (round + step) % contenders.len();
            nanos[at].push(time(&mut contenders[at], calls[at]));
        }
    }
    Rounds { names: contenders.iter().map(|contender| contender.name).collect(), nanos }
}

impl Rounds {
    pub fn median(&self, name: &str) -> f64 {
        median(self.nanos[self.at(name)].clone())
    }

    /// Returns the median of `name / other` over the rounds, with the time of `base`, if given,
    /// subtracted from both.
    pub fn ratio(&self, name: &str, other: &str, base: Option<&str>) -> f64 {
        let (a, b) = (&self.nanos[self.at(name)], &self.nanos[self.at(other)]);
        let base = base.map(|base| &self.nanos[self.at(base)]);
        let less = |round: usize| base.map_or(0.0, |base| base[round]);
        median((0..a.len()).map(|r| (a[r] - less(r)) / (b[r] - less(r))).collect())
    }

    fn at(&self, name: &str) -> usize {
        self.names.iter().position(|other| *other == name).expect("a contender")
    }
}

fn calibrate(contender: &mut Contender<'_>) -> u32 {
    let mut calls = 64;
    loop {
        let nanos = time(contender, calls) * f64::from(calls);
        if nanos > ROUND {
            return calls;
        }
        calls = (f64::from(calls) * (ROUND * 1.2 / nanos.max(1.0)).clamp(1.5, 16.0)) as u32;
    }
}

fn time(contender: &mut Contender<'_>, calls: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        (contender.run)();
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
