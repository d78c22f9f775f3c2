//! A deserializer for the JSON that most issuers write. It accepts a subset of what `serde_json`
//! accepts, with the same result. The caller reads all other text, valid or not, with `serde_json`.

use std::borrow::Cow;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::jwt::payload::scan::{NotPlain, Scanner};
use crate::jwt::payload::seeds::RawSeed;

/// A deserializer for plain JSON. The caller must have limited the depth.
pub(crate) struct Plain<'de> {
    scanner: Scanner<'de>,
}

impl<'de> Plain<'de> {
    pub(crate) fn new(json: &'de str) -> Self {
        Self { scanner: Scanner::new(json) }
    }

    /// Checks that only white space follows.
    pub(crate) fn end(&mut self) -> Result<(), NotPlain> {
        if self.scanner.peek().is_none() { Ok(()) } else { Err(NotPlain) }
    }

    /// Skips a value and returns its text.
    fn raw(&mut self) -> Result<&'de str, NotPlain> {
        self.scanner.peek();
        let start = self.scanner.at();
        IgnoredAny::deserialize(&mut *self)?;
        self.scanner.since(start)
    }

    fn items(&mut self, close: u8) -> Items<'_, 'de> {
        self.scanner.skip(1);
        Items { plain: self, close, state: State::Opened }
    }
}

/// Accepts a value only if it has the type that the caller asks for.
macro_rules! only_where_next_is {
    ($($first:pat => $($method:ident)*;)*) => {$($(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
            match self.scanner.peek() {
                Some($first) => self.deserialize_any(visitor),
                _ => Err(NotPlain),
            }
        }
    )*)*};
}

/// Leaves rare types to `serde_json`.
macro_rules! never {
    ($($method:ident($($argument:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* _: V) -> Result<V::Value, NotPlain> {
            Err(NotPlain)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Plain<'de> {
    type Error = NotPlain;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        match self.scanner.next()? {
            b'"' => match self.scanner.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_str(&text),
            },
            b'0'..=b'9' => visitor.visit_u64(self.scanner.number()?),
            b'[' => {
                let mut items = self.items(b']');
                let value = visitor.visit_seq(&mut items)?;
                items.end().map(|()| value)
            }
            b'{' => {
                let mut items = self.items(b'}');
                let value = visitor.visit_map(&mut items)?;
                items.end().map(|()| value)
            }
            b't' => self.scanner.word("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.scanner.word("false").and_then(|()| visitor.visit_bool(false)),
            b'n' => self.scanner.word("null").and_then(|()| visitor.visit_unit()),
            _ => Err(NotPlain),
        }
    }

    only_where_next_is! {
        b'"' => deserialize_str deserialize_string deserialize_char deserialize_identifier;
        b'0'..=b'9' => deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
            deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
            deserialize_f32 deserialize_f64;
        b't' | b'f' => deserialize_bool;
        b'n' => deserialize_unit;
        b'[' => deserialize_seq;
        b'{' => deserialize_map;
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        match self.scanner.peek() {
            Some(b'n') => self.scanner.word("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        if name == RawSeed::NAME {
            return visitor.visit_borrowed_str(self.raw()?);
        }
        // `serde_json` gives names with `$` a special meaning.
        if name.starts_with('$') { Err(NotPlain) } else { visitor.visit_newtype_struct(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        match self.scanner.peek() {
            Some(b'{' | b'[') => self.deserialize_any(visitor),
            _ => Err(NotPlain),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        match self.scanner.peek() {
            Some(b'"') => match self.scanner.plain_string() {
                Some(text) => {
                    BorrowedStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
                }
                None => Err(NotPlain),
            },
            _ => Err(NotPlain),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        self.deserialize_any(IgnoredAny)?;
        visitor.visit_unit()
    }

    never! {
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_i128();
        deserialize_u128();
        deserialize_unit_struct(&'static str);
    }
}

/// The content between two brackets.
struct Items<'p, 'de> {
    plain: &'p mut Plain<'de>,
    close: u8,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Opened,
    Inside,
    Closed,
}

impl Items<'_, '_> {
    /// Advances to the next item, if there is one.
    #[inline]
    fn advance(&mut self) -> Result<bool, NotPlain> {
        if self.state == State::Closed {
            return Ok(false);
        }
        let next = self.plain.scanner.next()?;
        if next == self.close {
            self.plain.scanner.skip(1);
            self.state = State::Closed;
            return Ok(false);
        }
        if self.state == State::Inside {
            // Only a comma may follow an item. A trailing comma is rejected by the reader of the
            // item.
            if next != b',' {
                return Err(NotPlain);
            }
            self.plain.scanner.skip(1);
        }
        self.state = State::Inside;
        Ok(true)
    }

    /// Fails if the type did not consume every item.
    #[inline]
    fn end(&mut self) -> Result<(), NotPlain> {
        if self.advance()? { Err(NotPlain) } else { Ok(()) }
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = NotPlain;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, NotPlain> {
        if self.advance()? { seed.deserialize(&mut *self.plain).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = NotPlain;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NotPlain> {
        if !self.advance()? {
            return Ok(None);
        }
        if self.plain.scanner.next()? != b'"' {
            return Err(NotPlain);
        }
        match self.plain.scanner.plain_string() {
            // Names with `$` have a special meaning in `serde_json`.
            Some(name) if !name.starts_with('$') => seed.deserialize(MemberName(name)).map(Some),
            _ => Err(NotPlain),
        }
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, NotPlain> {
        self.plain.scanner.expect(b':')?;
        seed.deserialize(&mut *self.plain)
    }
}

/// A member name, for types that read it as text.
struct MemberName<'de>(&'de str);

impl<'de> Deserializer<'de> for MemberName<'de> {
    type Error = NotPlain;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_borrowed_str(self.0)
    }

    forward_to_deserialize_any! { str string char identifier ignored_any }

    // `serde_json` can also read numbers and other types from names.
    never! {
        deserialize_bool();
        deserialize_u8(); deserialize_u16(); deserialize_u32(); deserialize_u64();
        deserialize_i8(); deserialize_i16(); deserialize_i32(); deserialize_i64();
        deserialize_u128(); deserialize_i128(); deserialize_f32(); deserialize_f64();
        deserialize_bytes(); deserialize_byte_buf(); deserialize_option();
        deserialize_unit(); deserialize_unit_struct(&'static str);
        deserialize_newtype_struct(&'static str);
        deserialize_seq(); deserialize_tuple(usize); deserialize_map();
        deserialize_tuple_struct(&'static str, usize);
        deserialize_struct(&'static str, &'static [&'static str]);
        deserialize_enum(&'static str, &'static [&'static str]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    /// Reads `json` with `Plain` and with `serde_json`, and checks that the values are equal.
    /// Returns `None` if `Plain` does not accept `json`.
    fn read<'de, T: Deserialize<'de> + PartialEq + Debug>(json: &'de str) -> Option<T> {
        let mut plain = Plain::new(json);
        let value = T::deserialize(&mut plain).and_then(|value| plain.end().map(|()| value)).ok();
        let expected = serde_json::from_str::<T>(json).ok();
        assert!(value.is_none() || value == expected, "{json}: {value:?}, {expected:?}");
        value
    }

    #[derive(Deserialize, PartialEq, Debug)]
    struct Typed<'a> {
        #[serde(borrow)]
        text: Option<&'a str>,
        #[serde(default)]
        number: Option<u32>,
        #[serde(default)]
        pair: (u8, bool),
        #[serde(default)]
        plan: Option<Plan>,
        #[serde(default)]
        unit: (),
        #[serde(default)]
        float: f64,
    }

    /// A struct without fields, which ignores all members.
    #[derive(Deserialize, PartialEq, Debug)]
    struct Ignored {}

    #[derive(Deserialize, PartialEq, Debug)]
    enum Plan {
        Free,
        Paid(u8),
    }

    #[test]
    fn plain_json_is_read_and_other_text_is_left_to_serde_json() {
        assert!(
            read::<Typed<'_>>(r#"{"text":"a","number":1,"pair":[1,true],"plan":"Free"}"#).is_some()
        );
        assert!(
            read::<Typed<'_>>(
                " { \"text\" :\tnull ,\n\"unit\":null,\"x\":[{},[ ]] ,\"float\":1}\r"
            )
            .is_some()
        );
        assert!(
            read::<BTreeMap<String, Value>>(r#"{"a":"\u00e9","b":[],"c":{"d":false}}"#).is_some()
        );
        assert!(read::<Typed<'_>>(r#"["a",1,[1,true],null,null]"#).is_some());
        for json in [
            "",
            "{",
            "{}}",
            "{} x",
            "{,}",
            r#"{"text"}"#,
            r#"{"text":}"#,
            r#"{"text":"a",}"#,
            r#"{"text":"a" "number":1}"#,
            r#"{text:1}"#,
            r#"{"text":"a","pair":[1,true,3]}"#,
            r#"{"text":"a","pair":[1,]}"#,
            r#"{"text":"a","plan":{"Paid":1}}"#,
            r#"{"te\u0078t":"a"}"#,
            r#"{"text":"a","number":01}"#,
            r#"{"text":"a","float":1.5}"#,
            r#"{"text":"a","float":-1}"#,
            r#"{"text":"a","number":"1"}"#,
            r#"{"text":"a\"b"}"#,
            r#"{"text":nul}"#,
            r#"{"text":"a","unit":1}"#,
            r#"{"text":"a","$x":1}"#,
            "{\"text\":\"a\nb\"}",
            r#"{"text":"a"]"#,
        ] {
            assert_eq!(read::<Typed<'_>>(json), None, "{json}");
        }
        assert_eq!(read::<BTreeMap<u8, u8>>(r#"{"1":2}"#), None);
        assert_eq!(read::<BTreeMap<Option<String>, u8>>(r#"{"1":2}"#), None);
        assert_eq!(read::<i128>("1"), None);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f32>().prop_map(|float| Value::from(f64::from(float))),
            "[ -~]{0,20}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let object = prop::collection::btree_map("[$a-z\"é]{0,9}", inner.clone(), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::from),
                object.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn accepted_values_equal_those_of_serde_json(
            value in json(),
            pretty: bool,
            place: prop::sample::Index,
            byte in "[\"\\\\{}\\[\\],:0-9eE. \\-+tfn\u{0}\n]|",
        ) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            read::<Value>(&text);
            read::<BTreeMap<String, Value>>(&text);
            // Read the text again with one character inserted or removed.
            let mut chars: Vec<char> = text.chars().collect();
            let place = place.index(chars.len());
            chars.splice(place..place + usize::from(byte.is_empty()), byte.chars());
            let changed: String = chars.into_iter().collect();
            read::<Value>(&changed);
            read::<Ignored>(&changed);
        }
    }
}
