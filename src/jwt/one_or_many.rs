//! Arguments that are one string or several.

/// One string or several: `"cart"`, `["cart", "basket"]`, a `Vec`, a slice.
pub trait OneOrMany {
    /// The strings, in their order.
    fn into_strings(self) -> Vec<String>;
}

impl OneOrMany for &str {
    fn into_strings(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl OneOrMany for String {
    fn into_strings(self) -> Vec<String> {
        vec![self]
    }
}

impl OneOrMany for &String {
    fn into_strings(self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl<S: Into<String>, const N: usize> OneOrMany for [S; N] {
    fn into_strings(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<S: Into<String>> OneOrMany for Vec<S> {
    fn into_strings(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<S: AsRef<str>> OneOrMany for &[S] {
    fn into_strings(self) -> Vec<String> {
        self.iter().map(|text| text.as_ref().to_owned()).collect()
    }
}
