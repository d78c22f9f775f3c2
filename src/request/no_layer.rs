//! The error messages of guards and extractors that have no `JwtAuth` layer in front of them. The
//! messages say how to add or move the layer.

use std::sync::atomic::{AtomicBool, Ordering};

/// True once the program has built a service with a `JwtAuth` layer. This flag only selects the
/// advice in an error message.
static HAS_A_LAYER: AtomicBool = AtomicBool::new(false);

pub(crate) fn note_a_layer() {
    HAS_A_LAYER.store(true, Ordering::Relaxed);
}

/// Returns true if this process has built a service with a `JwtAuth` layer, even if the layer is in
/// the wrong place.
pub(crate) fn has_a_layer() -> bool {
    HAS_A_LAYER.load(Ordering::Relaxed)
}

/// Returns the error message of a guard that has no layer in front of it. The message says how to
/// add or move the layer. `inner` is the type of the service behind the guard.
pub(crate) fn for_guard(inner: &str) -> String {
    let place = if inner.contains("JwtAuthService<") {
        LayerPlace::Behind
    } else if has_a_layer() {
        LayerPlace::Elsewhere
    } else {
        LayerPlace::Nowhere
    };
    guard_sentence(place)
}

#[derive(Clone, Copy)]
enum LayerPlace {
    /// The guard wraps the layer, so the guard runs first.
    Behind,
    /// The program has a layer, but the layer did not run before the guard.
    Elsewhere,
    Nowhere,
}

fn guard_sentence(place: LayerPlace) -> String {
    let advice = match place {
        LayerPlace::Behind => {
            "the layer is behind it, and so runs after it. Move the guard behind the layer: in a \
             `ServiceBuilder`, `.layer(auth)` goes above `.layer(require(..))`"
        }
        LayerPlace::Elsewhere => {
            "this program has one, which did not run before the guard. Move `.layer(auth)` below the \
             guard and the guarded routes: in axum the layer that is added last runs first, and covers \
             only routes above it"
        }
        LayerPlace::Nowhere => {
            "add `.layer(JwtAuth::new(secret))` to the router after (in the code: below) the guarded \
             routes, so that it runs first"
        }
    };
    format!("a guard has no `JwtAuth` layer in front of it: {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_to_move_a_misplaced_layer_or_to_add_a_missing_one() {
        for (place, part) in [
            (LayerPlace::Behind, "Move the guard behind the layer"),
            (LayerPlace::Elsewhere, "Move `.layer(auth)` below the guard"),
            (LayerPlace::Nowhere, "add `.layer(JwtAuth::new(secret))`"),
        ] {
            let sentence = guard_sentence(place);
            assert!(sentence.starts_with("a guard has no `JwtAuth` layer"), "{sentence}");
            assert!(sentence.contains(part), "{sentence}");
        }
    }

    #[test]
    fn a_layer_that_the_guard_wraps_is_seen_by_its_type() {
        let inner = std::any::type_name::<crate::JwtAuthService<(), ()>>();
        assert!(for_guard(inner).contains("the layer is behind it"), "{inner}");
    }
}
