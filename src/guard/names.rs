//! Names of which a token must have one, or all.

use smallvec::SmallVec;

use crate::misuse;

/// One name is the common case and needs no allocation: policies are made per request.
#[derive(Clone, Debug)]
pub(crate) struct Names<N> {
    names: SmallVec<[N; 1]>,
    all: bool,
}

impl<N: AsRef<str>> Names<N> {
    #[track_caller]
    pub(crate) fn new(names: impl IntoIterator<Item = N>, all: bool, function: &str) -> Self {
        let names: SmallVec<[N; 1]> = names.into_iter().collect();
        if names.is_empty() {
            let outcome = if all { "lets everyone pass" } else { "lets nobody pass" };
            misuse::refuse(format_args!("{function} without a name {outcome}: name at least one"));
        }
        if names.iter().any(|name| name.as_ref().is_empty()) {
            misuse::refuse(format_args!("{function} with an empty name: no token has one"));
        }
        Self { names, all }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// Whether what a token holds is enough.
    pub(crate) fn are_held<'t, I: Iterator<Item = &'t str>>(&self, held: impl Fn() -> I) -> bool {
        let mut names = self.iter();
        let is_held = |name: &str| held().any(|held| held == name);
        if self.all { names.all(is_held) } else { names.any(is_held) }
    }
}
