//! The libraries that fail on each property of a request: data, as each library did when it was run.

use super::Outcome;
use super::library::Library::{self, CSharp, Elixir, Go, Java, JavaScript, Php, Python, Ruby, Rust};
use super::traits::Trait;

const EVERY: &[Library] = &Library::ALL;

/// The libraries that fail on each trait. Of each library, the first row that matches applies.
pub(super) const EFFECTS: &[(Trait, &[Library], Outcome, &str)] = &[
    (Trait::NotUtf8, &[Python], Outcome::Throws, "the body is not UTF-8, and it is decoded before it is verified"),
    (
        Trait::OtherNames,
        EVERY,
        Outcome::Refuses,
        "only the header names `webhook-id`, `webhook-timestamp` and `webhook-signature` are read",
    ),
    (
        Trait::UpperCase,
        &[Ruby, Php],
        Outcome::Refuses,
        "header names are looked up in lower case, and here they are not",
    ),
    (Trait::NotAscii, &[Rust], Outcome::Refuses, "a header has a character beyond ASCII"),
    (Trait::Stale, EVERY, Outcome::Refuses, "the timestamp is more than 300 s from the clock"),
    (
        Trait::AtTheEdge,
        &[Python, Go, CSharp],
        Outcome::Refuses,
        "the timestamp is 300 s old, and the clock counts fractions: 300.1 s are too old",
    ),
    (
        Trait::IdNotAscii,
        &[JavaScript, Python],
        Outcome::Refuses,
        "the id is not ASCII, and HTTP servers read headers as Latin-1, so another id is signed",
    ),
    (Trait::NoV1, EVERY, Outcome::Refuses, "only `v1` signatures are known, and this request has none"),
    (Trait::Commas, &[Python], Outcome::Throws, "an entry before the right signature has more than one comma"),
    (
        Trait::NotLast,
        &[Elixir],
        Outcome::Refuses,
        "only the last signature of the list is checked, and another one is right",
    ),
    (
        Trait::NotUtf8,
        &[JavaScript, Java, CSharp],
        Outcome::Refuses,
        "the body is not UTF-8, and U+FFFD is signed in place of the invalid bytes",
    ),
    (Trait::NotUtf8, &[Rust], Outcome::Refuses, "the body is not UTF-8"),
    (Trait::Empty, &[Python, Ruby], Outcome::Throws, "the body is empty, and it is parsed as JSON after verifying"),
    (
        Trait::NotJson,
        &[JavaScript, Ruby],
        Outcome::Throws,
        "the body is not JSON, and it is parsed as JSON after verifying",
    ),
    (
        Trait::NotPythonJson,
        &[Python],
        Outcome::Throws,
        "the body is not JSON, and it is parsed as JSON after verifying",
    ),
    (
        Trait::NotJason,
        &[Elixir],
        Outcome::Refuses,
        "it signs the re-serialized JSON, a compact object with sorted keys, which this body is not",
    ),
];
