//! Tests with `http-fields/www_authenticate.json`. They check the challenge parser that other tests
//! use.

use crate::bearer::challenge::parse;
use crate::kit::{self, str_of};

const FILE: &str = "http-fields/www_authenticate.json";

#[test]
fn the_challenge_parser_agrees_with_rfc_9110() {
    let cases = kit::cases(FILE);
    assert_eq!(cases.len(), 33);
    for case in &cases {
        let name = str_of(case, "name");
        // Each character represents a byte of ISO 8859-1.
        let input: Vec<u8> =
            str_of(case, "input").chars().map(|char| u8::try_from(char).unwrap()).collect();
        let parsed = parse(&input);
        assert_eq!(Some(parsed.is_some()), case["valid_rfc9110"].as_bool(), "{name}: {parsed:?}");
        let (Some(challenges), Some(realm)) = (parsed, case["basic_realm"].as_str()) else {
            continue;
        };
        let basic = challenges.iter().find(|one| one.scheme.eq_ignore_ascii_case("basic"));
        let found = basic.and_then(|one| one.params.get("realm")).map(String::as_str);
        assert_eq!(found.unwrap_or_default(), realm, "{name}");
    }
}
