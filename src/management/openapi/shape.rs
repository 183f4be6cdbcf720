//! The JSON schema of a representation, found out from the type itself: a deserializer that has no input, answers whatever it is
//! asked for and writes down what that was. So a schema cannot say anything that the type does not read.

use std::cell::RefCell;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer as _, Visitor};
use serde_json::{Map, Value, json};

/// The schemas of all types that were looked at, by name.
#[derive(Debug, Default)]
pub struct Schemas {
    known: RefCell<Map<String, Value>>,
    /// Types that are being looked at: one that contains itself refers to itself.
    open: RefCell<Vec<&'static str>>,
}

impl Schemas {
    /// A schema for `T`; what it is made of is kept under its name.
    ///
    /// # Errors
    /// When the type refuses what it asked for.
    pub fn of<T: DeserializeOwned>(&self) -> Result<Value, Error> {
        let schema = RefCell::new(json!({}));
        T::deserialize(Probe { schemas: self, schema: &schema })?;
        Ok(schema.into_inner())
    }

    /// Keeps a schema that no type says.
    pub fn insert(&self, name: &str, schema: Value) {
        self.known.borrow_mut().insert(name.to_owned(), schema);
    }

    /// The schema of this name.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.known.borrow().get(name).cloned()
    }

    /// All of them, by name.
    pub fn into_map(self) -> Map<String, Value> {
        let mut named: Vec<_> = self.known.into_inner().into_iter().collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named.into_iter().collect()
    }
}

/// A deserializer for one value of unknown shape.
#[derive(Clone, Copy)]
struct Probe<'s> {
    schemas: &'s Schemas,
    schema: &'s RefCell<Value>,
}

impl Probe<'_> {
    fn note(&self, schema: Value) {
        *self.schema.borrow_mut() = schema;
    }
}

macro_rules! scalars {
    ($($method:ident => $visit:ident($($value:expr)?), $schema:tt;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.note(json!($schema));
            visitor.$visit($($value)?)
        }
    )+};
}

impl<'de> de::Deserializer<'de> for Probe<'_> {
    type Error = Error;

    scalars! {
        deserialize_any => visit_unit(), {};
        deserialize_ignored_any => visit_unit(), {};
        deserialize_unit => visit_unit(), { "type": "null" };
        deserialize_bool => visit_bool(false), { "type": "boolean" };
        deserialize_i8 => visit_i8(0), { "type": "integer" };
        deserialize_i16 => visit_i16(0), { "type": "integer" };
        deserialize_i32 => visit_i32(0), { "type": "integer", "format": "int32" };
        deserialize_i64 => visit_i64(0), { "type": "integer", "format": "int64" };
        deserialize_u8 => visit_u8(0), { "type": "integer", "minimum": 0 };
        deserialize_u16 => visit_u16(0), { "type": "integer", "minimum": 0 };
        deserialize_u32 => visit_u32(0), { "type": "integer", "minimum": 0 };
        deserialize_u64 => visit_u64(0), { "type": "integer", "minimum": 0 };
        deserialize_f32 => visit_f32(0.0), { "type": "number" };
        deserialize_f64 => visit_f64(0.0), { "type": "number" };
        deserialize_char => visit_char('x'), { "type": "string" };
        deserialize_str => visit_str(""), { "type": "string" };
        deserialize_string => visit_str(""), { "type": "string" };
        deserialize_identifier => visit_str(""), { "type": "string" };
        deserialize_bytes => visit_bytes(b""), { "type": "string" };
        deserialize_byte_buf => visit_bytes(b""), { "type": "string" };
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = RefCell::new(json!({}));
        let read = visitor.visit_seq(Once { probe: Probe { schemas: self.schemas, schema: &items }, left: 1 });
        self.note(json!({ "type": "array", "items": items.into_inner() }));
        read
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        let items = RefCell::new(json!({}));
        let read = visitor.visit_seq(Once { probe: Probe { schemas: self.schemas, schema: &items }, left: length });
        self.note(json!({ "type": "array", "items": items.into_inner() }));
        read
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let values = RefCell::new(json!({}));
        let fields = Fields { schemas: self.schemas, names: &["x"], at: 0, value: &values, properties: &mut Map::new() };
        let read = visitor.visit_map(fields);
        self.note(json!({ "type": "object", "additionalProperties": values.into_inner() }));
        read
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.note(json!({ "$ref": format!("#/components/schemas/{name}") }));
        let known = self.schemas.known.borrow().contains_key(name) || self.schemas.open.borrow().contains(&name);
        let value = RefCell::new(json!({}));
        let mut properties = Map::new();
        let names = if known { &[][..] } else { fields };
        self.schemas.open.borrow_mut().push(name);
        let read = visitor.visit_map(Fields { schemas: self.schemas, names, at: 0, value: &value, properties: &mut properties });
        self.schemas.open.borrow_mut().pop();
        if !known {
            // What it does not read is refused: crate::admin::body.
            self.schemas
                .insert(name, json!({ "type": "object", "properties": properties, "additionalProperties": false }));
        }
        read
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, variants: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.note(json!({ "type": "string", "enum": variants }));
        let first: StrDeserializer<'_, Error> = variants.first().copied().unwrap_or_default().into_deserializer();
        visitor.visit_enum(first)
    }
}

/// A list of a few values that look the same.
struct Once<'s> {
    probe: Probe<'s>,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Once<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.probe).map(Some)
    }
}

/// An object with every member that a type knows.
struct Fields<'s> {
    schemas: &'s Schemas,
    names: &'static [&'static str],
    at: usize,
    value: &'s RefCell<Value>,
    properties: &'s mut Map<String, Value>,
}

impl<'de> de::MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(name) = self.names.get(self.at) else { return Ok(None) };
        let key: StrDeserializer<'_, Error> = (*name).into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        *self.value.borrow_mut() = json!({});
        let read = seed.deserialize(Probe { schemas: self.schemas, schema: self.value });
        if let Some(name) = self.names.get(self.at) {
            self.properties.insert((*name).to_owned(), self.value.borrow().clone());
        }
        self.at += 1;
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    #[derive(Default)]
    struct Node {
        _first_name: Option<String>,
        _below: Option<Vec<Node>>,
        _kinds: std::collections::BTreeMap<String, Vec<i64>>,
        _any: Option<Value>,
    }

    #[test]
    fn a_type_says_its_members_and_may_contain_itself() {
        let schemas = Schemas::default();
        assert_eq!(schemas.of::<Vec<Node>>().unwrap(), json!({ "type": "array", "items": { "$ref": "#/components/schemas/Node" } }));
        let expected = json!({ "type": "object", "properties": {
            "firstName": { "type": "string" },
            "below": { "type": "array", "items": { "$ref": "#/components/schemas/Node" } },
            "kinds": { "type": "object", "additionalProperties": { "type": "array", "items": { "type": "integer", "format": "int64" } } },
            "any": {},
        }, "additionalProperties": false });
        assert_eq!(schemas.into_map()["Node"], expected);
    }
}
