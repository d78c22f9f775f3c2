//! Values that were read once and are then passed on to the user's type.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::jwt::payload::seeds::{Number, StringsForm};
use crate::jwt::spans::{Placer, Span};

/// A value that deserializes like the JSON that it was read from.
pub(crate) struct Replay<'a, 'de, E> {
    value: Content<'a, 'de>,
    error: PhantomData<E>,
}

enum Content<'a, 'de> {
    Null,
    Borrowed(&'de str),
    Text(&'a str),
    Number(Number),
    Several(&'a [Span], &'a Placer<'de>),
}

impl<'a, 'de, E> Replay<'a, 'de, E> {
    pub(crate) fn text(text: Option<&'a Cow<'de, str>>) -> Self {
        let value = match text {
            None => Content::Null,
            Some(Cow::Borrowed(text)) => Content::Borrowed(text),
            Some(Cow::Owned(text)) => Content::Text(text),
        };
        Self { value, error: PhantomData }
    }

    pub(crate) fn number(number: Option<Number>) -> Self {
        Self { value: number.map_or(Content::Null, Content::Number), error: PhantomData }
    }

    pub(crate) fn strings(form: StringsForm, spans: &'a [Span], placer: &'a Placer<'de>) -> Self {
        match (form, spans) {
            (StringsForm::Null, _) => Self { value: Content::Null, error: PhantomData },
            (StringsForm::One, [span]) => Self::at(*span, placer),
            _ => Self { value: Content::Several(spans, placer), error: PhantomData },
        }
    }

    fn at(span: Span, placer: &'a Placer<'de>) -> Self {
        let text = || Content::Text(placer.at(span));
        let value = placer.in_payload(span).map_or_else(text, Content::Borrowed);
        Self { value, error: PhantomData }
    }
}

impl<'de, E: de::Error> Deserializer<'de> for Replay<'_, 'de, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            Content::Null => visitor.visit_unit(),
            Content::Borrowed(text) => visitor.visit_borrowed_str(text),
            Content::Text(text) => visitor.visit_str(text),
            Content::Number(Number::Unsigned(number)) => visitor.visit_u64(number),
            Content::Number(Number::Signed(number)) => visitor.visit_i64(number),
            Content::Number(Number::Float(number)) => visitor.visit_f64(number),
            Content::Several(spans, placer) => {
                let texts = spans.iter().map(|span| Element(*span, placer));
                let mut texts = SeqDeserializer::new(texts);
                let value = visitor.visit_seq(&mut texts)?;
                texts.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        match self.value {
            Content::Borrowed(text) => {
                BorrowedStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            Content::Text(text) => {
                StrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// An element of an array of strings.
struct Element<'a, 'de>(Span, &'a Placer<'de>);

impl<'a, 'de, E: de::Error> IntoDeserializer<'de, E> for Element<'a, 'de> {
    type Deserializer = Replay<'a, 'de, E>;

    fn into_deserializer(self) -> Self::Deserializer {
        Replay::at(self.0, self.1)
    }
}
