//! The claim that makes a token invalid.

use std::error::Error;
use std::fmt::{self, Display};
use std::sync::Arc;

use serde::de::{self, Expected, Unexpected};

/// The reason for which claims do not fit the type that they are read into, such as "missing field
/// `company`", or for which a registered or configured claim is invalid.
///
/// It is for logs and never for a client. The names in it are those of the type's own members, of
/// registered claims and of configured ones. Of the token it only tells whether a value is a string,
/// a number or another kind of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    what: What,
    member: Option<Name>,
    /// The value lies in an element of the member rather than in the member itself.
    is_inside: bool,
    /// The claim that the member lies in.
    claim: Option<Name>,
}

/// A name that is not from the token: it is part of the program or of its configuration.
#[derive(Clone, Debug)]
enum Name {
    Known(&'static str),
    Configured(Arc<str>),
}

impl Name {
    fn as_str(&self) -> &str {
        match self {
            Self::Known(name) => name,
            Self::Configured(name) => name,
        }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Missing,
    Unknown,
    Type(Option<&'static str>),
    Value,
    Length,
    Variant,
    Refused,
}

/// Claims that many tokens have: their names are no secret, and live as long as the program.
const USUAL: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "scope",
    "scp",
    "roles",
    "tenant",
    "client_id",
    "auth_time",
    "azp",
];

impl Misfit {
    const fn new(what: What) -> Self {
        Self { what, member: None, is_inside: false, claim: None }
    }

    pub(crate) const fn length() -> Self {
        Self::new(What::Length)
    }

    pub(crate) const fn refused() -> Self {
        Self::new(What::Refused)
    }

    /// A required claim that is missing. `name` is from the configuration.
    pub(crate) fn missing(name: &str) -> Self {
        Self { member: Some(Name::Configured(name.into())), ..Self::new(What::Missing) }
    }

    /// The same misfit, of the configured claim `name`.
    pub(crate) fn of_configured(self, name: &str) -> Self {
        let name = Some(Name::Configured(name.into()));
        if self.member.is_some() {
            return Self { claim: name, ..self };
        }
        Self { member: name, ..self }
    }

    /// Returns the name of the member or claim, where it is known. It is unknown for a type that is
    /// not a struct, and for one with `#[serde(flatten)]` whose value has the wrong type.
    pub fn member(&self) -> Option<&str> {
        self.member.as_ref().map(Name::as_str)
    }

    /// The same, seen from the member of a struct that it happened in.
    pub(crate) fn in_member(self, name: Option<&'static str>) -> Self {
        let has_own_name = matches!(self.what, What::Missing | What::Unknown);
        match name {
            None => self.in_element(),
            Some(name) if self.member.is_none() && !has_own_name => {
                Self { member: Some(Name::Known(name)), ..self }
            }
            Some(name) => Self { claim: Some(Name::Known(name)), ..self },
        }
    }

    /// The same, seen from the array or the map that it happened in.
    pub(crate) fn in_element(self) -> Self {
        Self { is_inside: self.is_inside || self.member.is_none(), ..self }
    }
}

impl Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.what {
            What::Missing => "missing field",
            What::Unknown => "unknown field",
            What::Type(_) => "invalid type",
            What::Value => "invalid value",
            What::Length => "invalid length",
            What::Variant => "unknown variant",
            What::Refused => "refused by the type",
        })?;
        if let Some(member) = self.member() {
            f.write_str(match self.what {
                What::Missing | What::Unknown => "",
                _ if self.is_inside => " inside",
                What::Refused => " of",
                _ => " for",
            })?;
            write!(f, " `{member}`")?;
        }
        if let Some(claim) = &self.claim {
            write!(f, " in `{}`", claim.as_str())?;
        }
        match self.what {
            What::Type(Some(found)) => write!(f, ": {found}"),
            _ => Ok(()),
        }
    }
}

impl Error for Misfit {}

/// What serde says of values is left out.
impl de::Error for Misfit {
    fn custom<T: Display>(_: T) -> Self {
        Self::refused()
    }

    fn invalid_type(found: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::new(What::Type(kind(found)))
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::new(What::Value)
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::length()
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::new(What::Variant)
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self { member: usual(field).map(Name::Known), ..Self::new(What::Unknown) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { member: Some(Name::Known(field)), ..Self::new(What::Missing) }
    }
}

fn usual(name: &str) -> Option<&'static str> {
    USUAL.into_iter().find(|usual| *usual == name)
}

fn kind(found: Unexpected<'_>) -> Option<&'static str> {
    Some(match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "an array",
        Unexpected::Map => "an object",
        _ => return None,
    })
}
