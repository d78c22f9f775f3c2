//! The format of the response to a refused request.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

use crate::rejection::error::{AuthError, AuthErrorKind};

/// The format of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Status, headers and a body.
    Http,
    /// Headers for a gRPC client, which reads only `grpc-status` and `grpc-message`. The string is
    /// the content type of the response.
    Grpc(&'static str),
}

/// The content types of gRPC, the most specific first. A response uses one of these constants, and
/// never the text that the client sent.
const GRPC: [&str; 3] = ["application/grpc-web-text", "application/grpc-web", "application/grpc"];

impl Format {
    /// Returns the format of the refusal for a request with this method and these headers.
    ///
    /// A refusal in a gRPC format has the HTTP status 200. Only a POST request gets such a refusal,
    /// since all gRPC requests are POST requests. If requests with other methods got it too, a
    /// client could send a GET request with a gRPC content type, and get the status 200 for a
    /// refused request.
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let is_post = *method == Method::POST;
        let content_type = if is_post { headers.get(CONTENT_TYPE) } else { None };
        content_type.and_then(|value| grpc(value.as_bytes())).map_or(Self::Http, Self::Grpc)
    }
}

fn grpc(content_type: &[u8]) -> Option<&'static str> {
    GRPC.into_iter().find(|known| {
        content_type.split_at_checked(known.len()).is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(known.as_bytes())
                && matches!(rest, [] | [b'+' | b';' | b'-' | b' ', ..])
        })
    })
}

/// Returns the gRPC status code: UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE or INTERNAL.
pub(crate) fn grpc_status(error: &AuthError) -> HeaderValue {
    HeaderValue::from_static(match error.kind() {
        AuthErrorKind::InsufficientScope
        | AuthErrorKind::InsufficientRole
        | AuthErrorKind::CrossSiteRequest => "7",
        AuthErrorKind::KeysUnavailable | AuthErrorKind::RevocationUnavailable => "14",
        AuthErrorKind::Misconfigured | AuthErrorKind::InternalError => "13",
        _ => "16",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_recognized_by_its_content_type_and_answered_with_a_constant() {
        for (value, expected) in [
            ("application/grpc", Some("application/grpc")),
            ("application/grpc+proto", Some("application/grpc")),
            ("Application/gRPC; x=y", Some("application/grpc")),
            ("application/grpc;a=b, text/html; charset=utf-7", Some("application/grpc")),
            ("application/grpc-web", Some("application/grpc-web")),
            ("application/grpc-web+proto", Some("application/grpc-web")),
            ("application/grpc-web-text", Some("application/grpc-web-text")),
            ("application/grpcx", None),
            ("application/json", None),
            ("", None),
        ] {
            assert_eq!(grpc(value.as_bytes()), expected, "{value}");
        }
    }
}
