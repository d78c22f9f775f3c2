//! A strict parser for `WWW-Authenticate`. It accepts exactly one challenge, in the grammar of RFC
//! 9110 section 11.6.1. Each parameter must be a quoted string with only the characters that RFC
//! 6750 section 3 allows.

/// Returns the names and values of the parameters of a `Bearer` challenge, in order. Panics if
/// `field` is not such a challenge.
pub fn parse(field: &str) -> Vec<(String, String)> {
    let mut rest = field.strip_prefix("Bearer ").expect("the scheme is Bearer");
    let mut parameters: Vec<(String, String)> = Vec::new();
    loop {
        let (name, after) = rest.split_once("=\"").expect("a parameter is name=\"value\"");
        assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        assert!(parameters.iter().all(|(other, _)| other != name), "{name} comes twice: {field}");
        let (value, after) = after.split_once('"').expect("a quoted string ends");
        // RFC 6750 section 3 allows only %x20-21 / %x23-5B / %x5D-7E in the attributes that it
        // defines.
        assert!(value.bytes().all(|b| matches!(b, 0x20..=0x7E) && b != b'\\'), "{field}");
        if name == "scope" {
            assert!(value.split(' ').all(|scope| !scope.is_empty()), "{field}");
        }
        parameters.push((name.to_owned(), value.to_owned()));
        if after.is_empty() {
            return parameters;
        }
        rest = after.strip_prefix(", ").expect("parameters are separated by a comma");
    }
}
