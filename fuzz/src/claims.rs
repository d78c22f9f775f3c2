//! Generated claims. They are so similar to valid claims that the verifier accepts many of them.

use arbitrary::{Arbitrary, Unstructured};

use crate::{AUDIENCE, ISSUER, NOW};

const NAMES: [&str; 21] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "scope",
    "scp",
    "cnf",
    "roles",
    "realm_access",
    "act",
    "https://i.example/roles",
    "company",
    "level",
    "client_id",
    "sid",
    "value",
    "x",
    "",
];

/// Offsets from now, in seconds. Most are close to a time limit of the verifier, and some have
/// fractions.
const TIMES: [&str; 16] = [
    "0",
    "-1",
    "5",
    "59.999999",
    "60",
    "60.000001",
    "-4.999999",
    "-5",
    "-5.000001",
    "600",
    "600.5",
    "-60",
    "-59.5",
    "-0.0",
    "1e0",
    "1E+3",
];

#[derive(Arbitrary, Debug)]
pub struct Claims {
    /// Selects the configuration.
    pub rules: u8,
    /// Each bit belongs to one of the valid claims. If the bit is set, the claim is omitted.
    pub without: u16,
    pub extra: Vec<Member>,
    /// Selects the position at which the extra members are inserted.
    pub at: u8,
    pub escapes: u64,
}

#[derive(Arbitrary, Debug)]
pub struct Member {
    name: Name,
    value: Value,
}

#[derive(Arbitrary, Debug)]
enum Name {
    Known(u8),
    Other(String),
}

#[derive(Arbitrary, Debug)]
enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    /// A time: `NOW` plus one of the offsets in [`TIMES`].
    Time(u8),
    Known(u8),
    Text(String),
    Array(Vec<Value>),
    Object(Vec<Member>),
    /// Arrays nested in each other. The `u8` determines the depth.
    Deep(u8),
}

impl Claims {
    /// Generates claims from all bytes of `input`.
    pub fn of(input: &[u8]) -> Option<Self> {
        Self::arbitrary_take_rest(Unstructured::new(input)).ok()
    }

    pub fn render(&self) -> String {
        let valid = [
            ("iss", format!("\"{ISSUER}\"")),
            ("aud", format!("\"{AUDIENCE}\"")),
            ("exp", (NOW + 300).to_string()),
            ("iat", (NOW - 10).to_string()),
            ("sub", "\"a\"".to_owned()),
            ("company", "\"c\"".to_owned()),
            ("https://i.example/roles", "[\"r\"]".to_owned()),
            ("realm_access", "{\"roles\":[{\"value\":\"r\"}]}".to_owned()),
            ("act", "{\"sub\":\"s\",\"x\":{\"value\":\"r\"}}".to_owned()),
        ];
        let mut writer = Writer { escapes: self.escapes, text: String::new() };
        let mut members = Vec::new();
        for (bit, (name, value)) in valid.iter().enumerate() {
            if self.without >> bit & 1 == 0 {
                members.push(format!("{}:{value}", writer.quoted(name)));
            }
        }
        let at = usize::from(self.at) % (members.len() + 1);
        for member in &self.extra {
            members.insert(at, writer.member(member));
        }
        // JSON allows white space around every token.
        let comma = if self.escapes & 1 == 0 { "," } else { " ,\n\t" };
        writer.text = format!("{{{}}}", members.join(comma));
        writer.text
    }
}

struct Writer {
    /// The bits that decide which characters are escaped. For each character, the bits are rotated
    /// by one place. The character is escaped if the lowest bit is then 1.
    escapes: u64,
    text: String,
}

impl Writer {
    fn member(&mut self, member: &Member) -> String {
        let name = match &member.name {
            Name::Known(index) => NAMES[usize::from(*index) % NAMES.len()],
            Name::Other(name) => name,
        };
        format!("{}:{}", self.quoted(name), self.value(&member.value))
    }

    fn value(&mut self, value: &Value) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(bool) => bool.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Unsigned(number) => number.to_string(),
            Value::Float(number) if number.is_finite() => format!("{number:e}"),
            Value::Float(_) => "1e309".to_owned(),
            Value::Time(index) => time(TIMES[usize::from(*index) % TIMES.len()]),
            Value::Known(index) => match index % 4 {
                0 => self.quoted(ISSUER),
                1 => self.quoted(AUDIENCE),
                2 => self.quoted("basket"),
                _ => self.quoted("admin  pay"),
            },
            Value::Text(text) => self.quoted(text),
            Value::Array(values) => {
                let values: Vec<_> = values.iter().map(|value| self.value(value)).collect();
                format!("[{}]", values.join(","))
            }
            Value::Object(members) => {
                let members: Vec<_> = members.iter().map(|member| self.member(member)).collect();
                format!("{{{}}}", members.join(","))
            }
            Value::Deep(depth) => {
                let depth = usize::from(depth % 40);
                format!("{}{}", "[".repeat(depth.max(1)), "]".repeat(depth.max(1)))
            }
        }
    }

    fn quoted(&mut self, text: &str) -> String {
        let mut quoted = String::from('"');
        for character in text.chars() {
            self.escapes = self.escapes.rotate_right(1);
            let must = character < ' ' || "\"\\".contains(character);
            if must || self.escapes & 1 == 1 {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    quoted.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                quoted.push(character);
            }
        }
        quoted.push('"');
        quoted
    }
}

/// Returns `NOW` plus `offset` as text, with a fraction if `offset` has one.
fn time(offset: &str) -> String {
    let seconds: f64 = offset.parse().expect("a number");
    let time = NOW as f64 + seconds;
    if offset.contains(['.', 'e', 'E']) { format!("{time:.6}") } else { format!("{time:.0}") }
}
