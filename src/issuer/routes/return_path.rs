//! The path to which a browser returns after a login.

/// The maximum length of a path. Real pages have shorter paths, and a path of this length still
/// fits into a cookie.
pub(crate) const MAX_RETURN_PATH_BYTES: usize = 512;

/// Returns true if a browser resolves `path` to a page of this site, whatever page the browser
/// currently shows.
///
/// A browser reads the `host` in `//host` and `/\host` as a host name, even if tabs or line breaks
/// follow the first slash. A browser does not decode a `%2F` after the first slash, but a proxy
/// may.
///
/// A browser also removes the segments `.` and `..` from a path, so it requests `//host` for
/// `/.//host`. If the server then appends a slash and redirects to `//host/`, the browser reads
/// `host` as a host name, and leaves this site.
pub(crate) fn is_return_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let Some(rest) = path.strip_prefix('/') else { return false };
    let begins_like_a_host = ["/", "%2f", "%5c", "%09", "%0a", "%0d"].iter().any(|start| {
        rest.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
    });
    path.len() <= MAX_RETURN_PATH_BYTES
        && path.bytes().all(is_plain)
        && !begins_like_a_host
        && !rest.split(['?', '#']).take(1).flat_map(|rest| rest.split('/')).any(is_dot_segment)
}

/// Returns true for `.` and `..`, even if they are percent-encoded.
fn is_dot_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_path_stays_on_this_site() {
        let long = format!("/{}", "a".repeat(MAX_RETURN_PATH_BYTES - 1));
        for path in [
            "/",
            "/cart",
            "/cart?item=7&x=%2F#end",
            "/a//b",
            "/a/%2fb",
            "/@x:y",
            "/.a/..b/...",
            "/a?./../x",
            &long,
        ] {
            assert!(is_return_path(path), "{path}");
        }
        for path in [
            "",
            "cart",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/cart\\x",
            "/\t/evil.example",
            "/\n/evil.example",
            "/a\r\nset-cookie: x",
            "/ cart",
            "/caf\u{e9}",
            "/%2f/evil.example",
            "/%2Fevil.example",
            "/%5Cevil.example",
            "/%09/evil.example",
            "/.",
            "/.//evil.example",
            "/..//evil.example",
            "/a/..//evil.example",
            "/%2e//evil.example",
            "/.%2E//evil.example",
            "/a/..",
            "https://evil.example",
            "javascript:alert(1)",
            " /cart",
            &format!("{long}a"),
        ] {
            assert!(!is_return_path(path), "{path}");
        }
    }
}
