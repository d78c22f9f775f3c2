//! Lists of roles or scopes. A token must have one or all of the names in a list.

use crate::guard::requirement::Requirement;
use crate::misuse;

/// The names of roles or scopes. A token must have all of these names if `all` is true, and
/// otherwise at least one. A single name is stored without an allocation. This saves time, since a
/// policy creates its guard for every request.
#[derive(Clone, Debug)]
pub(crate) struct RequiredNames<N> {
    first: N,
    rest: Vec<N>,
    all: bool,
}

impl<N: AsRef<str>> RequiredNames<N> {
    #[track_caller]
    pub(crate) fn new(names: impl IntoIterator<Item = N>, all: bool, function: &str) -> Self {
        let mut names = names.into_iter();
        let Some(first) = names.next() else {
            let outcome = if all { "lets everyone pass" } else { "lets nobody pass" };
            misuse::refuse(format_args!("{function} without a name {outcome}: name at least one"))
        };
        let names = Self { first, rest: names.collect(), all };
        if names.iter().any(str::is_empty) {
            misuse::refuse(format_args!(
                "{function} with an empty name, which no token has: give the name that is in the token"
            ));
        }
        names
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.first).chain(&self.rest).map(AsRef::as_ref)
    }

    /// Returns a readable description of the requirement. `kind` is "role" or "scope".
    pub(crate) fn requirement(&self, kind: &str) -> Requirement {
        let names: Vec<_> = self.iter().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        Requirement::new(match (self.rest.is_empty(), self.all) {
            (true, _) => format!("the {kind} {names}"),
            (false, true) => format!("all of the {kind}s {names}"),
            (false, false) => format!("one of the {kind}s {names}"),
        })
    }

    /// Returns true if a token meets the requirement. `held` returns the roles or the scopes of the
    /// token.
    pub(crate) fn are_held<'t, I: Iterator<Item = &'t str>>(&self, held: impl Fn() -> I) -> bool {
        let mut names = self.iter();
        let is_held = |name: &str| held().any(|held| held == name);
        if self.all { names.all(is_held) } else { names.any(is_held) }
    }
}
