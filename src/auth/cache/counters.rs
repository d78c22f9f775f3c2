//! Counters of hits and misses, which many threads increment.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The maximum number of threads that have their own counters. Most servers run fewer threads than
/// this.
const STRIPES: usize = 32;

/// The numbers of hits and misses. Each of the first 32 threads of the process has its own pair of
/// counters (a stripe), so that threads on different processors do not write to the same memory.
/// All later threads share one stripe.
#[derive(Debug, Default)]
pub(crate) struct HitCounters {
    stripes: [Stripe; STRIPES],
    shared: Stripe,
}

/// Aligned to two cache lines, since some processors load two lines at a time.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Stripe {
    #[inline]
    fn counter(&self, is_hit: bool) -> &AtomicU64 {
        if is_hit { &self.hits } else { &self.misses }
    }
}

impl HitCounters {
    /// Counts a look-up.
    #[inline]
    pub(crate) fn count(&self, is_hit: bool) {
        // While a thread ends, its index may already be destroyed. Such a thread uses the shared
        // stripe.
        let index = STRIPE.try_with(|stripe| *stripe).ok();
        match index.and_then(|index| self.stripes.get(index)) {
            Some(stripe) => {
                // No other thread writes to this stripe, so an atomic addition is not necessary.
                let counter = stripe.counter(is_hit);
                counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
            }
            None => {
                self.shared.counter(is_hit).fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn hits(&self) -> u64 {
        self.sum(true)
    }

    pub(crate) fn misses(&self) -> u64 {
        self.sum(false)
    }

    fn sum(&self, of_hits: bool) -> u64 {
        let stripes = self.stripes.iter().chain([&self.shared]);
        stripes.map(|stripe| stripe.counter(of_hits).load(Ordering::Relaxed)).sum()
    }
}

thread_local! {
    /// The index of this thread: 0 for the first thread that counts, then 1, and so on. Threads
    /// with an index below [`STRIPES`] have a stripe of their own.
    static STRIPE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn no_count_is_lost_if_many_threads_count() {
        let counters = HitCounters::default();
        thread::scope(|scope| {
            for _ in 0..STRIPES + 4 {
                scope.spawn(|| (0..1_000).for_each(|n| counters.count(n % 4 == 0)));
            }
        });
        let threads = STRIPES as u64 + 4;
        assert_eq!((counters.hits(), counters.misses()), (250 * threads, 750 * threads));
    }

    #[test]
    fn threads_count_in_different_stripes() {
        let stripe = || STRIPE.with(|stripe| *stripe);
        assert_eq!(stripe(), stripe());
        assert_ne!(stripe(), thread::spawn(stripe).join().unwrap());
    }
}
