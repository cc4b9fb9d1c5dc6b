//! The faults, and the pairs of them that are combined.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, STANDARD_NO_PAD};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::draft::{Draft, GO, PLAIN, PRETTY, PRETTY_GO, PYTHON};
use super::providers::{base64, hex};
use crate::harness::http::NOW;

/// One way to damage a request.
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) cause: &'static str,
    /// Damages a request, and returns what must reproduce the signature; `None` if this does not apply to the provider.
    pub(super) damage: fn(&mut Draft) -> Option<&'static str>,
    /// The part of the message that must be there.
    pub(super) message: &'static str,
}

const fn fault(name: &'static str, cause: &'static str, damage: fn(&mut Draft) -> Option<&'static str>) -> Fault {
    Fault { name, cause, damage, message: "" }
}

const fn said(
    name: &'static str,
    cause: &'static str,
    message: &'static str,
    damage: fn(&mut Draft) -> Option<&'static str>,
) -> Fault {
    Fault { name, cause, damage, message }
}

const NOTHING: Option<&str> = Some("");

pub(super) const FAULTS: &[Fault] = &[
    said("no signature", "missing-header", "missing, so the request is not signed", |draft| {
        draft.dropped.push(draft.signer.signature);
        NOTHING
    }),
    said("no signature, id and time", "missing-header", " are missing, so the request is not signed", |draft| {
        draft.dropped.extend([draft.signer.id?, draft.signer.timestamp?, draft.signer.signature]);
        NOTHING
    }),
    said("empty signature", "missing-header", "is empty", |draft| {
        draft.set.push((draft.signer.signature, String::new()));
        NOTHING
    }),
    said("no id", "missing-header", "is missing", |draft| {
        draft.dropped.push(draft.signer.id?);
        NOTHING
    }),
    said("no time", "missing-header", "is missing", |draft| {
        // The time of AutoSend is optional.
        match draft.signer.timestamp.filter(|_| !draft.signer.milliseconds)? {
            "t" => draft.pattern = draft.pattern.replace("t={timestamp},", ""),
            name => draft.dropped.push(name),
        }
        NOTHING
    }),
    said("no id and time", "missing-header", " are missing", |draft| {
        draft.dropped.extend([draft.signer.id?, draft.signer.timestamp?]);
        NOTHING
    }),
    said("empty id", "missing-header", "-id` is empty", |draft| {
        draft.set.push((draft.signer.id?, String::new()));
        NOTHING
    }),
    fault("garbage as signature", "malformed-header", |draft| {
        let known = draft.pattern.replace("{timestamp}", &NOW.to_string()).replace("{sig}", "garbage");
        draft.set.push((draft.signer.signature, known));
        NOTHING
    }),
    said("repeated signature", "malformed-header", "occurs more than once", |draft| {
        draft.repeated.push(draft.signer.signature);
        NOTHING
    }),
    said("time in words", "malformed-header", "yesterday", |draft| {
        draft.signer.timestamp?;
        draft.signed_timestamp = Some("yesterday".to_owned());
        NOTHING
    }),
    said("id with a dot", "malformed-header", "contains `.`", |draft| {
        draft.signer.id?;
        draft.id.push_str(".1");
        NOTHING
    }),
    said("repeated id", "malformed-header", "occurs more than once", |draft| {
        draft.repeated.push(draft.signer.id?);
        NOTHING
    }),
    said("old", "timestamp-too-old", "the timestamp is 66 min old", |draft| {
        draft.signer.timestamp?;
        draft.signed_at = NOW - 4000;
        NOTHING
    }),
    said("early", "timestamp-too-new", "the timestamp is 66 min ahead of the clock", |draft| {
        draft.signer.timestamp.filter(|_| draft.signer.rejects_future)?;
        draft.signed_at = NOW + 4000;
        NOTHING
    }),
    fault("wrong unit", "timestamp-unit", |draft| {
        draft.signer.timestamp?;
        // The seconds of AutoSend can be read as milliseconds, so nothing has to be reproduced.
        let (factor, works_as) = if draft.signer.milliseconds { (1, "") } else { (1000, "milliseconds") };
        draft.signed_timestamp = Some((draft.signed_at * factor).to_string());
        Some(works_as)
    }),
    fault("wrong unit in the header alone", "timestamp-unit", |draft| {
        draft.signer.timestamp.filter(|_| !draft.signer.milliseconds)?;
        draft.sent_timestamp = Some((draft.signed_at * 1000).to_string());
        Some("milliseconds in the header alone")
    }),
    fault("newline in the secret", "wrong-secret-encoding", |draft| {
        draft.key = [draft.signer.secret.as_bytes(), b"\n"].concat();
        Some("text-with-newline")
    }),
    fault("empty secret", "wrong-secret-encoding", |draft| {
        draft.key.clear();
        Some("empty")
    }),
    fault("secret in base64 again", "wrong-secret-encoding", |draft| {
        draft.key = BASE64.encode(draft.signer.secret).into_bytes();
        Some("base64-of-text")
    }),
    fault("secret as text", "wrong-secret-encoding", |draft| {
        draft.key = draft.signer.secret.as_bytes().to_vec();
        (draft.key != draft.signer.key).then_some("text")
    }),
    fault("secret without its prefix", "wrong-secret-encoding", |draft| {
        let prefix = ["aha-whsec-", "whsec_"].into_iter().find(|prefix| draft.signer.secret.starts_with(prefix))?;
        draft.key = draft.signer.secret.as_bytes()[prefix.len()..].to_vec();
        Some("text-without-prefix")
    }),
    fault("secret decoded from base64", "wrong-secret-encoding", |draft| {
        let text = draft.signer.secret.strip_prefix("whsec_")?;
        draft.key = BASE64.decode(text).ok()?;
        (draft.key != draft.signer.key).then_some("base64-without-prefix")
    }),
    fault("other encoding", "wrong-signature-encoding", |draft| {
        let is_hex = (draft.encode)(&[7]) == "07";
        draft.encode = if is_hex { base64 } else { hex };
        Some(if is_hex { "base64" } else { "hex" })
    }),
    fault("upper-case hex", "wrong-signature-encoding", |draft| {
        draft.encode = |bytes| hex(bytes).to_uppercase();
        Some("upper-case hex")
    }),
    fault("base64 without padding", "wrong-signature-encoding", |draft| {
        draft.encode = |bytes| STANDARD_NO_PAD.encode(bytes);
        Some("unpadded base64")
    }),
    fault("signature without its prefix", "wrong-signature-encoding", |draft| {
        let is_hex = (draft.encode)(&[7]) == "07";
        let bare = draft.pattern.replace("v1=", "").replace("v1,", "").replace("v0=", "").replace("sha256=", "");
        let changed = bare != draft.pattern;
        draft.pattern = bare;
        let works_as = if is_hex { "hex, without the scheme's prefix" } else { "base64, without the scheme's prefix" };
        changed.then_some(works_as)
    }),
    fault("body alone signed", "signed-content", |draft| {
        draft.content = "{body}";
        (draft.signer.content != "{body}").then_some("{body}")
    }),
    fault("time and body signed", "signed-content", |draft| {
        if draft.signer.timestamp.is_none() {
            draft.more.push(("webhook-timestamp", NOW.to_string()));
        }
        draft.content = "{timestamp}.{body}";
        (draft.signer.content != draft.content).then_some(draft.content)
    }),
    fault("id, time and body signed", "signed-content", |draft| {
        if draft.signer.id.is_none() {
            draft.more.push(("svix-id", draft.id.clone()));
        }
        if draft.signer.timestamp.is_none() {
            draft.more.push(("svix-timestamp", NOW.to_string()));
        }
        draft.content = "{id}.{timestamp}.{body}";
        (draft.signer.content != draft.content).then_some(draft.content)
    }),
    fault("event, id and body signed as Symfony does", "signed-content", |draft| {
        if draft.signer.id.is_none() {
            draft.more.push(("webhook-id", draft.id.clone()));
        }
        draft.more.push(("webhook-event", "user.created".to_owned()));
        draft.content = "user.created{id}{body}";
        Some("{header:webhook-event}{id}{body}")
    }),
    fault("escaped by Go", "body-changed-reserialized", |draft| {
        GO.clone_into(&mut draft.signed_body);
        Some("go-escaped")
    }),
    fault("spaced by Python", "body-changed-reserialized", |draft| {
        PYTHON.clone_into(&mut draft.signed_body);
        Some("python-default")
    }),
    fault("indented when it was signed", "body-changed-reserialized", |draft| {
        PRETTY.clone_into(&mut draft.signed_body);
        Some("pretty-2")
    }),
    fault("indented by Go when it was signed", "body-changed-reserialized", |draft| {
        PRETTY_GO.clone_into(&mut draft.signed_body);
        Some("go-pretty-2")
    }),
    fault("indented on the way", "body-changed-reserialized", |draft| {
        PRETTY.clone_into(&mut draft.body);
        Some("json-compact")
    }),
    fault("re-serialized by Python on the way", "body-changed-reserialized", |draft| {
        PYTHON.clone_into(&mut draft.body);
        Some("json-compact")
    }),
    fault("an object printed as text", "body-changed-reserialized", |draft| {
        "[object Object]".clone_into(&mut draft.signed_body);
        Some("object-object")
    }),
    fault("compressed by gzip", "body-changed-reserialized", |draft| {
        draft.compress(|body| GzEncoder::new(body, Compression::default()), GzEncoder::finish);
        draft.more.push(("content-encoding", "gzip".to_owned()));
        Some("gzip-decoded")
    }),
    fault("compressed by gzip without saying so", "body-changed-reserialized", |draft| {
        draft.compress(|body| GzEncoder::new(body, Compression::default()), GzEncoder::finish);
        Some("gzip-decoded")
    }),
    fault("compressed by deflate", "body-changed-reserialized", |draft| {
        draft.compress(|body| ZlibEncoder::new(body, Compression::default()), ZlibEncoder::finish);
        draft.more.push(("content-encoding", "deflate".to_owned()));
        Some("deflate-decoded")
    }),
    fault("newline added", "body-changed-whitespace", |draft| {
        draft.body.push('\n');
        Some("newline-removed")
    }),
    fault("CRLF added", "body-changed-whitespace", |draft| {
        draft.body.push_str("\r\n");
        Some("crlf-removed")
    }),
    fault("newline lost", "body-changed-whitespace", |draft| {
        draft.signed_body.push('\n');
        Some("newline-added")
    }),
    fault("byte order mark added", "body-changed-whitespace", |draft| {
        draft.body.insert(0, '\u{feff}');
        Some("bom-removed")
    }),
    fault("signed as another provider", "wrong-scheme", |draft| {
        let other = if draft.signer.provider == "slack" { "shopify" } else { "slack" };
        draft.sign_as(other);
        Some(other)
    }),
    said("another provider's request", "missing-header", "this looks like s", |draft| {
        draft.sign_as(if draft.signer.provider == "slack" { "shopify" } else { "slack" });
        draft.key = b"another secret".to_vec();
        NOTHING
    }),
    said("another secret", "secret-mismatch", "mismatch", |draft| {
        draft.key = b"another secret".to_vec();
        NOTHING
    }),
    said("a value changed", "secret-mismatch", "mismatch", |draft| {
        draft.body = PLAIN.replace("1.5", "2.5");
        NOTHING
    }),
    said("cut off", "secret-mismatch", "mismatch", |draft| {
        draft.body.truncate(30);
        NOTHING
    }),
];

pub(super) const PAIRS: &[(&str, &str)] = &[
    ("old", "escaped by Go"),
    ("old", "another secret"),
    ("old", "no id"),
    ("old", "no signature"),
    ("old", "other encoding"),
    ("old", "newline in the secret"),
    ("old", "body alone signed"),
    ("old", "wrong unit"),
    ("old", "signed as another provider"),
    ("old", "id with a dot"),
    ("early", "newline added"),
    ("early", "a value changed"),
    ("no id", "time in words"),
    ("no id and time", "garbage as signature"),
    ("newline in the secret", "escaped by Go"),
    ("newline in the secret", "other encoding"),
    ("newline in the secret", "wrong unit"),
    ("newline in the secret", "body alone signed"),
    ("newline in the secret", "id, time and body signed"),
    ("secret as text", "newline added"),
    ("secret as text", "indented on the way"),
    ("secret without its prefix", "upper-case hex"),
    ("other encoding", "indented when it was signed"),
    ("other encoding", "newline lost"),
    ("other encoding", "wrong unit"),
    ("other encoding", "id, time and body signed"),
    ("signature without its prefix", "spaced by Python"),
    ("wrong unit", "escaped by Go"),
    ("wrong unit in the header alone", "newline added"),
    ("wrong unit", "time and body signed"),
    ("body alone signed", "escaped by Go"),
    ("time and body signed", "newline added"),
    ("id, time and body signed", "re-serialized by Python on the way"),
    ("time in words", "escaped by Go"),
    ("id with a dot", "other encoding"),
    ("repeated signature", "old"),
    ("old", "compressed by gzip"),
    ("newline in the secret", "compressed by gzip"),
    ("other encoding", "compressed by gzip"),
    ("upper-case hex", "compressed by deflate"),
    ("body alone signed", "compressed by gzip"),
];

/// Three faults at once, one of them the unit of the timestamp.
pub(super) const TRIPLES: &[(&str, &str, &str)] = &[
    ("newline in the secret", "wrong unit in the header alone", "newline added"),
    ("newline in the secret", "wrong unit in the header alone", "escaped by Go"),
    ("secret as text", "wrong unit in the header alone", "time and body signed"),
    ("wrong unit in the header alone", "time and body signed", "spaced by Python"),
    ("wrong unit in the header alone", "id, time and body signed", "indented by Go when it was signed"),
    ("other encoding", "wrong unit in the header alone", "CRLF added"),
    ("newline in the secret", "wrong unit", "body alone signed"),
    ("other encoding", "newline in the secret", "escaped by Go"),
    ("upper-case hex", "time and body signed", "newline lost"),
];

/// A row that is not diagnosed as it should be: the provider or `*`, the row, the causes that are reported, the reason.
pub(super) type Exception = (&'static str, &'static str, &'static [&'static str], &'static str);

pub(super) const EXCEPTIONS: &[Exception] = &[
    ("stripe", "old + no signature", &["missing-header"], "the time stands in the header that is missing"),
    ("stripe", "repeated signature + old", &["malformed-header"], "the time stands in the header that is repeated"),
    ("slack", "old + signed as another provider", &["wrong-scheme"], "a request of Shopify has no time"),
];
