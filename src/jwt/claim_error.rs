//! The claim for which a token was rejected.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Display};

/// The claim for which a token was rejected: a claim that is missing, or one with an invalid value.
///
/// The error is for logs and never for a client. It names only fields of the claims type,
/// registered claims and configured claims. It contains no value from the token, but may state the
/// JSON type of a value, such as a string or a number.
///
/// ```
/// use tower_jwt_auth::{Key, Secret, jwt::{ClaimErrorKind, Signer, Verifier}};
///
/// #[derive(Debug, serde::Deserialize)]
/// struct Shopper { company: String }
///
/// let secret = Secret::generate()?;
/// let token = Signer::new(Key::hs256(secret.clone()))
///     .sign(&serde_json::json!({ "company": ["acme"], "exp": 32_503_680_000_u64 }))?;
///
/// let error = Verifier::new(secret).verify::<Shopper>(&token).unwrap_err();
/// let claim = error.claim_error().unwrap();
/// assert_eq!((claim.name(), claim.kind()), (Some("company"), ClaimErrorKind::Invalid));
/// assert_eq!(claim.to_string(), "invalid type in `company`: an array");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimError {
    /// The name of a field of the claims type, of a registered claim or of a configured claim. It
    /// is never text from the token.
    name: Option<Cow<'static, str>>,
    problem: Problem,
}

/// The kind of a [`ClaimError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClaimErrorKind {
    /// The claim is missing or `null`.
    Missing,
    /// The claim's value, or a value nested in it, is invalid. This kind is also used for an
    /// unknown claim, if the claims type denies unknown fields.
    Invalid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Missing,
    Unknown,
    /// The type of the value that was found.
    WrongType(&'static str),
    Invalid,
}

/// A message of `serde` can contain values from the token. The constructors therefore only compare
/// the beginning of a message with known words, and copy no text from it.
impl ClaimError {
    /// Creates the error for a configured claim that is missing.
    pub(crate) fn missing(name: &str) -> Self {
        Self { name: Some(name.to_owned().into()), problem: Problem::Missing }
    }

    /// Creates the error for the claim `name`, whose value could not be read. `message` is the
    /// error of `serde`.
    pub(crate) fn in_value(name: Option<&'static str>, message: &str) -> Self {
        Self::wrong_type(name.map(Cow::Borrowed), wrong_type(message))
    }

    /// Creates the error for the invalid value of the claim `name`. `found` is the JSON type of the
    /// value if that type is wrong, and `None` if the value is invalid for another reason.
    pub(crate) fn wrong_type(name: Option<Cow<'static, str>>, found: Option<&'static str>) -> Self {
        Self { name, problem: found.map_or(Problem::Invalid, Problem::WrongType) }
    }

    /// Creates the error for a claim whose name the claims type rejects, for example because the
    /// type denies unknown fields. `message` is the error of `serde`.
    pub(crate) fn of_name(name: Option<&'static str>, message: &str) -> Self {
        let is_unknown = message.starts_with("unknown field ");
        let problem = if is_unknown { Problem::Unknown } else { Problem::Invalid };
        Self { name: name.map(Cow::Borrowed), problem }
    }

    /// Creates the error for a message of `serde` about a missing field, or about claims of the
    /// wrong JSON type. Returns `None` for any other message. The name of a missing field is passed
    /// to `find`. If the name is known at compile time, `find` returns it as a `'static` string.
    pub(crate) fn of_type(
        message: &str,
        find: impl FnOnce(&str) -> Option<&'static str>,
    ) -> Option<Self> {
        if let Some(rest) = message.strip_prefix("missing field `") {
            let name = rest.split('`').next().and_then(find);
            return Some(Self { name: name.map(Cow::Borrowed), problem: Problem::Missing });
        }
        let problem = Problem::WrongType(wrong_type(message)?);
        Some(Self { name: None, problem })
    }

    /// Returns the kind of this error.
    pub fn kind(&self) -> ClaimErrorKind {
        match self.problem {
            Problem::Missing => ClaimErrorKind::Missing,
            Problem::Unknown | Problem::WrongType(_) | Problem::Invalid => ClaimErrorKind::Invalid,
        }
    }

    /// Returns the name of the claim, or the configured path to it.
    ///
    /// Names are never copied from the token, so this method returns `None` if the verifier does
    /// not know the name. The verifier knows the names of registered claims, of configured claims
    /// and of the fields of the claims type. It does not know the names in a map, or most names in
    /// a struct with `#[serde(flatten)]`.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// Returns the JSON type that is named in an "invalid type" message.
fn wrong_type(message: &str) -> Option<&'static str> {
    let found = message.strip_prefix("invalid type: ")?;
    Some(match found.split([' ', ',']).next()? {
        "boolean" => "a boolean",
        "integer" | "floating" | "number" => "a number",
        "character" | "string" => "a string",
        "null" | "unit" | "Option" => "null",
        "sequence" => "an array",
        "map" => "an object",
        _ => return None,
    })
}

impl Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (problem, link) = match self.problem {
            Problem::Missing => ("missing field", ""),
            Problem::Unknown => ("unknown field", ""),
            // The message contains "in", as in "invalid type in `address`", since the wrong value
            // may be nested inside `address`.
            Problem::WrongType(_) => ("invalid type", " in"),
            Problem::Invalid => ("invalid value", " in"),
        };
        f.write_str(problem)?;
        if let Some(name) = &self.name {
            write!(f, "{link} `{name}`")?;
        }
        match self.problem {
            Problem::WrongType(found) => write!(f, ": {found}"),
            _ => Ok(()),
        }
    }
}

impl Error for ClaimError {}
