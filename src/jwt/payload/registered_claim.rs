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
        // The names of all these claims have three letters.
        let name: [u8; 3] = name.as_bytes().try_into().ok()?;
        Some(match &name {
            b"iss" => Self::Issuer,
            b"sub" => Self::Subject,
            b"aud" => Self::Audience,
            b"exp" => Self::Expires,
            b"nbf" => Self::NotBefore,
            b"iat" => Self::IssuedAt,
            b"jti" => Self::Id,
            b"sid" => Self::Session,
            b"cnf" => Self::Confirmation,
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
