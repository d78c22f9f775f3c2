//! Welch's t-test.

/// Compares two sets of times with Welch's t-test. The slowest times are removed before the test,
/// since other activity on the machine distorts them. Repeats the test with several limits above
/// which times are removed, and returns the largest |t|.
pub(crate) fn t(times: [Vec<f64>; 2]) -> f64 {
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let croppings = [0.5, 0.75, 0.9, 0.99];
    let ts = croppings.map(|share| {
        let limit = all[((all.len() - 1) as f64 * share) as usize];
        let [a, b] = times
            .each_ref()
            .map(|times| moments(times.iter().copied().filter(|time| *time <= limit)));
        ((a.mean - b.mean) / (a.variance / a.count + b.variance / b.count).sqrt()).abs()
    });
    ts.into_iter().fold(0.0, f64::max)
}

struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

fn moments(times: impl Iterator<Item = f64>) -> Moments {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for time in times {
        count += 1.0;
        let delta: f64 = time - mean;
        mean += delta / count;
        squares += delta * (time - mean);
    }
    Moments { count, mean, variance: squares / (count - 1.0) }
}
