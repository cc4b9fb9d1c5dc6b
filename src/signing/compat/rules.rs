//! The libraries that fail on each property of a request: data, as each library did when it was run.

use super::LibraryOutcome;
use super::library::ReferenceLibrary::{self, CSharp, Elixir, Go, Java, JavaScript, Php, Python, Ruby, Rust};
use super::traits::RequestTrait;

const ALL: &[ReferenceLibrary] = &ReferenceLibrary::ALL;

/// The libraries that fail on each trait. For each library, the first row that matches applies.
pub(super) const RULES: &[(RequestTrait, &[ReferenceLibrary], LibraryOutcome, &str)] = &[
    (
        RequestTrait::NotUtf8,
        &[Python],
        LibraryOutcome::Throws,
        "the body is not UTF-8, and it is decoded before it is verified",
    ),
    (
        RequestTrait::NonStandardHeaderNames,
        ALL,
        LibraryOutcome::Rejects,
        "only the header names `webhook-id`, `webhook-timestamp` and `webhook-signature` are read",
    ),
    (
        RequestTrait::OnlySvixHeadersValid,
        ALL,
        LibraryOutcome::Rejects,
        "the `webhook-` headers do not verify, and the `svix-` headers are not read",
    ),
    (
        RequestTrait::UppercaseHeaderNames,
        &[Ruby, Php],
        LibraryOutcome::Rejects,
        "header names are looked up in lower case, and here they are not",
    ),
    (RequestTrait::NonAsciiHeader, &[Rust], LibraryOutcome::Rejects, "a header has a character beyond ASCII"),
    (RequestTrait::OutsideTolerance, ALL, LibraryOutcome::Rejects, "the timestamp is more than 300 s from the clock"),
    (
        RequestTrait::AtToleranceLimit,
        &[Python, Go, CSharp],
        LibraryOutcome::Rejects,
        "the timestamp is 300 s old, and the clock counts fractions: 300.1 s are too old",
    ),
    (
        RequestTrait::NonAsciiId,
        &[JavaScript, Python],
        LibraryOutcome::Rejects,
        "the id is not ASCII, and HTTP servers read headers as Latin-1, so another id is signed",
    ),
    (
        RequestTrait::MissingV1,
        ALL,
        LibraryOutcome::Rejects,
        "only `v1` signatures are known, and this request has none",
    ),
    (
        RequestTrait::ExtraCommas,
        &[Python],
        LibraryOutcome::Throws,
        "an entry before the right signature has more than one comma",
    ),
    (
        RequestTrait::ValidNotLast,
        &[Elixir],
        LibraryOutcome::Rejects,
        "only the last signature of the list is checked, and another one is right",
    ),
    (
        RequestTrait::NotUtf8,
        &[JavaScript, Java, CSharp],
        LibraryOutcome::Rejects,
        "the body is not UTF-8, and U+FFFD is signed in place of the invalid bytes",
    ),
    (RequestTrait::NotUtf8, &[Rust], LibraryOutcome::Rejects, "the body is not UTF-8"),
    (
        RequestTrait::EmptyBody,
        &[Python, Ruby],
        LibraryOutcome::Throws,
        "the body is empty, and it is parsed as JSON after verifying",
    ),
    (
        RequestTrait::InvalidJson,
        &[JavaScript, Ruby],
        LibraryOutcome::Throws,
        "the body is not JSON, and it is parsed as JSON after verifying",
    ),
    (
        RequestTrait::InvalidPythonJson,
        &[Python],
        LibraryOutcome::Throws,
        "the body is not JSON, and it is parsed as JSON after verifying",
    ),
    (
        RequestTrait::NonCanonicalJason,
        &[Elixir],
        LibraryOutcome::Rejects,
        "it signs the re-serialized JSON, a compact object with sorted keys, which this body is not",
    ),
];
