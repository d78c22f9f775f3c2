//! CORS preflight (Fetch standard, "CORS-preflight request").

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{HeaderMap, Method};

/// Returns true if the request looks like a CORS preflight. Browsers send preflights without
/// credentials. If a preflight is refused, the browser does not send the request that follows it.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
