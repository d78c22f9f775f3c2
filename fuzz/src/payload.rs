//! Generated payloads: the claims of a valid token in any order and spelling, and further claims in
//! all forms of JSON. One character is then changed in half of the payloads.

use arbitrary::{Result, Unstructured};

use crate::{AUDIENCE, ISSUER, NOW};

const NAMES: [&str; 25] = [
    "x",
    "y",
    "z",
    "x",
    "y",
    "z",
    "level",
    "company",
    "client_id",
    "roles",
    "scope",
    "scp",
    "realm_access",
    "act",
    "https://i.example/roles",
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "cnf",
    "",
];

/// Values that the types in [`crate::types`] accept, and similar values that they do not accept.
const VALUES: [&str; 98] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "-0",
    "7",
    "255",
    "256",
    "01",
    "1.0",
    "1.50",
    "-1.5e3",
    "1E+2",
    "1e-400",
    "1e400",
    "-1e400",
    "0.1",
    "16777217",
    "3.4028236e38",
    "999999999999999999",
    "1000000000000000000",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211455",
    "340282366920938463463374607431768211456",
    "-170141183460469231731687303715884105728",
    "1700000000",
    "1700000060.5",
    "1.7000001e9",
    "1700000060000",
    r#""""#,
    r#""a""#,
    r#""b""#,
    r#""é""#,
    r#""\ud83d\ude00""#,
    r#""\ud800""#,
    r#""a\n\"\\\/b""#,
    r#""7""#,
    r#""1.5""#,
    r#""cart""#,
    r#""basket""#,
    r#""https://i.example""#,
    r#""admin  pay""#,
    r#""Free""#,
    r#""Paid""#,
    r#""$serde_json::private::Number""#,
    "[]",
    "[1]",
    "[1,true]",
    r#"[1,true,"a"]"#,
    r#"["a","b"]"#,
    r#"["cart",1]"#,
    r#"["basket","cart"]"#,
    r#"[1,"a"]"#,
    r#"["a",1]"#,
    "[[1,2],[3]]",
    r#"[[1,"a"],[3]]"#,
    r#"[{"level":1},{"level":"a"}]"#,
    r#"[{"value":"r"},"s"]"#,
    r#"[{"value":"r","value":"s"}]"#,
    r#"[null]"#,
    "{}",
    r#"{"a":1}"#,
    r#"{"a":1,"a":2}"#,
    r#"{"a":{"b":1,"c":[{"d":1,"d":2}]}}"#,
    r#"{"level":1}"#,
    r#"{"level":256}"#,
    r#"{"level":1,"more":[1.50,{"a":null}]}"#,
    r#"{"level":"a","more":1}"#,
    r#"{"a":{"level":"a"},"b":{"level":1}}"#,
    r#"{"roles":["r"]}"#,
    r#"{"roles":["r",7]}"#,
    r#"{"roles":null,"scope":"read"}"#,
    r#"{"scope":["read","pay"],"roles":[{"value":"admin"}]}"#,
    r#"{"sub":"s","x":{"value":"\u0072"}}"#,
    r#"{"sub":"s","x":{"value":"r","value":"r"}}"#,
    r#"{"Paid":1}"#,
    r#"{"Paid":"a"}"#,
    r#"{"Trial":{"days":7}}"#,
    r#"{"Pair":[1,"a"]}"#,
    r#"{"Free":null}"#,
    r#"{"Free":null,"Paid":1}"#,
    r#"{"t":"Paid","c":7}"#,
    r#"{"c":{"days":7},"t":"Trial"}"#,
    r#"{"days":7,"t":"Trial"}"#,
    r#"{"1":true,"-2":false}"#,
    r#"{"true":1,"false":2}"#,
    r#"{"Free":1,"Paid":2}"#,
    r#"{"1.5":1}"#,
    r#"{"\u0031":1}"#,
    r#"{"\ud800":1}"#,
    r#"{"$serde_json::private::RawValue":"1"}"#,
];

/// Builds a payload; the bytes of `input` select its parts.
pub fn payload(input: &[u8]) -> String {
    write(&mut Unstructured::new(input)).unwrap_or_default()
}

fn write(input: &mut Unstructured<'_>) -> Result<String> {
    let mut members = Vec::new();
    // An externally tagged enum can be read only from a payload that has exactly one member.
    let is_alone = input.ratio(1, 8)?;
    let without = if is_alone { 0xFF } else { input.arbitrary::<u16>()? };
    for (bit, member) in valid().into_iter().enumerate() {
        if without >> bit & 1 == 0 || without & 0x100 != 0 {
            members.push(member);
        }
    }
    for _ in 0..if is_alone { 1 } else { input.int_in_range(0..=3)? } {
        let member = format!("\"{}\":{}", input.choose(&NAMES)?, value(input)?);
        members.insert(input.choose_index(members.len() + 1)?, member);
    }
    let text = format!("{{{}}}", members.join(","));
    let text = if input.ratio(1, 3)? { spell(&text, input.arbitrary()?) } else { text };
    if input.ratio(1, 2)? { change(&text, input) } else { Ok(text) }
}

fn valid() -> [String; 8] {
    [
        format!("\"iss\":\"{ISSUER}\""),
        format!("\"aud\":\"{AUDIENCE}\""),
        format!("\"exp\":{}", NOW + 300),
        format!("\"iat\":{}", NOW - 10),
        "\"sub\":\"a\"".to_owned(),
        "\"company\":\"c\"".to_owned(),
        "\"https://i.example/roles\":[\"r\"]".to_owned(),
        "\"act\":{\"sub\":\"s\",\"x\":{\"value\":\"r\"}}".to_owned(),
    ]
}

fn value(input: &mut Unstructured<'_>) -> Result<String> {
    let value = *input.choose(&VALUES)?;
    Ok(match input.int_in_range(0..=15)? {
        0 => format!("[{value}]"),
        1 => format!("{{\"a\":{value}}}"),
        2 => format!("{{\"a\":1,\"level\":{value}}}"),
        3 => {
            // The object around this value adds one level of nesting. The limit is 32 levels, so
            // this range contains valid and invalid depths.
            let depth = input.int_in_range(28..=33)?;
            let (open, close) = *input.choose(&[("[", "]"), ("{\"a\":", "}")])?;
            format!("{}{value}{}", open.repeat(depth), close.repeat(depth))
        }
        _ => value.to_owned(),
    })
}

/// Escapes some of the characters in strings, and adds white space around some brackets, commas and
/// colons. Each character of `text` is changed only if the next bit of `bits` is 1. After the last
/// bit, the first bit is used again.
fn spell(text: &str, mut bits: u64) -> String {
    let mut spelled = String::new();
    let (mut is_inside, mut is_escaped) = (false, false);
    for character in text.chars() {
        bits = bits.rotate_right(1);
        let is_changed = bits & 1 == 1;
        match character {
            '"' if !is_escaped => {
                is_inside = !is_inside;
                spelled.push('"');
            }
            // Keep the characters of an escape, including the digits after `\u`.
            '\\' | 'u' | '0'..='9' | 'a'..='f' | 'n' | '/' | '"' if is_inside => {
                spelled.push(character);
            }
            _ if is_inside && is_changed => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    spelled.push_str(&format!("\\u{unit:04x}"));
                }
            }
            '[' | ']' | '{' | '}' | ',' | ':' if !is_inside && is_changed => {
                spelled.push_str(" \n");
                spelled.push(character);
                spelled.push('\t');
            }
            _ => spelled.push(character),
        }
        is_escaped = is_inside && character == '\\' && !is_escaped;
    }
    spelled
}

/// Replaces, inserts or removes one character.
fn change(text: &str, input: &mut Unstructured<'_>) -> Result<String> {
    let mut characters: Vec<char> = text.chars().collect();
    let at = input.choose_index(characters.len())?;
    let new = *input.choose(&[
        '"', '\\', '{', '}', '[', ']', ',', ':', '0', '9', '-', '.', 'e', ' ', 'a', '\u{1}',
    ])?;
    match input.int_in_range(0..=2)? {
        0 => characters[at] = new,
        1 => characters.insert(at, new),
        _ => drop(characters.remove(at)),
    }
    Ok(characters.into_iter().collect())
}
