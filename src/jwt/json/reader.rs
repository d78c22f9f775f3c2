//! The reader for the JSON in tokens: a `serde` deserializer.

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::Error;
use serde_json::de::StrRead;
#[cfg(feature = "openid-login")]
use serde_json::{Map, Value};

use crate::jwt::json::by_serde_json;
use crate::jwt::json::exact_numbers;
use crate::jwt::json::member_name::{EscapedName, MemberName};
use crate::jwt::json::names::{self, SeenNames};
use crate::jwt::json::scan::Scanner;

/// The maximum depth of nested arrays and objects, including the outermost one.
const MAX_DEPTH: usize = 32;

/// The first rule that a JSON text breaks. The rules are the same for every Rust type that the text
/// is read into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonFault {
    /// The text is not JSON.
    Syntax,
    TooDeep,
    DuplicateName,
    /// A member has a name that `serde_json` reserves for itself.
    ReservedName,
}

/// Checks that `json` is one JSON value, and returns the first fault.
pub(crate) fn fault_in(json: &str) -> Option<JsonFault> {
    let mut reader = Reader::new(json);
    let _ = reader.skip_value().and_then(|()| reader.end());
    reader.fault
}

/// Reads an object, and enforces the rules for depth and member names. The error message contains
/// no value from the object.
#[cfg(feature = "openid-login")]
pub(crate) fn object(json: &[u8]) -> Result<Map<String, Value>, &'static str> {
    const NOT_AN_OBJECT: &str = "it is not a JSON object";
    let json = std::str::from_utf8(json).map_err(|_| NOT_AN_OBJECT)?;
    let mut reader = Reader::new(json);
    if reader.peek() != Some(b'{') {
        return Err(NOT_AN_OBJECT);
    }
    let object = Map::deserialize(&mut reader);
    let end = reader.end();
    match (reader.fault, object, end) {
        (Some(JsonFault::DuplicateName), ..) => Err("a member occurs twice"),
        (Some(JsonFault::TooDeep), ..) => Err("its values are nested too deeply"),
        (None, Ok(object), Ok(())) => Ok(object),
        _ => Err(NOT_AN_OBJECT),
    }
}

/// A deserializer for JSON. It gives the same results as `serde_json`, except that it also rejects
/// input that breaks the rules for depth and names. The rules apply to every value, even to a value
/// that the `Deserialize` implementation skips.
pub(crate) struct Reader<'de> {
    scanner: Scanner<'de>,
    /// The number of open brackets.
    depth: usize,
    /// The first fault. Once there is a fault, the text is invalid, even if a `Deserialize`
    /// implementation ignores the error.
    fault: Option<JsonFault>,
    /// The start and the end of the value that [`Self::read_ahead`] last read.
    read: (usize, usize),
    /// The name that was read last, if it has escapes. [`Self::next_name`] returns an empty string
    /// for such a name. If `next_name` last returned a name that is not empty, this field must not
    /// be read, since it may contain an earlier name.
    escaped_name: Option<EscapedName<'de>>,
    /// True if `serde_json` keeps numbers as text (its feature `arbitrary_precision`).
    has_exact_numbers: bool,
}

impl<'de> Reader<'de> {
    pub(crate) fn new(json: &'de str) -> Self {
        Self {
            scanner: Scanner::new(json),
            depth: 0,
            fault: None,
            read: (usize::MAX, 0),
            escaped_name: None,
            has_exact_numbers: exact_numbers::are_on(),
        }
    }

    pub(crate) fn fault(&self) -> Option<JsonFault> {
        self.fault
    }

    /// Records a fault and returns it as an error.
    #[cold]
    pub(crate) fn fail(&mut self, fault: JsonFault) -> Error {
        self.fault.get_or_insert(fault);
        de::Error::custom("the JSON is invalid")
    }

    /// Returns the first byte of the next value.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.scanner.peek()
    }

    /// Checks that only white space follows.
    #[inline]
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        if self.scanner.peek().is_none() { Ok(()) } else { Err(self.fail(JsonFault::Syntax)) }
    }

    /// Reads the opening bracket of an array or object, which must be next.
    #[inline]
    pub(crate) fn open(&mut self) -> Result<(), Error> {
        self.scanner.skip(1);
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH { Err(self.fail(JsonFault::TooDeep)) } else { Ok(()) }
    }

    /// Reads the opening bracket of an object. Fails if something else is next.
    #[inline]
    pub(crate) fn open_object(&mut self) -> Result<(), Error> {
        if self.peek() == Some(b'{') { self.open() } else { Err(self.fail(JsonFault::Syntax)) }
    }

    /// Advances to the next item. Returns false if the closing bracket `close` is next.
    #[inline]
    pub(crate) fn next_item(&mut self, close: u8, is_first: &mut bool) -> Result<bool, Error> {
        match self.scanner.peek() {
            Some(byte) if byte == close => return Ok(false),
            // After a trailing comma, reading the next item fails.
            Some(b',') if !*is_first => self.scanner.skip(1),
            Some(_) if *is_first => {}
            _ => return Err(self.fail(JsonFault::Syntax)),
        }
        *is_first = false;
        Ok(true)
    }

    /// Reads the closing bracket `close` of an array or object. Fails if the visitor left items
    /// unread.
    #[inline]
    pub(crate) fn close(&mut self, close: u8) -> Result<(), Error> {
        if self.scanner.peek() != Some(close) {
            return Err(self.fail(JsonFault::Syntax));
        }
        self.scanner.skip(1);
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    /// Reads the name of the next member, and the colon after the name. Returns `None` after the
    /// last member. If the name has escapes, stores it in [`Self::escaped_name`] and returns an
    /// empty string.
    // This method does not return an owned `MemberName`, since that value would be moved several
    // times.
    #[inline(always)]
    pub(crate) fn next_name(&mut self, is_first: &mut bool) -> Result<Option<&'de str>, Error> {
        match self.scanner.short_name(*is_first) {
            Some(name) => {
                // A short name has at most seven bytes. Reserved names are longer.
                debug_assert!(!names::is_reserved(name));
                *is_first = false;
                Ok(Some(name))
            }
            None => self.next_other_name(is_first),
        }
    }

    /// Reads a name as [`Self::next_name`] does. The name may be long or have escapes, and white
    /// space may surround it.
    #[cold]
    #[inline(never)]
    fn next_other_name(&mut self, is_first: &mut bool) -> Result<Option<&'de str>, Error> {
        self.escaped_name = None;
        if !self.next_item(b'}', is_first)? {
            return Ok(None);
        }
        if self.scanner.peek() != Some(b'"') {
            return Err(self.fail(JsonFault::Syntax));
        }
        let name = match self.scanner.plain_string() {
            Some(name) if names::is_reserved(name) => {
                return Err(self.fail(JsonFault::ReservedName));
            }
            Some(name) => name,
            None => self.name_with_escapes()?,
        };
        self.colon().map(|()| Some(name))
    }

    /// Reads the colon after a name.
    fn colon(&mut self) -> Result<(), Error> {
        if self.scanner.peek() != Some(b':') {
            return Err(self.fail(JsonFault::Syntax));
        }
        self.scanner.skip(1);
        Ok(())
    }

    /// Reads a name that contains escapes. For an unpaired surrogate, returns an error but does not
    /// record a [`JsonFault`], since the grammar of JSON allows unpaired surrogates.
    fn name_with_escapes(&mut self) -> Result<&'de str, Error> {
        let name = match self.scanner.escaped_string() {
            Some((text, quoted)) => EscapedName { text, quoted },
            None => {
                let quoted = self.scanner.scalar();
                let text = serde_json::from_str(quoted).inspect_err(|_| self.check(quoted))?;
                EscapedName { text, quoted }
            }
        };
        if names::is_reserved(&name.text) {
            return Err(self.fail(JsonFault::ReservedName));
        }
        self.escaped_name = Some(name);
        Ok("")
    }

    /// Returns the name that was just read, with its escapes decoded. `plain` is the result of
    /// [`Self::next_name`]: the name if it has no escapes, and otherwise an empty string.
    #[inline]
    pub(crate) fn member_name(&self, plain: &'de str) -> MemberName<'_, 'de> {
        MemberName::new(plain, self.escaped_name.as_ref())
    }

    /// Returns the name that was just read if it has escapes, and `None` otherwise. The reader
    /// stores such a name only until this call. Call this method before the member's value is read:
    /// if the value contains a name with escapes, that name replaces the stored one. `plain` is the
    /// result of [`Self::next_name`].
    #[inline]
    pub(crate) fn take_escaped_name(&mut self, plain: &str) -> Option<EscapedName<'de>> {
        if plain.is_empty() { self.escaped_name.take() } else { None }
    }

    /// Reads a name as [`Self::next_name`] does, and checks that no earlier member of the object
    /// has the same name.
    #[inline]
    fn next_new_name(
        &mut self,
        is_first: &mut bool,
        seen: &mut SeenNames<'de>,
    ) -> Result<Option<&'de str>, Error> {
        let Some(plain) = self.next_name(is_first)? else { return Ok(None) };
        let name = self.member_name(plain);
        let is_new = seen.insert(names::group(name.text()), name.text(), name.written());
        if is_new { Ok(Some(plain)) } else { Err(self.fail(JsonFault::DuplicateName)) }
    }

    /// Reads the next value, and then moves back to its start, so that the value can be read again.
    /// Records the end of the value. [`skip_value`](Self::skip_value) can then move to this end
    /// without reading the value again.
    #[inline]
    pub(crate) fn read_ahead<R, E>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<R, E>,
    ) -> Result<R, E> {
        let (start, depth) = (self.scanner.at(), self.depth);
        let value = read(self);
        if value.is_ok() {
            self.read = (start, self.scanner.at());
        }
        self.scanner.move_to(start);
        self.depth = depth;
        value
    }

    /// Reads the next string, and returns its start and length. If the string has an escape or is
    /// invalid, returns `None` and does not change the position.
    #[inline]
    pub(crate) fn plain_string(&mut self) -> Option<(usize, usize)> {
        let (start, end) = self.scanner.plain_span()?;
        Some((start, end.wrapping_sub(start)))
    }

    /// Reads the next number if it is a whole number of at most 18 digits. Returns `None` for any
    /// other value.
    #[inline]
    pub(crate) fn whole_number(&mut self) -> Option<u64> {
        self.scanner.whole_number()
    }

    /// Reads each element of the next array.
    pub(crate) fn each_element<E: From<Error>>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open()?;
        let mut is_first = true;
        while self.next_item(b']', &mut is_first)? {
            read(self)?;
        }
        Ok(self.close(b']')?)
    }

    /// Reads each member of the next object. `read` receives the member's name and the first byte
    /// of its value.
    pub(crate) fn each_member<E: From<Error>>(
        &mut self,
        mut read: impl FnMut(&mut Self, &str, u8) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open()?;
        let (mut is_first, mut seen) = (true, SeenNames::default());
        while let Some(plain) = self.next_new_name(&mut is_first, &mut seen)? {
            let escaped = self.take_escaped_name(plain);
            let name = MemberName::new(plain, escaped.as_ref());
            let Some(next) = self.peek() else { return Err(self.fail(JsonFault::Syntax).into()) };
            read(self, name.text(), next)?;
        }
        Ok(self.close(b'}')?)
    }

    /// Skips a value and returns its text.
    pub(crate) fn raw(&mut self) -> Result<&'de str, Error> {
        self.scanner.peek();
        let start = self.scanner.at();
        self.skip_value()?;
        Ok(self.scanner.since(start))
    }

    /// Skips a value.
    #[inline]
    pub(crate) fn skip_value(&mut self) -> Result<(), Error> {
        let (start, end) = self.read;
        if self.scanner.at() == start {
            self.scanner.move_to(end);
            return Ok(());
        }
        self.skip_new_value()
    }

    /// Skips a value that [`Self::read_ahead`] has not read.
    fn skip_new_value(&mut self) -> Result<(), Error> {
        let is_plain = match self.scanner.peek() {
            Some(b'"') => self.scanner.plain_string().is_some(),
            Some(b'0'..=b'9' | b'-') => self.scanner.skip_number(),
            Some(b't') => self.scanner.word("true"),
            Some(b'f') => self.scanner.word("false"),
            Some(b'n') => self.scanner.word("null"),
            Some(b'[') => return self.each_element(Self::skip_value),
            Some(b'{') => return self.skip_object(),
            _ => false,
        };
        if is_plain {
            Ok(())
        } else {
            self.hand_over(|json| IgnoredAny::deserialize(json).map(|_| ()))
        }
    }

    fn skip_object(&mut self) -> Result<(), Error> {
        self.open()?;
        let (mut is_first, mut seen) = (true, SeenNames::default());
        while self.skip_name(&mut is_first, &mut seen)? {
            self.skip_value()?;
        }
        self.close(b'}')
    }

    /// Reads a name in a skipped value. A name with an unpaired surrogate counts as an empty name.
    /// Returns false after the last member.
    fn skip_name(&mut self, is_first: &mut bool, seen: &mut SeenNames<'de>) -> Result<bool, Error> {
        match self.next_new_name(is_first, seen) {
            Err(_) if self.fault.is_none() && seen.insert(names::group(""), "", "") => {
                self.colon().map(|()| true)
            }
            Err(_) if self.fault.is_none() => Err(self.fail(JsonFault::DuplicateName)),
            name => name.map(|name| name.is_some()),
        }
    }

    /// Lets `serde_json` read the string, number or word at this position. If a bracket is at this
    /// position, `serde_json` returns an error about the wrong type.
    #[cold]
    #[inline(never)]
    fn hand_over<R>(
        &mut self,
        read: impl FnOnce(&mut serde_json::Deserializer<StrRead<'de>>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.scanner.peek();
        let text = self.scanner.scalar();
        self.hand_over_text(text, read)
    }

    /// Lets `serde_json` read the whole value at this position.
    #[cold]
    #[inline(never)]
    fn hand_over_all<R>(
        &mut self,
        read: impl FnOnce(&mut serde_json::Deserializer<StrRead<'de>>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let text = self.raw()?;
        self.hand_over_text(text, read)
    }

    fn hand_over_text<R>(
        &mut self,
        text: &'de str,
        read: impl FnOnce(&mut serde_json::Deserializer<StrRead<'de>>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut is_at_end = true;
        let value = by_serde_json::read(text, |json| {
            let value = read(json);
            is_at_end = json.end().is_ok();
            value
        });
        if value.is_err() {
            self.check(text);
            if !is_at_end {
                self.scanner.move_to_end();
            }
        }
        value
    }

    /// Records a fault if `text` is not valid JSON. This method is called after the deserialization
    /// of `text` into a type has failed. The code that reads the surrounding value may ignore the
    /// error of that type. Without this check, such code could accept invalid JSON. If `text` is a
    /// single opening bracket, no fault is recorded, since the reader has not read the rest of that
    /// array or object yet.
    #[cold]
    fn check(&mut self, text: &str) {
        if !matches!(text, "[" | "{") && serde_json::from_str::<IgnoredAny>(text).is_err() {
            self.fail(JsonFault::Syntax);
        }
    }

    fn array<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let depth = self.depth;
        let value =
            self.open().and_then(|()| visitor.visit_seq(Array { reader: self, is_first: true }));
        self.finish(b']', depth, value)
    }

    fn object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let depth = self.depth;
        let value = self.open().and_then(|()| {
            let seen = SeenNames::default();
            visitor.visit_map(Object { reader: self, is_first: true, seen })
        });
        self.finish(b'}', depth, value)
    }

    /// Leaves an array or object after a visitor has read its contents. `value` is the result of
    /// the visitor.
    #[inline]
    fn finish<R>(&mut self, close: u8, depth: usize, value: Result<R, Error>) -> Result<R, Error> {
        let value = match value {
            Ok(value) => self.close(close).map(|()| value),
            Err(error) => {
                self.abandon(close);
                Err(error)
            }
        };
        self.depth = depth;
        value
    }

    /// Ends the reading of an array or object in which an error occurred. A `Deserialize`
    /// implementation may ignore the error, and continue with the value after the array or object.
    /// As with `serde_json`, the implementation can continue only if the closing bracket is next.
    /// Otherwise this method moves the reader to the end of the text. This prevents the
    /// implementation from reading the remaining items as if they belonged to the enclosing array
    /// or object.
    #[cold]
    fn abandon(&mut self, close: u8) {
        if self.scanner.peek() == Some(close) {
            self.scanner.skip(1);
        } else {
            self.scanner.move_to_end();
        }
    }
}

/// Defines methods of the deserializer. Each method reads simple values of one JSON type, such as
/// strings without escapes. `serde_json` reads all other values.
macro_rules! plain {
    ($($method:ident: $kind:ident;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            plain!($kind, self, visitor);
            self.hand_over(|json| json.$method(visitor))
        }
    )*};
    (string, $self:ident, $visitor:ident) => {
        if $self.scanner.peek() == Some(b'"') && let Some(text) = $self.scanner.plain_string() {
            return $visitor.visit_borrowed_str(text);
        }
    };
    (number, $self:ident, $visitor:ident) => {
        if let Some(b'0'..=b'9') = $self.scanner.peek() && let Some(n) = $self.scanner.whole_number() {
            return $visitor.visit_u64(n);
        }
    };
    (boolean, $self:ident, $visitor:ident) => {
        match $self.scanner.peek() {
            Some(b't') if $self.scanner.word("true") => return $visitor.visit_bool(true),
            Some(b'f') if $self.scanner.word("false") => return $visitor.visit_bool(false),
            _ => {}
        }
    };
    (null, $self:ident, $visitor:ident) => {
        if $self.scanner.peek() == Some(b'n') && $self.scanner.word("null") {
            return $visitor.visit_unit();
        }
    };
    (array, $self:ident, $visitor:ident) => {
        if $self.scanner.peek() == Some(b'[') {
            return $self.array($visitor);
        }
    };
    (object, $self:ident, $visitor:ident) => {
        if $self.scanner.peek() == Some(b'{') {
            return $self.object($visitor);
        }
    };
    (never, $self:ident, $visitor:ident) => {};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.scanner.peek() {
            Some(b'"') => self.deserialize_str(visitor),
            Some(b'0'..=b'9') if !self.has_exact_numbers => match self.scanner.whole_number() {
                Some(number) => visitor.visit_u64(number),
                None => self.hand_over(|json| json.deserialize_any(visitor)),
            },
            Some(b'[') => self.array(visitor),
            Some(b'{') => self.object(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            Some(b'n') => self.deserialize_unit(visitor),
            _ => self.hand_over(|json| json.deserialize_any(visitor)),
        }
    }

    plain! {
        deserialize_str: string;
        deserialize_string: string;
        deserialize_char: string;
        deserialize_identifier: string;
        deserialize_u8: number;
        deserialize_u16: number;
        deserialize_u32: number;
        deserialize_u64: number;
        deserialize_i8: number;
        deserialize_i16: number;
        deserialize_i32: number;
        deserialize_i64: number;
        deserialize_f32: number;
        deserialize_f64: number;
        deserialize_i128: never;
        deserialize_u128: never;
        deserialize_bool: boolean;
        deserialize_unit: null;
        deserialize_seq: array;
        deserialize_map: object;
        deserialize_bytes: array;
        deserialize_byte_buf: array;
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.scanner.peek() {
            Some(b'n') if self.scanner.word("null") => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        // `RawValue` calls this method with a reserved name. Only `serde_json` can read a
        // `RawValue`.
        if names::is_reserved(name) {
            return self.hand_over_all(|json| json.deserialize_newtype_struct(name, visitor));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.scanner.peek() {
            Some(b'{') => self.object(visitor),
            Some(b'[') => self.array(visitor),
            _ => self.hand_over(|json| json.deserialize_struct(name, fields, visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.hand_over_all(|json| json.deserialize_enum(name, variants, visitor))
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip_value()?;
        visitor.visit_unit()
    }
}

/// The elements of an array.
struct Array<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

impl<'de> SeqAccess<'de> for Array<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if self.reader.next_item(b']', &mut self.is_first)? {
            seed.deserialize(&mut *self.reader).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// The members of a nested object.
struct Object<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
    seen: SeenNames<'de>,
}

impl<'de> MapAccess<'de> for Object<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        match self.reader.next_new_name(&mut self.is_first, &mut self.seen)? {
            Some(plain) => seed.deserialize(self.reader.member_name(plain)).map(Some),
            None => Ok(None),
        }
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use proptest::prelude::*;

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_change_of_one_byte_is_read_as_by_serde_json() {
        let json = r#"{"aaa":"1","bbb":-2.5e1,"":[3],"ccccccc":{"d":"\n"},"dddddddd":true,"e":6}"#;
        for place in 0..json.len() {
            let (start, rest) = json.split_at(place);
            let texts = (0..128).map(|byte| format!("{start}{}{}", char::from(byte), &rest[1..]));
            for text in texts.chain([format!("{start}{}", &rest[1..])]) {
                read::<BTreeMap<String, Value>>(&text);
                read::<IgnoredAny>(&text);
            }
        }
    }

    #[cfg(feature = "openid-login")]
    #[test]
    fn an_object_is_read_or_rejected_with_a_reason() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
        for (json, expected) in [
            (r#"{"a":1}"#, Ok(r#"{"a":1}"#)),
            (r#"{"a":1,"a":1}"#, Err("a member occurs twice")),
            (&deep, Err("its values are nested too deeply")),
            ("[1]", Err("it is not a JSON object")),
            (r#"{"a":1}x"#, Err("it is not a JSON object")),
        ] {
            let read = object(json.as_bytes()).map(|object| Value::Object(object).to_string());
            assert_eq!(read, expected.map(str::to_owned), "{json}");
        }
        assert_eq!(object(b"\xff"), Err("it is not a JSON object"));
    }

    /// Reads `json` with [`Reader`] and with `serde_json`, and checks that the results are equal.
    /// Returns the fault that `Reader` found.
    #[track_caller]
    fn read<'de, T: Deserialize<'de> + PartialEq + Debug>(json: &'de str) -> Option<JsonFault> {
        let mut reader = Reader::new(json);
        let value = T::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
        let value = value.ok().filter(|_| reader.fault.is_none());
        let expected = serde_json::from_str::<T>(json).ok();
        let is_stricter = !matches!(reader.fault, None | Some(JsonFault::Syntax));
        assert!(
            value == expected || value.is_none() && is_stricter,
            "{json}: {value:?}, {expected:?}"
        );
        reader.fault
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
        #[serde(default)]
        big: i128,
        #[serde(default)]
        map: BTreeMap<i8, bool>,
    }

    /// A struct without fields, which ignores all members.
    #[derive(Deserialize, PartialEq, Debug)]
    struct Ignored {}

    #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
    enum Plan {
        Free,
        Paid(u8),
        Trial { days: i8 },
    }

    #[test]
    fn each_form_of_a_value_is_read_as_by_serde_json() {
        for value in [
            "1",
            "-1",
            "0",
            "-0",
            "01",
            "1.5",
            "-1.5e3",
            "1e400",
            "1e",
            "255",
            "256",
            "340282366920938463463",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775809",
            "1-2",
            "+1",
            ".5",
            "1.",
            "true",
            "false",
            "null",
            "tru",
            "nulll",
            "truefalse",
            "NaN",
            r#""""#,
            r#""a""#,
            r#""\u0061""#,
            r#""\ud83d\ude00""#,
            r#""\ud800""#,
            r#""\x""#,
            r#""a"#,
            "\"a\nb\"",
            "\"\u{e9}\"",
            r#""Free""#,
            r#""Fre\u0065""#,
            r#""Paid""#,
            r#"{"Paid":1}"#,
            r#"{"Paid":256}"#,
            r#"{"Trial":{"days":-3}}"#,
            r#"{"Trial":{"days":-3},"Free":null}"#,
            r#"{"Free":null}"#,
            "[]",
            "[1]",
            "[1,true]",
            "[1,true,3]",
            "[1,true,]",
            "[,]",
            "[,1]",
            r#"{,"a":1}"#,
            "[1 true]",
            "[1,[2,[3]]]",
            "[",
            "]",
            "{}",
            r#"{"1":true}"#,
            r#"{"-1":true,"\u0031":false}"#,
            r#"{"1 ":true}"#,
            r#"{" 1":true}"#,
            r#"{"1.5":true}"#,
            r#"{"":true}"#,
            r#"{"true":1}"#,
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{"a":}"#,
            r#"{a:1}"#,
            r#"{"\ud800":1}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":1e400}"#,
            "{",
            "}",
            "",
            " ",
            "\u{a0}1",
            "1 \t\r\n",
            "1 x",
        ] {
            read::<Value>(value);
            read::<IgnoredAny>(value);
            read::<String>(value);
            read::<&str>(value);
            read::<char>(value);
            read::<bool>(value);
            read::<()>(value);
            read::<u8>(value);
            read::<i64>(value);
            read::<u64>(value);
            read::<i128>(value);
            read::<u128>(value);
            read::<f32>(value);
            read::<f64>(value);
            read::<Option<u8>>(value);
            read::<(u8, bool)>(value);
            read::<Vec<Value>>(value);
            read::<Plan>(value);
            read::<Ignored>(value);
            read::<BTreeMap<String, Value>>(value);
            read::<BTreeMap<i8, bool>>(value);
            read::<BTreeMap<u128, bool>>(value);
            read::<BTreeMap<bool, u8>>(value);
            read::<BTreeMap<Plan, u8>>(value);
            read::<BTreeMap<Option<char>, bool>>(value);
            let member = format!("{{\"text\":null,\"x\":{value},\"map\":{value}}}");
            read::<Typed<'_>>(&member);
            read::<Ignored>(&member);
            read::<Value>(&member);
        }
    }

    #[test]
    fn a_name_that_occurs_twice_in_one_object_is_found_at_any_depth() {
        let many = |last: &str| {
            let names: Vec<_> = (0..40).map(|n| format!("\"n{n}\":{n}")).collect();
            format!("{{\"a\":{{{},\"{last}\":0}}}}", names.join(","))
        };
        for json in [
            r#"{"realm_access":{"roles":["user"],"roles":["admin"]}}"#.to_owned(),
            r#"{"a":[1,[{"b":{},"c":[{}],"b":1}]]}"#.to_owned(),
            r#"{"a":{"b":{"c":1},"d":2,"b" : 3}}"#.to_owned(),
            r#"{"a":{"b":1,"\u0062":2}}"#.to_owned(),
            r#"{"a":{"\"":1,"\u0022":2}}"#.to_owned(),
            r#"{"a":{"":1,"":2}}"#.to_owned(),
            r#"{"a":{},"a":1}"#.to_owned(),
            r#"{"a":{"\ud800":1,"\udbff":2}}"#.to_owned(),
            many("n39"),
            many("n0"),
        ] {
            assert_eq!(fault_in(&json), Some(JsonFault::DuplicateName), "{json}");
            if !json.contains("ud800") {
                assert_eq!(read::<Value>(&json), Some(JsonFault::DuplicateName), "{json}");
            }
        }
        for json in [
            r#"{"a":{"b":1},"c":{"b":2,"a":3}}"#.to_owned(),
            r#"{"a":[{"b":1},{"b":1}],"b":["a","a"]}"#.to_owned(),
            r#"{"a":{"b":"b","c":"\"b\":"}}"#.to_owned(),
            r#"{"a":{"b":"{","c":"}","d":{"b":"\\"}}}"#.to_owned(),
            r#"{"a":{"\ud800":1,"b":2}}"#.to_owned(),
            many("n40"),
        ] {
            assert_eq!(fault_in(&json), None, "{json}");
        }
    }

    #[test]
    fn depth_counts_open_brackets_outside_of_strings() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        let too_deep = Some(JsonFault::TooDeep);
        assert_eq!(fault_in(&nested(32)), None);
        assert_eq!(fault_in(&nested(33)), too_deep);
        assert_eq!(fault_in(&"[{\"a\":".repeat(50_000)), too_deep);
        assert_eq!(fault_in(&format!("[{}]", vec!["{}"; 100].join(","))), None);
        assert_eq!(fault_in(&format!(r#"["{}"]"#, "[".repeat(100))), None);
        assert_eq!(fault_in(&format!(r#"["\"{}"]"#, "[".repeat(100))), None);
        assert_eq!(fault_in(&format!(r#"["\\",{}]"#, nested(32))), too_deep);
        for json in [nested(32), nested(33), format!("[{}]", nested(32)), nested(200)] {
            read::<Value>(&json);
        }
    }

    #[test]
    fn reserved_names_are_found_at_any_depth_and_in_any_spelling() {
        for json in [
            r#"{"$serde_json::private::RawValue":"1"}"#,
            r#"{"a":[{"b":{"$serde_json::private::Number" : "1"}}]}"#,
            r#"{"a":{"\u0024serde_json::private::RawValue":"1"}}"#,
            r#"{"a":{"$serde_json::priv\u0061te::RawValue":"1"}}"#,
            r#"{"\\":1,"a\"":{"$serde\u005fjson::private::x":"1"}}"#,
        ] {
            assert_eq!(fault_in(json), Some(JsonFault::ReservedName), "{json}");
            assert_eq!(read::<Value>(json), Some(JsonFault::ReservedName), "{json}");
        }
        for json in [
            r#"{"$ref":"x"}"#,
            r#"{"a":"$serde_json::private::RawValue"}"#,
            r#"{"a":"\":{\"$serde_json::private::RawValue\":1}"}"#,
            r#"{"caf\u00e9":"\u0024serde_json::private::RawValue","price":"$1"}"#,
        ] {
            assert_eq!(fault_in(json), None, "{json}");
        }
    }

    /// A value, or the default value if it cannot be read.
    #[derive(PartialEq, Debug)]
    struct Lenient<T>(T);

    impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Lenient<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Ok(Self(T::deserialize(deserializer).unwrap_or_default()))
        }
    }

    /// The elements of an array, without the elements that cannot be read as `T`.
    #[derive(PartialEq, Debug)]
    struct Readable<T>(Vec<T>);

    impl<'de, T: Deserialize<'de>> Deserialize<'de> for Readable<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Elements<T>(Vec<T>);

            impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
                type Value = Readable<T>;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an array")
                }

                fn visit_seq<A: SeqAccess<'de>>(
                    mut self,
                    mut seq: A,
                ) -> Result<Readable<T>, A::Error> {
                    for _ in 0..10 {
                        match seq.next_element() {
                            Ok(Some(element)) => self.0.push(element),
                            Ok(None) => break,
                            Err(_) => {}
                        }
                    }
                    Ok(Readable(self.0))
                }
            }
            deserializer.deserialize_seq(Elements(Vec::new()))
        }
    }

    #[derive(Deserialize, PartialEq, Debug, Default)]
    struct Level {
        level: u8,
    }

    #[test]
    fn a_type_that_ignores_errors_gets_the_same_result_as_with_serde_json() {
        #[derive(Deserialize, PartialEq, Debug)]
        #[allow(dead_code)]
        struct Around<T> {
            value: T,
            last: u8,
        }
        for value in [
            "1",
            "256",
            "1.5",
            "1e400",
            "null",
            r#""x""#,
            r#""\u0061""#,
            r#""\ud800""#,
            r#""Paid""#,
            r#""None""#,
            "[]",
            "[1]",
            "[1,2]",
            r#"["x"]"#,
            r#"[1,"x"]"#,
            r#"["x",1]"#,
            r#"[["x"],[2]]"#,
            r#"[["x",1],[2]]"#,
            r#"[{"level":"x"},{"level":2}]"#,
            r#"[{"level":"x","more":1},{"level":2}]"#,
            r#"[{"more":1},{"level":2}]"#,
            "{}",
            r#"{"level":1}"#,
            r#"{"level":"x"}"#,
            r#"{"level":256,"more":1}"#,
            r#"{"a":{"level":"x","b":{"level":2}}}"#,
            r#"{"Paid":1}"#,
            r#"{"Paid":"x"}"#,
            r#"{"None":1}"#,
        ] {
            let json = format!(r#"{{"value":{value},"last":1}}"#);
            read::<Around<Lenient<u8>>>(&json);
            read::<Around<Lenient<i128>>>(&json);
            read::<Around<Lenient<String>>>(&json);
            read::<Around<Lenient<Vec<u8>>>>(&json);
            read::<Around<Lenient<(u8,)>>>(&json);
            read::<Around<Lenient<Level>>>(&json);
            read::<Around<Lenient<Option<Plan>>>>(&json);
            read::<Around<Lenient<BTreeMap<String, Lenient<Level>>>>>(&json);
            read::<Around<Lenient<Vec<Lenient<Vec<u8>>>>>>(&json);
            read::<Around<Lenient<Vec<Lenient<Level>>>>>(&json);
            read::<Around<Readable<u8>>>(&json);
            read::<Around<Readable<Level>>>(&json);
        }
    }

    #[test]
    fn a_type_that_ignores_errors_reads_only_json() {
        let read = |json| {
            let mut reader = Reader::new(json);
            let value = BTreeMap::<String, Lenient<BTreeMap<String, Lenient<Level>>>>::deserialize(
                &mut reader,
            );
            value.and_then(|_| reader.end()).is_ok() && reader.fault.is_none()
        };
        assert!(read(r#"{"a":{"b":{"level":"x"},"c":{"level":1}},"d":1}"#));
        // In this text, a closing bracket is missing. `d` is therefore a member of `a`, and the
        // outer object is never closed.
        assert!(!read(r#"{"a":{"b":{"level":"x","e":1},"c":{"level":1},"d":1}"#));
        assert!(!read(r#"{"a":{"b":tru},"d":1}"#));
    }

    #[test]
    fn a_byte_string_has_no_control_characters() {
        #[derive(PartialEq, Debug)]
        struct Bytes<'a>(&'a [u8]);

        impl<'de> Deserialize<'de> for Bytes<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Borrowed;

                impl<'de> Visitor<'de> for Borrowed {
                    type Value = Bytes<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("bytes")
                    }

                    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Bytes<'de>, E> {
                        Ok(Bytes(bytes))
                    }
                }
                deserializer.deserialize_bytes(Borrowed)
            }
        }
        assert_eq!(read::<Bytes<'_>>("\"a\u{7f}\u{e9}\""), None);
        assert!(serde_json::from_str::<Bytes<'_>>("\"a\n\"").is_ok());
        let mut reader = Reader::new("\"a\n\"");
        assert!(Bytes::deserialize(&mut reader).is_err());
        assert_eq!(reader.fault, Some(JsonFault::Syntax));
    }

    #[test]
    fn a_value_that_was_read_ahead_is_read_again() {
        let mut reader = Reader::new(r#" [1,{"a":2}] "#);
        let first = reader.read_ahead(Reader::skip_value);
        assert!(first.is_ok());
        assert_eq!(Value::deserialize(&mut reader).unwrap(), serde_json::json!([1, { "a": 2 }]));
        assert!(reader.end().is_ok());
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

    /// A JSON value. Its objects keep the order of their members. Each member has a name, a flag
    /// that is true if the name is written with escapes, and a value.
    #[derive(Clone, Debug)]
    enum Json {
        Text(String),
        Array(Vec<Json>),
        Object(Vec<(String, bool, Json)>),
    }

    impl Json {
        fn render(&self) -> String {
            match self {
                Self::Text(text) => format!("{text:?}"),
                Self::Array(items) => {
                    format!("[{}]", items.iter().map(Self::render).collect::<Vec<_>>().join(","))
                }
                Self::Object(members) => {
                    let members = members.iter().map(|(name, escaped, value)| {
                        let name: String = match escaped {
                            true => name.bytes().map(|byte| format!("\\u{byte:04x}")).collect(),
                            false => name.clone(),
                        };
                        format!("\"{name}\" :{}", value.render())
                    });
                    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
                }
            }
        }

        fn has_duplicate(&self) -> bool {
            match self {
                Self::Text(_) => false,
                Self::Array(items) => items.iter().any(Self::has_duplicate),
                Self::Object(members) => {
                    let mut names: Vec<_> = members.iter().map(|member| &member.0).collect();
                    names.sort();
                    names.dedup();
                    names.len() < members.len() || members.iter().any(|m| m.2.has_duplicate())
                }
            }
        }
    }

    fn spelled_json() -> impl Strategy<Value = Json> {
        let leaf = "[a-c{}:, ]{0,3}".prop_map(Json::Text);
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                prop::collection::vec(("[a-h]{1,2}", any::<bool>(), inner), 0..5)
                    .prop_map(Json::Object),
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
            read::<Typed<'_>>(&changed);
        }

        #[test]
        fn duplicates_are_found_exactly_where_they_are(json in spelled_json()) {
            let text = json.render();
            let expected = json.has_duplicate().then_some(JsonFault::DuplicateName);
            prop_assert_eq!(fault_in(&text), expected, "{}", text);
            read::<Value>(&text);
            read::<BTreeMap<String, Value>>(&text);
        }
    }
}
