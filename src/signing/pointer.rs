//! Finds one value in a JSON text without building the others (RFC 6901).

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Returns the value at a pointer; `None` if there is none, or the text is not JSON. Of repeated keys the last counts.
pub(super) fn find(text: &[u8], pointer: &str) -> Option<Value> {
    let plain = |step| -> Cow<'_, str> {
        // Hardly any step is escaped.
        if str::contains(step, '~') { step.replace("~1", "/").replace("~0", "~").into() } else { step.into() }
    };
    let steps: Vec<Cow<'_, str>> = pointer.split('/').skip(1).map(plain).collect();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let found = PointerVisitor(&steps).deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    found
}

struct PointerVisitor<'a>(&'a [Cow<'a, str>]);

impl<'de> DeserializeSeed<'de> for PointerVisitor<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        match self.0 {
            [] => serde::Deserialize::deserialize(deserializer).map(Some),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for PointerVisitor<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Value>, A::Error> {
        let mut found = None;
        while let Some(is_match) = map.next_key_seed(KeyMatcher(&self.0[0]))? {
            if is_match {
                found = map.next_value_seed(PointerVisitor(&self.0[1..]))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<Value>, A::Error> {
        let canonical = |step: &str| step.parse::<usize>().ok().filter(|index| index.to_string() == *step);
        let wanted = canonical(&self.0[0]);
        let (mut index, mut found) = (0, None);
        loop {
            if wanted == Some(index) {
                match list.next_element_seed(PointerVisitor(&self.0[1..]))? {
                    Some(value) => found = value,
                    None => return Ok(found),
                }
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            }
            index += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }
}

/// Compares a key with this one, without keeping it.
struct KeyMatcher<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for KeyMatcher<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyMatcher<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_what_a_whole_parse_finds() {
        let text = r#"{"a":{"b":[1,{"c/d":"x"},null]},"t":"1","t":"2","e~f":true,"n":1.5e3,"":0}"#;
        let whole: Value = serde_json::from_str(text).unwrap();
        for pointer in [
            "/a/b/0",
            "/a/b/1/c~1d",
            "/a/b/2",
            "/a/b/3",
            "/a/b/01",
            "/a/b",
            "/t",
            "/e~0f",
            "/n",
            "/n/x",
            "/",
            "/zz",
            "/a/b/1/zz",
        ] {
            assert_eq!(find(text.as_bytes(), pointer).as_ref(), whole.pointer(pointer), "{pointer}");
        }
    }

    #[test]
    fn what_is_not_json_has_nothing_inside() {
        for text in ["", "{", r#"{"t":1}x"#, r#"{"t":1,}"#, "\u{feff}{}"] {
            assert_eq!(find(text.as_bytes(), "/t"), None, "{text:?}");
        }
        assert_eq!(find("[".repeat(100_000).as_bytes(), "/0/0"), None);
    }
}
