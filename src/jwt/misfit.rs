//! Which claim of a token is not as it must be.

use std::error::Error;
use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

/// Why a token's claims do not fit the type that they are read into, such as "missing field
/// `company`", or which of the registered claims is not as it must be.
///
/// It is for logs and never for a client. The names in it are those of the type's own members and of
/// registered claims, and nothing in it is of the token but whether a value is a string, a number or
/// another kind of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    what: What,
    // Only what lives as long as the program can be in here, which no part of a token does.
    member: Option<&'static str>,
    /// In an element of the member rather than in the member itself.
    is_inside: bool,
    /// The claim that the member lies in.
    claim: Option<&'static str>,
}

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

    /// A claim that is required and missing, if its name is a usual one.
    pub(crate) fn missing(name: &str) -> Option<Self> {
        let member = usual(name)?;
        Some(Self { member: Some(member), ..Self::new(What::Missing) })
    }

    /// The member of the type, where it is known which. It is not known for a type that is no struct,
    /// nor for one with `#[serde(flatten)]` whose value is of the wrong type.
    pub fn member(&self) -> Option<&'static str> {
        self.member
    }

    /// The same, seen from the member of a struct that it happened in.
    pub(crate) fn in_member(self, name: Option<&'static str>) -> Self {
        let has_own_name = matches!(self.what, What::Missing | What::Unknown);
        match name {
            None => self.in_element(),
            Some(_) if self.member.is_none() && !has_own_name => Self { member: name, ..self },
            Some(_) => Self { claim: name, ..self },
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
        if let Some(member) = self.member {
            f.write_str(match self.what {
                What::Missing | What::Unknown => "",
                _ if self.is_inside => " inside",
                What::Refused => " of",
                _ => " for",
            })?;
            write!(f, " `{member}`")?;
        }
        if let Some(claim) = self.claim {
            write!(f, " in `{claim}`")?;
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
        Self { member: usual(field), ..Self::new(What::Unknown) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { member: Some(field), ..Self::new(What::Missing) }
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
