//! Tests with `http-fields/cookie_header.json`: cookie names and values. The cases come from
//! projects that disagree on some points. On these points, this crate does the following. It treats
//! quotes as a part of the value. It refuses a request with two different values for one cookie. It
//! does not decode percent-encoding. It ignores white space around names and values.

use super::{Exclusion, assert_adds_up, is_listed};
use crate::kit;

const FILE: &str = "http-fields/cookie_header.json";

/// Cookie names that cannot be configured. RFC 6265 section 4.1.1 requires the name of a cookie to
/// be a *token*: one or more characters, without spaces, separators and control characters.
const NOT_A_NAME: &[Exclusion] = &[
    ("6: ", "no name"),
    ("7: key:term", "`:` is no character of a token"),
    ("9: ", "no name"),
    ("10: a b c", "a token contains no space"),
    ("11: ", "no name"),
    ("16: ", "no name"),
];
/// Cookies for which this crate does not find the value that the test case expects. Each cookie is
/// listed with the value that this crate finds.
const OTHERWISE: &[(&str, Option<&str>)] = &[
    // The cookie parser of Go removes the quotes.
    ("1: Cookie-1", Some("\"v$1\"")),
    ("1: c2", Some("\"v2\"")),
    // The request has two different values for one cookie. The test case expects the first value.
    // This crate takes neither.
    ("18: foo", None),
];

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Value,
    OtherValue,
    Several,
}

/// Finds out whether the layer reads `value` from the cookie. `value` is not a token, so the
/// response to a request with only the cookie does not show which text the layer read. A second
/// request therefore contains the cookie and also `value` in `Authorization`. If the layer reads a
/// different text from the cookie, the layer refuses the second request as ambiguous.
fn find(headers: &[String], name: &str, value: &str) -> Found {
    let auth = kit::auth().cookie(name);
    let mut fields: Vec<(&str, String)> =
        headers.iter().map(|header| ("cookie", header.clone())).collect();
    match kit::code(&kit::send(&auth, kit::request(&fields))) {
        Some("missing-credentials") => return Found::Nothing,
        Some("ambiguous-credentials") => return Found::Several,
        code => assert_eq!(code, Some("invalid-token")),
    }
    fields.push(("authorization", format!("Bearer {value}")));
    match kit::code(&kit::send(&auth, kit::request(&fields))) {
        Some("ambiguous-credentials") => Found::OtherValue,
        _ => Found::Value,
    }
}

#[test]
fn cookies_have_the_names_and_values_of_our_rule() {
    let cases = kit::cases(FILE);
    assert_eq!(cases.len(), 20);
    let (mut names, mut applied, mut otherwise) = (Vec::new(), 0, 0);
    for (at, case) in cases.iter().enumerate() {
        let Some(headers) = case["headers"].as_array() else { continue };
        let headers: Vec<String> =
            headers.iter().map(|header| header.as_str().unwrap().to_owned()).collect();
        assert_eq!(find(&headers, "absent", ""), Found::Nothing, "{headers:?}");
        for pair in case["pairs"].as_array().into_iter().flatten() {
            let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
            let case = format!("{at}: {name}");
            names.push(case.clone());
            if is_listed(NOT_A_NAME, &case) {
                let configured = std::panic::catch_unwind(|| kit::auth().cookie(name));
                assert!(configured.is_err(), "{case}");
                continue;
            }
            applied += 1;
            let ours = match OTHERWISE.iter().find(|(other, _)| *other == case) {
                Some((_, ours)) => {
                    otherwise += 1;
                    *ours
                }
                None => Some(value),
            };
            match ours {
                None => assert_eq!(find(&headers, name, value), Found::Several, "{case}"),
                Some("") => assert_eq!(find(&headers, name, ""), Found::Nothing, "{case}"),
                Some(value) => {
                    assert_eq!(find(&headers, name, value), Found::Value, "{case}");
                    let other = format!("{value}x");
                    assert_eq!(find(&headers, name, &other), Found::OtherValue, "{case}");
                }
            }
        }
    }
    assert_eq!(otherwise, OTHERWISE.len());
    assert_adds_up(FILE, &names, &[NOT_A_NAME], applied);
}

#[test]
fn thousands_of_cookies_are_searched_once() {
    let cases = kit::cases(FILE);
    let case = cases.iter().find(|case| case["repeat"].is_string()).unwrap();
    let count = usize::try_from(case["count"].as_u64().unwrap()).unwrap();
    let header = case["repeat"].as_str().unwrap().repeat(count)[1..].to_owned();
    assert_eq!(find(std::slice::from_ref(&header), "a", ""), Found::Nothing);
    assert_eq!(find(&[format!("{header};a=x")], "a", "x"), Found::Several);
    assert_eq!(find(&[format!("{header};b=x")], "b", "x"), Found::Value);
}

#[test]
fn a_cookie_without_a_name_is_ignored() {
    let cases = kit::cases(FILE);
    let nameless: Vec<_> =
        cases.iter().filter(|case| case["headers"].is_array() && case["pairs"].is_null()).collect();
    assert_eq!(nameless.len(), 1);
    let header = nameless[0]["headers"][0].as_str().unwrap();
    assert_eq!(header, "=v1");
    assert_eq!(find(&[header.to_owned()], "v1", ""), Found::Nothing);
}
