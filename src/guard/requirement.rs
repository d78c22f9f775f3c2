//! Descriptions of guard requirements.

use std::borrow::Cow;
use std::fmt::{self, Display};

/// A readable description of a guard's requirement, for
/// [`AuthError::reason`](crate::AuthError::reason).
///
/// ```
/// use tower_jwt_auth::guard::{Guard, has_any_role, has_scope};
///
/// let guard = has_any_role(["admin", "support"]).and(has_scope("pay").not());
/// assert_eq!(
///     guard.requirement().to_string(),
///     "one of the roles `admin`, `support`, and not the scope `pay`",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    clause: Clause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Clause {
    Text(Cow<'static, str>),
    All(Vec<Requirement>),
    Any(Vec<Requirement>),
    Not(Box<Requirement>),
}

impl Requirement {
    /// Returns a requirement with this text, such as "the client `backoffice`".
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { clause: Clause::Text(text.into()) }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        let parts = |requirement: Self| match requirement.clause {
            Clause::All(parts) => parts,
            _ => vec![requirement],
        };
        Self { clause: Clause::All([parts(self), parts(other)].concat()) }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        let parts = |requirement: Self| match requirement.clause {
            Clause::Any(parts) => parts,
            _ => vec![requirement],
        };
        Self { clause: Clause::Any([parts(self), parts(other)].concat()) }
    }

    pub(crate) fn negated(self) -> Self {
        Self { clause: Clause::Not(Box::new(self)) }
    }
}

impl Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            parts.iter().enumerate().try_for_each(|(place, part)| {
                if place > 0 {
                    f.write_str(word)?;
                }
                part.fmt_within(f)
            })
        };
        match &self.clause {
            Clause::Text(text) => f.write_str(text),
            Clause::All(parts) => joined(f, parts, ", and "),
            Clause::Any(parts) => joined(f, parts, ", or "),
            Clause::Not(part) => {
                f.write_str("not ")?;
                part.fmt_within(f)
            }
        }
    }
}

impl Requirement {
    fn fmt_within(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.clause {
            Clause::All(_) | Clause::Any(_) => write!(f, "({self})"),
            Clause::Text(_) | Clause::Not(_) => write!(f, "{self}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_of_combinations_are_unambiguous() {
        let [a, b, c] = ["a", "b", "c"].map(Requirement::new);
        for (requirement, text) in [
            (a.clone().and(b.clone()).and(c.clone()), "a, and b, and c"),
            (a.clone().or(b.clone()).or(c.clone()), "a, or b, or c"),
            (a.clone().and(b.clone().or(c.clone())), "a, and (b, or c)"),
            (a.clone().and(b.clone()).or(c.clone()), "(a, and b), or c"),
            (a.clone().or(b.clone()).negated(), "not (a, or b)"),
            (a.negated().and(b.negated()), "not a, and not b"),
        ] {
            assert_eq!(requirement.to_string(), text);
        }
    }
}
