//! How a client reads refusals.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

use crate::rejection::error::{AuthError, AuthErrorKind};

/// What a client understands.
#[derive(Clone, Debug)]
pub(crate) enum Format {
    /// Status, headers and a body.
    Http,
    /// A gRPC client: everything but `grpc-status` is lost on it. Holds its content type.
    Grpc(HeaderValue),
}

impl Format {
    /// Of a request that came with these. All of gRPC is sent with POST; were the method not looked
    /// at, anyone could have a refused GET answered with 200.
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Self {
        match headers.get(CONTENT_TYPE) {
            Some(value) if method == Method::POST && is_grpc(value.as_bytes()) => {
                Self::Grpc(value.clone())
            }
            _ => Self::Http,
        }
    }
}

fn is_grpc(content_type: &[u8]) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    content_type.split_at_checked(GRPC.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(GRPC) && matches!(rest, [] | [b'+' | b';' | b'-' | b' ', ..])
    })
}

/// The gRPC status code: UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE or INTERNAL.
pub(crate) fn grpc_status(error: &AuthError) -> HeaderValue {
    HeaderValue::from_static(match error.kind() {
        AuthErrorKind::InsufficientScope
        | AuthErrorKind::InsufficientRole
        | AuthErrorKind::CrossSiteRequest => "7",
        AuthErrorKind::RevocationUnavailable => "14",
        AuthErrorKind::Misconfigured | AuthErrorKind::InternalError => "13",
        _ => "16",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_told_by_its_content_type() {
        for (value, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("Application/gRPC; x=y", true),
            ("application/grpc-web", true),
            ("application/grpcx", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(is_grpc(value.as_bytes()), expected, "{value}");
        }
    }
}
