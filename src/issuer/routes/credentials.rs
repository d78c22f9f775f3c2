//! A reader for the credentials of a login. It records which parameter could not be read.

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value, map};

use crate::jwt::ClaimError;

/// Reads a value of the application's type from the parameters.
///
/// If the type is a struct, it is read only from the parameters whose names match its fields, as
/// with `#[serde(flatten)]`.
///
/// The error messages of `serde` contain values, such as a password. The error of this function
/// therefore contains only the name of the parameter and the problem.
pub(crate) fn read<C: DeserializeOwned>(
    parameters: &Map<String, Value>,
) -> Result<C, Option<ClaimError>> {
    let mut failure = None;
    C::deserialize(Credentials { parameters, failure: &mut failure }).map_err(|_| failure)
}

struct Credentials<'p, 'f> {
    parameters: &'p Map<String, Value>,
    failure: &'f mut Option<ClaimError>,
}

impl<'p> Credentials<'p, '_> {
    fn visit<V: Visitor<'p>>(
        self,
        names: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let parameters = self.parameters.iter();
        let mut pass = Parameters { parameters, names, current: None, failure: self.failure };
        visitor.visit_map(&mut pass).inspect_err(|error| pass.note_end(error))
    }
}

impl<'de> Deserializer<'de> for Credentials<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.visit(Some(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let parameters = self.parameters.iter();
        let names = Some(variants);
        let pass = Parameters { parameters, names, current: None, failure: self.failure };
        MapAccessDeserializer::new(pass).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// The request parameters, as a map for the application's type.
struct Parameters<'p, 'f> {
    parameters: map::Iter<'p>,
    /// The names of the fields or variants of the application's type. `None` if the type is a map,
    /// since a map can contain any parameter.
    names: Option<&'static [&'static str]>,
    /// The parameter whose name was read last.
    current: Option<(Option<&'static str>, &'p Value)>,
    failure: &'f mut Option<ClaimError>,
}

impl Parameters<'_, '_> {
    fn find(names: Option<&'static [&'static str]>, name: &str) -> Option<&'static str> {
        names.unwrap_or_default().iter().copied().find(|known| *known == name)
    }

    /// Records an error that is not about the value of one parameter, such as the error for a
    /// missing parameter.
    fn note_end(&mut self, error: &Error) {
        if self.failure.is_none() {
            let find = |name: &str| Self::find(self.names, name);
            *self.failure = ClaimError::of_type(&error.to_string(), find);
        }
    }
}

impl<'de> MapAccess<'de> for Parameters<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        for (name, value) in self.parameters.by_ref() {
            let known = Self::find(self.names, name);
            if self.names.is_none() || known.is_some() {
                self.current = Some((known, value));
                return seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let (name, value) = self.current.take().unwrap_or((None, &Value::Null));
        seed.deserialize(value).inspect_err(|error| {
            *self.failure = Some(ClaimError::in_value(name, &error.to_string()));
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Login {
        user: String,
        password: String,
        #[serde(default)]
        code: Option<u32>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Method {
        Code { digits: u32 },
        Key(String),
    }

    fn read_as<C: DeserializeOwned>(parameters: Value) -> Result<C, String> {
        read(parameters.as_object().unwrap())
            .map_err(|error| error.map_or("nothing".to_owned(), |error| error.to_string()))
    }

    #[test]
    fn a_type_sees_its_own_parameters_and_the_wrong_one_is_named() {
        let good = json!({ "user": "a", "password": "b", "client_id": "web" });
        assert_eq!(read_as::<Login>(good.clone()).unwrap().user, "a");
        assert!(read_as::<Option<Login>>(good.clone()).unwrap().is_some());
        for (name, value, expected) in [
            ("password", json!(["SECRET"]), "invalid type in `password`: an array"),
            ("password", json!(null), "invalid type in `password`: null"),
            ("code", json!("SECRET"), "invalid type in `code`: a string"),
            ("code", json!(-1), "invalid value in `code`"),
        ] {
            let mut parameters = good.clone();
            parameters[name] = value;
            assert_eq!(read_as::<Login>(parameters).unwrap_err(), expected);
        }
        let missing = read_as::<Login>(json!({ "user": "a" })).unwrap_err();
        assert_eq!(missing, "missing field `password`");
        let all = read_as::<BTreeMap<String, String>>(good).unwrap();
        assert_eq!(all["client_id"], "web");
        read_as::<()>(json!({ "client_id": "web" })).unwrap();
        assert!(read_as::<String>(json!({})).is_err());
    }

    #[test]
    fn an_enum_is_chosen_by_the_name_of_a_parameter() {
        let method = read_as::<Method>(json!({ "a": 1, "code": { "digits": 7 }, "z": 1 }));
        assert_eq!(method, Ok(Method::Code { digits: 7 }));
        let method = read_as::<Method>(json!({ "key": 1 }));
        assert_eq!(method.unwrap_err(), "invalid type in `key`: a number");
        assert!(read_as::<Method>(json!({ "other": 1 })).is_err());
    }
}
