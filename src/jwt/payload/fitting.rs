//! Reads claims that do not fit their type once more, to find the member that does not fit.

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Number, Value, map};

use crate::jwt::misfit::Misfit;

/// What keeps `json` from being a `T`, or `None` if that cannot be told.
#[cold]
pub(crate) fn misfit<T: DeserializeOwned>(json: &str) -> Option<Misfit> {
    misfit_of::<T>(&serde_json::from_str(json).ok()?)
}

/// The same of claims that are parsed already.
pub(crate) fn misfit_of<T: DeserializeOwned>(claims: &Value) -> Option<Misfit> {
    T::deserialize(Reader(claims)).err()
}

/// Reads a value with a seed, with errors that know members and no values.
pub(crate) fn read<'v, S: DeserializeSeed<'v>>(
    value: &'v Value,
    seed: S,
) -> Result<S::Value, Misfit> {
    seed.deserialize(Reader(value))
}

/// A value that is read as `serde_json` reads it, with errors that know members and no values.
struct Reader<'v>(&'v Value);

impl<'de> Reader<'de> {
    fn items<V: Visitor<'de>>(items: &'de [Value], visitor: V) -> Result<V::Value, Misfit> {
        let mut items = Items(items.iter());
        let value = visitor.visit_seq(&mut items)?;
        if items.0.len() == 0 { Ok(value) } else { Err(Misfit::length()) }
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => visit_number(number, visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => Self::items(items, visitor),
            Value::Object(members) => visitor.visit_map(Members::new(members, &[])),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if name.starts_with('$') {
            // One of the names that `serde_json` keeps to itself, as for its `RawValue`.
            return self.0.deserialize_newtype_struct(name, visitor).map_err(|_| Misfit::refused());
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Object(members) => visitor.visit_map(Members::new(members, fields)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(text) => {
                BorrowedStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            Value::Object(members) => MapAccessDeserializer::new(Members::new(members, &[]))
                .deserialize_enum(name, variants, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, Misfit> {
    if let Some(number) = number.as_u64() {
        visitor.visit_u64(number)
    } else if let Some(number) = number.as_i64() {
        visitor.visit_i64(number)
    } else {
        visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
    }
}

struct Items<'v>(std::slice::Iter<'v, Value>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        let item = self.0.next().map(|item| seed.deserialize(Reader(item)));
        item.transpose().map_err(Misfit::in_element)
    }
}

struct Members<'v> {
    members: map::Iter<'v>,
    /// Of the struct that is read; none if it is a map.
    fields: &'static [&'static str],
    /// The member whose name was read last.
    member: Option<(&'v str, &'v Value)>,
}

impl<'v> Members<'v> {
    fn new(members: &'v map::Map<String, Value>, fields: &'static [&'static str]) -> Self {
        Self { members: members.iter(), fields, member: None }
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        self.member = self.members.next().map(|(name, value)| (name.as_str(), value));
        self.member.map(|(name, _)| seed.deserialize(Name(name))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let (name, value) = self.member.take().ok_or(Misfit::refused())?;
        let field = self.fields.iter().find(|field| **field == name);
        seed.deserialize(Reader(value)).map_err(|misfit| misfit.in_member(field.copied()))
    }
}

/// The name of a member. Maps whose keys are numbers have them as text.
struct Name<'v>(&'v str);

macro_rules! number {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            match self.0.parse() {
                Ok(number) => visit_number(&number, visitor),
                Err(_) => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0.parse() {
            Ok(value) => visitor.visit_bool(value),
            Err(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        BorrowedStrDeserializer::new(self.0).deserialize_enum(name, variants, visitor)
    }

    number! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_f32 deserialize_f64
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::fmt::Debug;

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(dead_code)]
    struct Shopper {
        company: String,
        #[serde(alias = "rank")]
        level: u8,
        plan: Plan,
        address: Option<Address>,
        #[serde(default)]
        team_roles: Vec<String>,
        #[serde(default)]
        limits: BTreeMap<u16, i8>,
        #[serde(default)]
        by_name: HashMap<String, Address>,
        #[serde(default)]
        pair: (u8, bool),
        #[serde(default)]
        raw: Option<Box<RawValue>>,
        #[serde(default)]
        id: Option<Id>,
        #[serde(default)]
        either: Option<Either>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Address {
        zip: u32,
        point: Option<Point>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Point {
        x: f64,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    enum Plan {
        Free,
        Paid { until: u64 },
    }

    #[derive(Debug, Deserialize)]
    #[serde(try_from = "String")]
    struct Id;

    impl TryFrom<String> for Id {
        type Error = String;

        fn try_from(text: String) -> Result<Self, String> {
            if text == "id" { Ok(Self) } else { Err(format!("{text} is no id")) }
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Either {
        Number(u8),
        Flag(bool),
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Flattened {
        company: String,
        #[serde(flatten)]
        point: Point,
    }

    fn said<T: DeserializeOwned + Debug>(claims: &Value) -> String {
        let json = claims.to_string();
        assert!(serde_json::from_str::<T>(&json).is_err(), "{json}");
        misfit::<T>(&json).unwrap().to_string()
    }

    fn good() -> Value {
        json!({
            "company": "acme", "level": 3, "plan": "Free", "address": { "zip": 1, "point": null },
            "teamRoles": ["a"], "limits": { "7": -1 }, "byName": { "home": { "zip": 2 } },
            "pair": [1, true], "raw": { "any": [1.5] }, "id": "id", "either": true, "more": -2.5,
        })
    }

    #[test]
    fn what_fits_has_no_misfit() {
        assert_eq!(misfit::<Shopper>(&good().to_string()), None);
        assert_eq!(misfit::<Flattened>(r#"{"company":"acme","x":1}"#), None);
        assert_eq!(misfit::<Shopper>("{"), None);
    }

    #[test]
    fn the_member_is_named_and_its_value_is_not() {
        for (name, value, expected) in [
            ("company", json!(["secret"]), "invalid type for `company`: an array"),
            ("company", Value::Null, "invalid type for `company`: null"),
            ("level", json!("secret"), "invalid type for `level`: a string"),
            ("level", json!(1.5), "invalid type for `level`: a number"),
            ("level", json!(256), "invalid value for `level`"),
            ("plan", json!("Secret"), "unknown variant for `plan`"),
            ("plan", json!({ "Paid": {} }), "missing field `until` in `plan`"),
            ("plan", json!({ "Paid": { "until": true } }), "invalid type inside `plan`: a boolean"),
            ("plan", json!(1), "invalid type for `plan`: a number"),
            ("address", json!({}), "missing field `zip` in `address`"),
            (
                "address",
                json!({ "zip": "secret" }),
                "invalid type for `zip` in `address`: a string",
            ),
            ("address", json!({ "zip": 1, "secret": 1 }), "unknown field in `address`"),
            ("address", json!({ "zip": 1, "sub": 1 }), "unknown field `sub` in `address`"),
            ("address", json!({ "zip": 1, "point": {} }), "missing field `x` in `address`"),
            ("teamRoles", json!(["a", 1]), "invalid type inside `teamRoles`: a number"),
            ("teamRoles", json!({}), "invalid type for `teamRoles`: an object"),
            ("limits", json!({ "7": "secret" }), "invalid type inside `limits`: a string"),
            ("limits", json!({ "secret": 1 }), "invalid type for `limits`: a string"),
            ("byName", json!({ "secret": {} }), "missing field `zip` in `byName`"),
            (
                "byName",
                json!({ "s": { "zip": "" } }),
                "invalid type for `zip` in `byName`: a string",
            ),
            ("pair", json!([1, true, "secret"]), "invalid length for `pair`"),
            ("pair", json!([1]), "invalid length for `pair`"),
            ("id", json!("secret"), "refused by the type of `id`"),
            ("either", json!("secret"), "refused by the type of `either`"),
        ] {
            let mut claims = good();
            claims[name] = value;
            assert_eq!(said::<Shopper>(&claims), expected, "{claims}");
        }
        let mut without = good();
        without.as_object_mut().unwrap().remove("company");
        assert_eq!(said::<Shopper>(&without), "missing field `company`");
        let rank = json!({ "company": "a", "rank": "secret" });
        assert_eq!(said::<Shopper>(&rank), "invalid type for `rank`: a string");
    }

    #[test]
    fn types_that_are_no_structs_say_less() {
        assert_eq!(said::<String>(&good()), "invalid type: an object");
        assert_eq!(said::<HashMap<String, u8>>(&json!({ "a": "b" })), "invalid type: a string");
        assert_eq!(said::<Address>(&json!({ "zip": 1, "exp": 2 })), "unknown field `exp`");
        assert_eq!(said::<Address>(&json!({ "zip": 1, "secret": 2 })), "unknown field");
        assert_eq!(said::<Flattened>(&json!({ "x": 1.5 })), "missing field `company`");
        assert_eq!(said::<Flattened>(&json!({ "company": "" })), "missing field `x`");
        let wrong = json!({ "company": "", "x": "secret" });
        assert_eq!(said::<Flattened>(&wrong), "invalid type: a string");
    }

    proptest! {
        /// A member that fits is never blamed: there is a misfit where `serde_json` has an error.
        #[test]
        fn a_misfit_is_an_error_of_serde_json_too(
            name in prop::sample::select(vec![
                "company", "level", "plan", "address", "teamRoles", "limits", "byName", "pair",
                "raw", "id", "either", "more",
            ]),
            value in prop::sample::select(vec![
                json!(null), json!(true), json!(0), json!(-1), json!(300), json!(0.5), json!("id"),
                json!("Free"), json!([]), json!(["a"]), json!([0, false]), json!([[1]]), json!({}),
                json!({ "zip": 0 }), json!({ "zip": 0, "point": { "x": 0 } }),
                json!({ "Paid": { "until": 0 } }), json!({ "Free": null }), json!({ "1": 1 }),
                json!({ "a": 1 }), json!({ "a": { "zip": 1 } }),
            ]),
        ) {
            let mut claims = good();
            claims[name] = value;
            let json = claims.to_string();
            let error = serde_json::from_str::<Shopper>(&json).err();
            let misfit = misfit::<Shopper>(&json);
            prop_assert_eq!(misfit.is_some(), error.is_some(), "{} {:?}", json, error);
            if let Some(misfit) = misfit {
                let said = misfit.to_string();
                prop_assert!(said.contains(&format!("`{name}`")), "{} {}", json, said);
            }
        }
    }
}
