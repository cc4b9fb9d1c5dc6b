//! Descriptions of a diagnosis, for people.

use crate::signing::{DiagnosedCause, Difference, FailureCause, KeyFormat, Scheme, TimestampUnit};

/// Describes one cause in one sentence.
pub(super) fn describe_cause(scheme: &Scheme, fault: &DiagnosedCause) -> String {
    let reproduced_as = &fault.reproduced_as;
    match fault.cause {
        FailureCause::WrongSecretEncoding => describe_secret(scheme, reproduced_as),
        FailureCause::WrongSignatureEncoding => {
            let item = &scheme.formats[0];
            let expected = item.pattern.format(&format!("<{}>", item.encoding.name()));
            format!("the signature is right, but written as {reproduced_as}; expected `{expected}`")
        }
        FailureCause::TimestampUnit => describe_timestamp(scheme, reproduced_as),
        FailureCause::SignedContent => {
            let signed = fault.content.as_ref().unwrap_or(reproduced_as);
            format!("the sender signed `{signed}`; this scheme signs `{}`", scheme.content)
        }
        FailureCause::BodyChangedReserialized => describe_body(fault),
        FailureCause::BodyChangedWhitespace => {
            format!("{}{}", describe_white_space(reproduced_as), difference_position(fault))
        }
        FailureCause::WrongScheme => {
            format!("this looks like {reproduced_as}: the signature verifies under its scheme")
        }
        _ => String::new(),
    }
}

fn difference_position(fault: &DiagnosedCause) -> String {
    fault.first_difference.map(|at| format!(" (first difference at byte {at})")).unwrap_or_default()
}

fn describe_timestamp(scheme: &Scheme, reproduced_as: &str) -> String {
    let expected = match scheme.timestamp.as_ref().map(|rule| rule.unit) {
        Some(TimestampUnit::Milliseconds) => "milliseconds",
        _ => "seconds",
    };
    match reproduced_as.strip_suffix(" in the header alone") {
        Some(unit) => format!("the timestamp header is in {unit}, but it was signed in {expected}"),
        None => format!("the timestamp header is in {reproduced_as}; this scheme uses {expected}"),
    }
}

/// Describes how the sender used the secret, and how the scheme does.
fn describe_secret(scheme: &Scheme, reproduced_as: &str) -> String {
    let sender = match reproduced_as {
        "text-unquoted" | "base64-unquoted" => {
            return "the secret you passed has quotes around it; it works without them".to_owned();
        }
        "text-trimmed" | "base64-trimmed" => {
            return "the secret you passed has white space around it; it works without it".to_owned();
        }
        "text" => "the sender used the secret as literal text",
        "text-without-prefix" => "the sender used the text after the prefix as the key",
        "base64-without-prefix" => "the sender decoded what follows the prefix as base64",
        "base64" => "the sender decoded the secret as base64",
        "base64-lenient" | "base64-lenient-without-prefix" => {
            "the sender decoded the secret as base64 and skipped characters that are not base64, as Python, Ruby and PHP do"
        }
        "base64url" => "the sender decoded the secret as URL-safe base64",
        "hex" => "the sender decoded the secret as hexadecimal",
        "base64-twice" => "the sender decoded the secret as base64 twice",
        "base64-of-text" => "the sender encoded the secret as base64 before using it",
        "text-with-newline" => return "the sender's secret ends in a newline".to_owned(),
        "empty" => return "the sender signed with an empty secret, so anyone could forge a signature".to_owned(),
        other => return format!("the sender used the secret as {other}"),
    };
    let formats: Vec<KeyFormat> = scheme.formats.iter().flat_map(|item| item.key_formats.iter().copied()).collect();
    let ours = if formats.contains(&KeyFormat::Text) {
        "uses it as literal text"
    } else if formats.contains(&KeyFormat::Hex) {
        "decodes it as hexadecimal"
    } else {
        "decodes it as base64"
    };
    format!("{sender}; this scheme {ours}")
}

fn describe_body(fault: &DiagnosedCause) -> String {
    let signed = match fault.reproduced_as.as_str() {
        "replacement-characters" => "text in which invalid UTF-8 was replaced by U+FFFD",
        "python-bytes" => "the text b'…' that Python prints for bytes",
        "python-bytes-undone" => "what is inside the text b'…' that Python prints for bytes",
        "empty" => "an empty body",
        "object-object" => "the text [object Object] instead of the body",
        "gzip-decoded" => "the body before gzip compressed it",
        "deflate-decoded" => "the body before deflate compressed it",
        "br-decoded" => "the body before brotli compressed it",
        serializer => {
            let what = fault.difference.as_deref().and_then(describe_difference);
            let what = what.unwrap_or_else(|| format!("the sender wrote {}", describe_json(serializer)));
            return format!("the body was re-serialized after signing: {what}{}", difference_position(fault));
        }
    };
    format!("the body was changed after signing: the sender signed {signed}{}", difference_position(fault))
}

/// Describes the first difference, if one side is only another way to write the other.
fn describe_difference(difference: &Difference) -> Option<String> {
    let (signed, received) = (difference.signed_token.as_str(), difference.received_token.as_str());
    let is_space = |text: &str| text.starts_with(|c: char| c.is_ascii_whitespace());
    let is_escape = |text: &str| text.len() > 1 && text.starts_with('\\');
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let after = difference.before.map(|c| format!(" after `{c}`")).unwrap_or_default();
    Some(match (is_space(signed), is_space(received)) {
        (true, false) if difference.before.is_none() => "the signed body began with white space".to_owned(),
        (false, true) if difference.before.is_none() => {
            "this body begins with white space, the signed one did not".to_owned()
        }
        (true, false) if signed.contains('\n') => "the sender indented the JSON, this body is not indented".to_owned(),
        (true, false) => format!("the sender wrote a space{after}, this body has none"),
        (false, true) if received.contains('\n') => "this body is indented, the signed one was not".to_owned(),
        (false, true) => format!("this body has a space{after}, the signed one had none"),
        (true, true) => "the sender indented the JSON in another way".to_owned(),
        _ if is_escape(signed) && !received.is_empty() => {
            let plain = if is_escape(received) { "wrote" } else { "escaped" };
            if plain == "wrote" {
                format!("the sender wrote `{signed}`, this body has `{received}`")
            } else {
                format!("the sender escaped `{received}` as `{signed}`, this body has `{received}`")
            }
        }
        _ if is_escape(received) && !signed.is_empty() => {
            format!("the sender wrote `{signed}`, this body has `{received}`")
        }
        _ if is_number(signed) && is_number(received) => {
            format!("the sender wrote the number `{signed}`, this body has `{received}`")
        }
        _ => return None,
    })
}

/// Names the form of JSON that a serializer writes.
pub(super) fn describe_json(serializer: &str) -> String {
    let form = match serializer {
        "json-compact" | "json-minified" => "compact JSON",
        "go-escaped" => "JSON with `<`, `>` and `&` escaped",
        "sorted-keys" | "go-sorted" | "python-sorted" | "python-sorted-compact" => "JSON with sorted keys",
        "pretty-2" | "python-pretty-2" | "go-pretty-2" => "JSON indented by 2 spaces",
        "pretty-4" | "python-pretty-4" => "JSON indented by 4 spaces",
        "python-default" | "python-unicode" | "spaced" => "JSON with a space after `,` and `:`",
        "php-escaped" | "php-slashes" => "JSON with `/` escaped",
        "unicode-escaped" | "python-compact" => "JSON with every character beyond ASCII escaped",
        "gson-escaped" => "JSON with `<`, `>`, `&`, `=` and `'` escaped",
        "as-captured" => "it stands in the capture",
        other => return format!("JSON in the form `{other}`"),
    };
    form.to_owned()
}

fn describe_white_space(name: &str) -> &str {
    match name {
        "newline-added" => "the body lost the newline at its end after signing",
        "crlf-added" => "the body lost the CRLF at its end after signing",
        "newline-removed" => "a newline was added to the end of the body after signing",
        "crlf-removed" => "a CRLF was added to the end of the body after signing",
        "trimmed" => "white space was added around the body after signing",
        "crlf-to-lf" => "the line endings of the body were changed from LF to CRLF after signing",
        "lf-to-crlf" => "the line endings of the body were changed from CRLF to LF after signing",
        "bom-removed" => "a byte order mark was added to the body after signing",
        "bom-added" => "the body lost its byte order mark after signing",
        other => other,
    }
}
