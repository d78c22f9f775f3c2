//! The claims that have a meaning for every verifier.

/// A claim that every verifier knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RegisteredClaim {
    Issuer,
    Subject,
    Audience,
    Expires,
    NotBefore,
    IssuedAt,
    Id,
    Session,
    Confirmation,
}

impl RegisteredClaim {
    #[inline]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "iss" => Self::Issuer,
            "sub" => Self::Subject,
            "aud" => Self::Audience,
            "exp" => Self::Expires,
            "nbf" => Self::NotBefore,
            "iat" => Self::IssuedAt,
            "jti" => Self::Id,
            "sid" => Self::Session,
            "cnf" => Self::Confirmation,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Issuer => "iss",
            Self::Subject => "sub",
            Self::Audience => "aud",
            Self::Expires => "exp",
            Self::NotBefore => "nbf",
            Self::IssuedAt => "iat",
            Self::Id => "jti",
            Self::Session => "sid",
            Self::Confirmation => "cnf",
        }
    }
}
