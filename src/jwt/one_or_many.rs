//! Arguments that are one string or several.

use std::borrow::Cow;

/// An argument that is one string or several: `"cart"`, a `String`, a `Cow<str>`, or an array, a
/// slice or a `Vec` of strings, owned or borrowed. No other crate can implement this trait.
///
/// ```
/// use tower_jwt_auth::{JwtAuth, Secret};
///
/// let secret = Secret::generate()?;
/// const NAMES: [&str; 2] = ["cart", "basket"];
/// let from_settings: Vec<String> = vec!["cart".into(), "basket".into()];
///
/// let auth = JwtAuth::new(secret.clone()).audience("cart");
/// let auth = JwtAuth::new(secret.clone()).audience(&NAMES);
/// let auth = JwtAuth::new(secret).audience(&from_settings);
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
pub trait OneOrMany: IntoStrings {}

/// Seals [`OneOrMany`]. The methods of this trait are not part of the public interface.
#[allow(unnameable_types, reason = "this is what seals the other trait")]
pub trait IntoStrings {
    /// Returns the strings in their order.
    fn into_strings(self) -> Vec<String>;
}

macro_rules! one_string {
    ($($type:ty)*) => {$(
        impl OneOrMany for $type {}

        impl IntoStrings for $type {
            fn into_strings(self) -> Vec<String> {
                vec![self.into()]
            }
        }
    )*};
}

one_string! { &str String &String Cow<'_, str> }

macro_rules! owned_strings {
    ($([$($const:tt)*] $type:ty)*) => {$(
        impl<S: Into<String>, $($const)*> OneOrMany for $type {}

        impl<S: Into<String>, $($const)*> IntoStrings for $type {
            fn into_strings(self) -> Vec<String> {
                self.into_iter().map(Into::into).collect()
            }
        }
    )*};
}

owned_strings! { [const N: usize] [S; N] [] Vec<S> }

macro_rules! borrowed_strings {
    ($([$($const:tt)*] $type:ty)*) => {$(
        impl<S: AsRef<str>, $($const)*> OneOrMany for $type {}

        impl<S: AsRef<str>, $($const)*> IntoStrings for $type {
            fn into_strings(self) -> Vec<String> {
                self.iter().map(|text| text.as_ref().to_owned()).collect()
            }
        }
    )*};
}

borrowed_strings! { [] &[S] [const N: usize] &[S; N] [] &Vec<S> }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_string_or_several_are_accepted_in_every_usual_form() {
        fn strings(argument: impl OneOrMany) -> Vec<String> {
            argument.into_strings()
        }
        let owned = "a".to_owned();
        for one in [
            strings("a"),
            strings(owned.clone()),
            strings(&owned),
            strings(Cow::Borrowed("a")),
            strings(Cow::<str>::Owned(owned.clone())),
        ] {
            assert_eq!(one, ["a"]);
        }
        let (array, literals): (&[&str; 2], _) = (&["a", "b"], vec!["a", "b"]);
        let vec = vec![owned.clone(), "b".to_owned()];
        for several in [
            strings(["a", "b"]),
            strings(array),
            strings([Cow::Borrowed("a"), Cow::Borrowed("b")]),
            strings([&owned, &"b".to_owned()]),
            strings(literals.clone()),
            strings(&literals),
            strings(&vec),
            strings(&vec[..]),
            strings(&["a", "b"][..]),
            strings(vec.clone()),
        ] {
            assert_eq!(several, ["a", "b"]);
        }
        assert!(strings([""; 0]).is_empty());
    }
}
