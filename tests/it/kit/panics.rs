//! A helper for tests of invalid configurations, which must panic.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// The file in which the last panic of this thread was reported.
    static FILE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `configure`, which must panic, and returns the panic message. Checks that the panic was
/// reported in the caller's file, which contains the configuration, and not in a file of the
/// library.
#[track_caller]
pub(crate) fn refused<T>(configure: impl FnOnce() -> T) -> String {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |panic| {
            let file = panic.location().map(|location| location.file().to_owned());
            FILE.with_borrow_mut(|last| *last = file.unwrap_or_default());
            previous(panic);
        }));
    });
    let Err(panic) = catch_unwind(AssertUnwindSafe(configure)) else { panic!("was accepted") };
    let Ok(sentence) = panic.downcast::<String>() else { panic!("the panic has no sentence") };
    assert_eq!(FILE.take(), Location::caller().file(), "{sentence}");
    *sentence
}
