//! The compiler's hint for a guard that is used as a layer.

/// Makes the compiler print a hint if a guard is used as a layer. No type implements this trait, so
/// `.layer(has_role(..))` does not compile.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a guard and not a layer",
    label = "a guard cannot be used as a layer",
    note = "write `require(..)` around the guard, as in `.layer(require(has_role(\"admin\")))`"
)]
pub trait GuardIsNoLayer {}

/// Implements `Layer` for each guard that implements [`GuardIsNoLayer`]. No guard implements
/// `GuardIsNoLayer`. If a guard is used as a layer, the compiler therefore prints the message of
/// `GuardIsNoLayer`. Without this implementation, the compiler would say only that the guard does
/// not implement `Layer`.
macro_rules! hint_at_require {
    ($guard:ident<$($parameter:ident $(: ?$sized:ident)?),+>) => {
        #[doc(hidden)]
        impl<Inner, $($parameter $(: ?$sized)?),+> tower_layer::Layer<Inner> for $guard<$($parameter),+>
        where
            $guard<$($parameter),+>: $crate::guard::GuardIsNoLayer,
        {
            type Service = Inner;

            fn layer(&self, inner: Inner) -> Inner {
                inner
            }
        }
    };
}

pub(crate) use hint_at_require;
