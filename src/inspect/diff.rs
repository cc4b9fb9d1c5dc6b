//! The differences of two requests: their parts, their headers, the JSON of their bodies by path, and their bytes where
//! the JSON is equal.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::capture::{CapturedRequest, Headers};
use crate::provider::JsonPath;

/// A difference between two requests; an absent value is `None`.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// The method.
    Method(String, String),
    /// The request target.
    Target(String, String),
    /// A value of a header, by its name in lower case.
    Header(String, Option<Vec<u8>>, Option<Vec<u8>>),
    /// A value in the JSON of the bodies; the path is empty for the whole.
    Json(String, Option<Value>, Option<Value>),
    /// The bytes, if the bodies are not both JSON, or if their JSON is equal.
    Bytes(ByteDifference),
}

/// The first bytes that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteDifference {
    /// True if both bodies are JSON, and it is equal.
    pub is_json_equal: bool,
    /// Offset of the first byte that differs.
    pub offset: usize,
    /// Sizes of the bodies.
    pub sizes: (usize, usize),
    /// Bytes around the offset, of both bodies.
    pub around: (Vec<u8>, Vec<u8>),
}

/// The bytes shown before and after the first that differs.
const BEFORE: usize = 16;
const AFTER: usize = 32;

/// Returns the differences of two requests, none if they are the same; the order of different headers does not count.
#[must_use]
pub fn differences(left: &CapturedRequest, right: &CapturedRequest) -> Vec<Difference> {
    let mut found = Vec::new();
    if left.method != right.method {
        found.push(Difference::Method(left.method.to_string(), right.method.to_string()));
    }
    if left.target != right.target {
        found.push(Difference::Target(left.target.clone(), right.target.clone()));
    }
    headers(&left.headers, &right.headers, &mut found);
    if left.body != right.body {
        bodies(&left.body, &right.body, &mut found);
    }
    found
}

/// Compares the values of each name, in order.
fn headers(left: &Headers, right: &Headers, found: &mut Vec<Difference>) {
    type Values = Vec<Vec<u8>>;
    let mut names: Vec<String> = Vec::new();
    let mut values: BTreeMap<String, (Values, Values)> = BTreeMap::new();
    for (headers, is_left) in [(left, true), (right, false)] {
        for (name, value) in headers.iter() {
            let name = name.to_ascii_lowercase();
            if !values.contains_key(&name) {
                names.push(name.clone());
            }
            let both = values.entry(name).or_default();
            if is_left { both.0.push(value.to_vec()) } else { both.1.push(value.to_vec()) }
        }
    }
    for name in names {
        let Some((left, right)) = values.remove(&name) else { continue };
        for index in 0..left.len().max(right.len()) {
            let (left, right) = (left.get(index), right.get(index));
            if left != right {
                found.push(Difference::Header(name.clone(), left.cloned(), right.cloned()));
            }
        }
    }
}

fn bodies(left: &[u8], right: &[u8], found: &mut Vec<Difference>) {
    let json = serde_json::from_slice::<Value>(left).ok().zip(serde_json::from_slice::<Value>(right).ok());
    let is_json = json.is_some();
    if let Some((left, right)) = json {
        let before = found.len();
        values(&JsonPath::root(), left, right, found);
        if found.len() > before {
            return;
        }
    }
    let offset = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    let around = |bytes: &[u8]| bytes[offset.saturating_sub(BEFORE)..bytes.len().min(offset + AFTER)].to_vec();
    found.push(Difference::Bytes(ByteDifference {
        is_json_equal: is_json,
        offset,
        sizes: (left.len(), right.len()),
        around: (around(left), around(right)),
    }));
}

/// Compares two values below a path.
fn values(path: &JsonPath, left: Value, right: Value, found: &mut Vec<Difference>) {
    match (left, right) {
        (left, right) if left == right => {}
        (Value::Object(left), Value::Object(mut right)) => {
            for (key, left) in left {
                let path = path.child(&key);
                match right.shift_remove(&key) {
                    Some(right) => values(&path, left, right, found),
                    None => found.push(Difference::Json(path.to_string(), Some(left), None)),
                }
            }
            let added = right.into_iter();
            found.extend(added.map(|(key, value)| Difference::Json(path.child(&key).to_string(), None, Some(value))));
        }
        (Value::Array(left), Value::Array(right)) => {
            let (mut left, mut right) = (left.into_iter(), right.into_iter());
            for index in 0.. {
                let path = path.item(index);
                match (left.next(), right.next()) {
                    (None, None) => break,
                    (Some(left), Some(right)) => values(&path, left, right, found),
                    (left, right) => found.push(Difference::Json(path.to_string(), left, right)),
                }
            }
        }
        (left, right) => found.push(Difference::Json(path.to_string(), Some(left), Some(right))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, headers: &[(&str, &str)], body: &str) -> CapturedRequest {
        CapturedRequest {
            received_at: None,
            remote_addr: String::new(),
            method: "POST".into(),
            target: target.to_owned(),
            headers: headers.iter().copied().collect(),
            body: body.to_owned().into(),
        }
    }

    /// `path left right` of each difference in JSON.
    fn json(left: &str, right: &str) -> Vec<String> {
        let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string);
        differences(&request("/", &[], left), &request("/", &[], right))
            .iter()
            .map(|difference| match difference {
                Difference::Json(path, left, right) => format!("{path} {} {}", shown(left), shown(right)),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn json_is_compared_by_path() {
        assert_eq!(
            json(r#"{"a":1,"b":[1,{"c":2}]}"#, r#"{"b":[1,{"c":3},4],"d.e":null,"a":1}"#),
            ["b[1].c 2 3", "b[2] - 4", "d\\.e - null"]
        );
        assert_eq!(json("[1]", "{}"), [" [1] {}"]);
        assert_eq!(json(r#"{"a":1,"b":2}"#, r#"{"a":1}"#), ["b 2 -"]);
        assert_eq!(json("{}", "{}"), Vec::<String>::new());
    }

    #[test]
    fn bytes_are_compared_if_the_json_is_equal_or_there_is_none() {
        let bytes = |left: &str, right: &str| match &differences(&request("/", &[], left), &request("/", &[], right))[..]
        {
            [Difference::Bytes(bytes)] => (bytes.is_json_equal, bytes.offset, bytes.sizes),
            other => panic!("{other:?}"),
        };
        assert_eq!(bytes(r#"{"a":1.0}"#, r#"{"a":1.00}"#), (true, 8, (9, 10)));
        assert_eq!(bytes(r#"{"a":1}"#, "{\"a\": 1}\n"), (true, 5, (7, 9)));
        assert_eq!(bytes("a=1", "a=2"), (false, 2, (3, 3)));
        assert_eq!(bytes("", "x"), (false, 0, (0, 1)));
    }

    #[test]
    fn headers_are_compared_by_name_and_order_of_their_values() {
        let left = request("/", &[("A", "1"), ("b", "2"), ("a", "3")], "");
        let right = request("/x", &[("B", "2"), ("a", "3"), ("c", "")], "");
        let bytes = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(
            differences(&left, &right),
            [
                Difference::Target("/".to_owned(), "/x".to_owned()),
                Difference::Header("a".to_owned(), bytes("1"), bytes("3")),
                Difference::Header("a".to_owned(), bytes("3"), None),
                Difference::Header("c".to_owned(), None, bytes("")),
            ]
        );
        assert_eq!(differences(&left, &left), []);
    }
}
