//! A token in `Sec-WebSocket-Protocol`, the only header that a script can set on a WebSocket.

use std::fmt::{self, Display};

use http::header::{SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderMap, HeaderValue, Method};

use crate::bearer::authorization::is_tchar;
use crate::bearer::fault::Fault;
use crate::misuse;

/// The name of the protocol that precedes the token, as in `new WebSocket(url, ["bearer", token])`.
#[derive(Clone, Debug)]
pub(crate) struct Subprotocol {
    name: Box<str>,
}

impl Subprotocol {
    #[track_caller]
    pub(crate) fn new(name: &str) -> Self {
        if name.is_empty() || !name.bytes().all(is_tchar) {
            misuse::refuse(format_args!(
                "websocket_protocol({name:?}) is no protocol name: \"bearer\" is the usual one",
            ));
        }
        Self { name: name.into() }
    }

    /// Returns the token of a WebSocket handshake whose `Sec-WebSocket-Protocol` header offers this
    /// protocol. The token is the item after the protocol's name. Returns `None` for any other
    /// request.
    pub(crate) fn find<'r>(
        &self,
        method: &Method,
        headers: &'r HeaderMap,
    ) -> Result<Option<&'r [u8]>, Fault> {
        if !is_handshake(method, headers) {
            return Ok(None);
        }
        let mut offered = offered(headers);
        if !offered.any(|protocol| protocol == self.name.as_bytes()) {
            return Ok(None);
        }
        let token = offered.next().filter(|token| !token.is_empty());
        if offered.any(|protocol| protocol == self.name.as_bytes()) {
            let reason = format!("`Sec-WebSocket-Protocol` offers `{self}` twice");
            return Err(Fault::ambiguous(reason));
        }
        token.map(Some).ok_or_else(|| {
            let reason =
                format!("`Sec-WebSocket-Protocol` offers `{self}` without a token behind it");
            Fault::malformed(reason)
        })
    }

    /// Removes the token from the offered protocols. Keeps the protocol name that comes before the
    /// token, since the server's response has to select that name.
    pub(crate) fn strip(&self, headers: &mut HeaderMap) {
        let name = self.name.as_bytes();
        let token = offered(headers).skip_while(|protocol| *protocol != name).nth(1);
        // Remove every copy of the token.
        let kept = offered(headers).filter(|protocol| Some(*protocol) != token);
        let kept = kept.collect::<Vec<_>>().join(&b", "[..]);
        headers.remove(SEC_WEBSOCKET_PROTOCOL);
        if let Ok(mut value) = HeaderValue::from_bytes(&kept) {
            value.set_sensitive(true);
            headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
        }
    }
}

impl Display for Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Returns true if the request opens a WebSocket, as described in RFC 6455 section 4.1 for
/// HTTP/1.1, or in RFC 8441 section 5 for HTTP/2 (a `CONNECT` request).
pub(crate) fn is_handshake(method: &Method, headers: &HeaderMap) -> bool {
    if *method == Method::CONNECT {
        return headers.contains_key("sec-websocket-version");
    }
    let mut upgrades = headers.get_all(UPGRADE).iter().flat_map(|field| list(field.as_bytes()));
    *method == Method::GET && upgrades.any(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
}

fn offered(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().flat_map(|field| list(field.as_bytes()))
}

fn list(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bearer::source::BadCredentials;

    fn handshake(protocols: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
        for protocol in protocols {
            headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(protocol).unwrap());
        }
        headers
    }

    #[test]
    fn the_token_follows_the_protocol_in_a_handshake() {
        let bearer = Subprotocol::new("bearer");
        let find = |protocols: &[&str]| {
            let headers = handshake(protocols);
            let found = bearer.find(&Method::GET, &headers).map_err(|fault| fault.bad);
            found.map(|token| token.map(<[u8]>::to_vec))
        };
        assert_eq!(find(&["bearer, a.b.c"]), Ok(Some(b"a.b.c".to_vec())));
        assert_eq!(find(&["chat", "bearer", "a.b.c, v2"]), Ok(Some(b"a.b.c".to_vec())));
        assert_eq!(find(&["chat"]), Ok(None));
        assert_eq!(find(&["bearer"]), Err(BadCredentials::Malformed));
        assert_eq!(find(&["bearer, "]), Err(BadCredentials::Malformed));
        assert_eq!(find(&["bearer, a, bearer, b"]), Err(BadCredentials::Ambiguous));

        let headers = handshake(&["bearer, a.b.c"]);
        assert_eq!(bearer.find(&Method::POST, &headers), Ok(None));
        let mut plain = headers.clone();
        plain.remove(UPGRADE);
        assert_eq!(bearer.find(&Method::GET, &plain), Ok(None));
    }

    #[test]
    fn stripping_leaves_the_protocols() {
        let mut headers = handshake(&["chat, bearer, a.b.c", "v2"]);
        Subprotocol::new("bearer").strip(&mut headers);
        assert_eq!(headers[SEC_WEBSOCKET_PROTOCOL], "chat, bearer, v2");
        let mut headers = handshake(&["a.b.c, bearer, a.b.c, a.b.c", "v2"]);
        Subprotocol::new("bearer").strip(&mut headers);
        assert_eq!(headers[SEC_WEBSOCKET_PROTOCOL], "bearer, v2");
    }
}
