//! Wrappers of `loom`'s types. In the model, the threads of the token cache share data through
//! these wrappers instead of the real types. The wrapper of the mutex also counts the mutexes that
//! the current thread has locked.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult};

use loom::sync::atomic::{AtomicBool, Ordering};

loom::thread_local! {
    static HELD: Cell<usize> = Cell::new(0);
}

/// Returns true if the current thread holds a lock.
pub(crate) fn is_locked() -> bool {
    HELD.with(|held| held.get() > 0)
}

pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

pub(crate) struct MutexGuard<'m, T>(loom::sync::MutexGuard<'m, T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        match self.0.lock() {
            Ok(guard) => Ok(MutexGuard::new(guard)),
            Err(poisoned) => Err(PoisonError::new(MutexGuard::new(poisoned.into_inner()))),
        }
    }

    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Ok(MutexGuard::new(guard)),
            Err(_) => Err(TryLockError::WouldBlock),
        }
    }
}

impl<'m, T> MutexGuard<'m, T> {
    fn new(guard: loom::sync::MutexGuard<'m, T>) -> Self {
        HELD.with(|held| held.set(held.get() + 1));
        Self(guard)
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        HELD.with(|held| held.set(held.get() - 1));
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A pointer that threads read and replace, like `arc_swap::ArcSwapOption`.
pub(crate) struct ArcSwapOption<T>(loom::sync::Mutex<Option<Arc<T>>>);

/// The pointer that a call of [`ArcSwapOption::load`] returned.
pub(crate) struct Guard<P>(P);

impl<T> ArcSwapOption<T> {
    pub(crate) fn empty() -> Self {
        Self(loom::sync::Mutex::new(None))
    }

    pub(crate) fn load(&self) -> Guard<Option<Arc<T>>> {
        Guard(self.0.lock().unwrap().clone())
    }

    pub(crate) fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        std::mem::replace(&mut *self.0.lock().unwrap(), value)
    }
}

impl<P> Deref for Guard<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

/// A value that one thread sets and other threads read.
pub(crate) struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    is_set: AtomicBool,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { value: std::sync::OnceLock::new(), is_set: AtomicBool::new(false) }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.is_set.load(Ordering::Acquire).then(|| self.value.get()).flatten()
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.is_set.store(true, Ordering::Release);
        Ok(())
    }
}
