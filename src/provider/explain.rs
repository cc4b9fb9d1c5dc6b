//! A diagnosis in sentences.

use crate::signing::{Cause, Diagnosis, Fault, Scheme};

/// What is wrong, in one sentence; of two things, the second follows.
pub(super) fn sentence(scheme: &Scheme, diagnosis: &Diagnosis) -> String {
    let parts: Vec<String> = diagnosis.faults.iter().map(|fault| part(scheme, fault)).collect();
    parts.join("; and ")
}

fn part(scheme: &Scheme, fault: &Fault) -> String {
    let works_as = &fault.works_as;
    match fault.cause {
        Cause::WrongSecretEncoding => format!("the secret was read another way by the sender: {}", reading(works_as)),
        Cause::WrongSignatureEncoding => {
            let item = &scheme.formats[0];
            format!("the signature is right, and written as {works_as} where {} is expected", item.encoding.name())
        }
        Cause::TimestampUnit => {
            let unit = scheme.timestamp.as_ref().map_or("another unit", |rule| rule.unit.name());
            format!("the timestamp is in {works_as}, where {unit} are meant")
        }
        Cause::SignedContent => format!("`{works_as}` was signed, where `{}` should be", scheme.content),
        Cause::BodyChangedReserialized => {
            format!("the body was changed on the way: it was signed as {}{}", serialiser(works_as), place(fault))
        }
        Cause::BodyChangedWhitespace => {
            format!("the body was changed on the way: it was signed with {}{}", white_space(works_as), place(fault))
        }
        Cause::WrongScheme => format!("it is signed as {works_as} signs"),
        _ => String::new(),
    }
}

fn place(fault: &Fault) -> String {
    fault.differs_at.map(|at| format!(" (the first difference is at byte {at})")).unwrap_or_default()
}

fn reading(name: &str) -> &str {
    match name {
        "text" => "its whole text is the key, prefix included",
        "text-trimmed" => "its text without the quotes or white space around it is the key",
        "text-without-prefix" => "its text without the prefix is the key",
        "base64-without-prefix" => "what follows the prefix is base64 of the key",
        "base64" => "it is base64 of the key",
        "base64-lenient" | "base64-lenient-without-prefix" => {
            "it was decoded as base64 with the characters dropped that are none, as Python, Ruby and PHP do"
        }
        "base64url" => "it is URL-safe base64 of the key",
        "hex" => "it is hexadecimal of the key",
        "base64-twice" => "it was decoded as base64 twice",
        "base64-of-text" => "it was encoded as base64 once more",
        "text-with-newline" => "a newline at its end counted as part of it",
        "empty" => "the key was empty, so that anybody can sign",
        other => other,
    }
}

fn serialiser(name: &str) -> String {
    let what = match name {
        "json-compact" => "JavaScript's JSON.stringify writes it",
        "json-minified" => "compact JSON",
        "go-escaped" => "Go writes it, with \\u003c for `<`",
        "go-sorted" => "Go writes a map, with sorted keys",
        "python-default" => "Python's json.dumps writes it",
        "pretty-2" => "JSON indented by 2",
        "pretty-4" => "JSON indented by 4",
        "php-escaped" | "php-slashes" => "PHP's json_encode writes it, with \\/ for `/`",
        "unicode-escaped" => "JSON with \\uXXXX for what is not ASCII",
        "sorted-keys" => "JSON with sorted keys",
        "replacement-characters" => "text whose invalid UTF-8 was replaced by U+FFFD",
        "python-bytes" => "the text b'…' that Python prints for bytes",
        "empty" => "an empty body",
        "gzip-decoded" => "it was before gzip compressed it",
        "deflate-decoded" => "it was before deflate compressed it",
        "br-decoded" => "it was before brotli compressed it",
        "object-object" => "the text [object Object]",
        other => return format!("`{other}`"),
    };
    format!("{what} (`{name}`)")
}

fn white_space(name: &str) -> &str {
    match name {
        "newline-added" => "a newline at its end, which is gone",
        "crlf-added" => "CRLF at its end, which is gone",
        "newline-removed" | "crlf-removed" => "no newline at its end",
        "trimmed" => "no white space around it",
        "crlf-to-lf" => "LF where it has CRLF now",
        "lf-to-crlf" => "CRLF where it has LF now",
        "bom-removed" => "no byte order mark",
        "bom-added" => "a byte order mark, which is gone",
        other => other,
    }
}
