//! Claims types of every kind. For each type, the verifier must read the same claims as
//! `serde_json`. The verifier's decision and the extracted values must equal those of the
//! [reference implementation](crate::rules).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Debug};
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};
use tower_jwt_auth::StandardClaims;
use tower_jwt_auth::jwt::{TokenErrorKind, Verifier};

use crate::json::Node;
use crate::rules::{Decision, Noted, RULES};
use crate::sign;

/// Reads `payload` into one of the [`TYPES`], with one of the [`RULES`]. Panics if the result
/// differs from that of the reference implementation. Returns true if the token was accepted.
pub fn check(kind: usize, rules: usize, payload: &str) -> bool {
    static VERIFIERS: LazyLock<Vec<Verifier>> =
        LazyLock::new(|| RULES.iter().map(|rules| rules.verifier()).collect());
    let rules = rules % RULES.len();
    let node = Node::parse(payload.as_bytes());
    let (decision, noted) = node
        .map_or_else(|| (Decision::Invalid, Noted::default()), |node| RULES[rules].decide(&node));
    let token = sign(br#"{"alg":"HS256","kid":"k1"}"#, payload.as_bytes());
    let case = Case { verifier: &VERIFIERS[rules], payload, token, decision, noted };
    TYPES[kind % TYPES.len()](&case)
}

/// A token and its contents.
pub struct Case<'a> {
    verifier: &'a Verifier,
    payload: &'a str,
    token: String,
    decision: Decision,
    noted: Noted,
}

/// Verifies the token with the claims type `T`, and panics if the result is not the expected one.
/// Returns true if the token was accepted.
fn agrees<T: DeserializeOwned + PartialEq + Debug>(case: &Case<'_>) -> bool {
    let (payload, name) = (case.payload, std::any::type_name::<T>());
    let expected = serde_json::from_str::<T>(payload);
    match case.verifier.verify::<T>(&case.token) {
        Ok(verified) => {
            assert_eq!(case.decision, Decision::Accepted, "{name}: {payload}");
            assert_eq!(expected.ok().as_ref(), Some(verified.claims()), "{name}: {payload}");
            case.noted.check(verified.token());
            true
        }
        // If a payload breaks a rule and also does not fit the type, the error is about the rule.
        Err(error) => {
            let decision = match error.kind() {
                TokenErrorKind::Expired => Decision::Expired,
                TokenErrorKind::ClaimsMismatch if expected.is_err() => Decision::Accepted,
                _ => Decision::Invalid,
            };
            assert_eq!(case.decision, decision, "{name}: {payload}: {error:?}");
            false
        }
    }
}

/// A list of checks: one for each claims type.
pub static TYPES: &[fn(&Case<'_>) -> bool] = &[
    agrees::<Value>,
    agrees::<StandardClaims>,
    agrees::<Renamed>,
    agrees::<Flattened>,
    agrees::<Untagged>,
    agrees::<InternallyTagged>,
    agrees::<ExternallyTagged>,
    agrees::<Enums>,
    agrees::<Strings>,
    agrees::<Wide>,
    agrees::<Narrow>,
    agrees::<Floats>,
    agrees::<Options>,
    agrees::<Maps>,
    agrees::<BTreeMap<String, Value>>,
    agrees::<HashMap<Cow<'static, str>, Scalar>>,
    agrees::<Map<String, Value>>,
    agrees::<Raw>,
    agrees::<WholeRaw>,
    agrees::<Bytes>,
    agrees::<Tuples>,
    agrees::<Lenient>,
    agrees::<Strict>,
    agrees::<Option<Box<Newtype>>>,
    agrees::<Nothing>,
    agrees::<IgnoredAny>,
];

#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Renamed {
    #[serde(rename = "sub")]
    user: String,
    #[serde(alias = "company", alias = "y")]
    tenant: Option<String>,
    #[serde(rename = "https://i.example/roles")]
    roles: Vec<String>,
    #[serde(rename = "x", alias = "level")]
    number: u8,
    #[serde(skip)]
    z: u8,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Flattened {
    exp: Option<Number>,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    choice: Option<Plan>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Inner {
    x: Option<Scalar>,
    #[serde(default)]
    company: Option<String>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Untagged {
    Exact { exp: u64, x: u8 },
    Float { exp: f64, y: Option<Vec<Scalar>>, z: String },
    Wide { x: i128, y: Plan },
    Map(BTreeMap<String, Scalar>),
    Other(Value),
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Scalar {
    Whole(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Unit,
    Pair(u8, bool),
    Level(Level),
    Other(Value),
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(tag = "sub", rename_all = "lowercase")]
enum InternallyTagged {
    A {
        x: Option<f64>,
        company: String,
    },
    B(BTreeMap<String, Value>),
    #[serde(other)]
    Other,
}

/// An externally tagged enum: the only member's name selects the variant.
#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "lowercase")]
enum ExternallyTagged {
    X(Scalar),
    Sub(String),
    Exp(u64),
    Level { a: u8 },
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Plan {
    Free,
    Paid(u8),
    Trial { days: i8 },
    Pair(u8, String),
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Free,
    Paid(u8),
    Trial { days: i8 },
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(tag = "t")]
enum Internal {
    Trial { days: i8 },
    Paid(Level),
}

#[derive(Deserialize, PartialEq, Debug)]
struct Enums {
    x: Option<Plan>,
    y: Option<Adjacent>,
    z: Option<Internal>,
    #[serde(default)]
    level: Vec<Plan>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Strings {
    sub: Option<Cow<'static, str>>,
    x: Option<char>,
    y: Option<Box<str>>,
    #[serde(default)]
    z: BTreeSet<String>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Wide {
    exp: Option<i128>,
    x: Option<u128>,
    y: Option<i128>,
    z: Option<Vec<u128>>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Narrow {
    exp: Option<u64>,
    x: Option<i8>,
    y: Option<u16>,
    z: Option<std::num::NonZeroU32>,
    level: Option<i64>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Floats {
    exp: Option<f64>,
    x: Option<f32>,
    y: Option<f64>,
    z: Option<Vec<f32>>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Options {
    x: Option<Option<u8>>,
    #[serde(default)]
    y: Option<()>,
    z: Option<bool>,
    cnf: Option<IgnoredAny>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Maps {
    x: Option<BTreeMap<i8, bool>>,
    y: Option<BTreeMap<bool, u8>>,
    z: Option<BTreeMap<Plan, u8>>,
    level: Option<BTreeMap<Option<char>, IgnoredAny>>,
    company: Option<BTreeMap<u128, Value>>,
    client_id: Option<BTreeMap<Name, f64>>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Name(String);

/// A JSON value that is stored as its original text.
#[derive(Deserialize, Debug)]
#[serde(transparent)]
struct Text(Box<RawValue>);

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

#[derive(Deserialize, PartialEq, Debug)]
struct Raw {
    exp: Option<Text>,
    x: Option<Text>,
    y: Option<Vec<Text>>,
    z: Option<BTreeMap<String, Text>>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct WholeRaw(Text);

/// A byte string that is deserialized in the same way as the types of the crate `serde_bytes`.
#[derive(PartialEq, Debug)]
struct ByteString(Vec<u8>);

impl<'de> Deserialize<'de> for ByteString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByteVisitor;

        impl<'de> Visitor<'de> for ByteVisitor {
            type Value = ByteString;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<ByteString, E> {
                Ok(ByteString(bytes.to_owned()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteString, E> {
                Ok(ByteString(text.as_bytes().to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ByteString, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(ByteString(bytes))
            }
        }
        deserializer.deserialize_byte_buf(ByteVisitor)
    }
}

#[derive(Deserialize, PartialEq, Debug)]
struct Bytes {
    sub: Option<ByteString>,
    x: Option<ByteString>,
    y: Option<Vec<ByteString>>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Unit;

#[derive(Deserialize, PartialEq, Debug)]
struct Point(u8, bool);

#[derive(Deserialize, PartialEq, Debug)]
struct Tuples {
    x: Option<(u8, bool)>,
    y: Option<Point>,
    z: Option<[u8; 1]>,
    #[serde(default)]
    level: (),
    company: Option<Unit>,
    client_id: Option<Level>,
}

#[derive(Deserialize, PartialEq, Debug, Default)]
struct Level {
    level: u8,
}

/// Claims with lenient fields. Most of them replace a value of the wrong type with the default.
/// `company` accepts a number or a string.
#[derive(Deserialize, PartialEq, Debug)]
struct Lenient {
    #[serde(default, deserialize_with = "or_default")]
    x: u8,
    #[serde(default, deserialize_with = "or_default")]
    y: Vec<u8>,
    #[serde(default, deserialize_with = "or_default")]
    z: BTreeMap<String, Level>,
    #[serde(default, deserialize_with = "or_default")]
    level: Option<Plan>,
    #[serde(default, deserialize_with = "number_or_text")]
    company: String,
    #[serde(default)]
    client_id: Vec<OrDefault<Level>>,
}

fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(T::deserialize(deserializer).unwrap_or_default())
}

fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Scalar::deserialize(deserializer)? {
        Scalar::Whole(number) => Ok(number.to_string()),
        Scalar::Text(text) => Ok(text),
        _ => Err(de::Error::custom("neither a number nor text")),
    }
}

#[derive(PartialEq, Debug)]
struct OrDefault<T>(T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for OrDefault<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        or_default(deserializer).map(Self)
    }
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Strict {
    iss: Option<IgnoredAny>,
    aud: Option<IgnoredAny>,
    exp: IgnoredAny,
    iat: Option<u64>,
    sub: Option<String>,
    company: Option<String>,
    #[serde(rename = "https://i.example/roles")]
    roles: Option<Vec<String>>,
    x: Option<Value>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Newtype(BTreeMap<String, Value>);

/// A type that skips all members.
#[derive(Deserialize, PartialEq, Debug)]
struct Nothing {}
