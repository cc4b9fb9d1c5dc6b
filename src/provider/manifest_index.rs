//! The facts of a manifest that find a provider without reading all of it. The build script makes the index of the
//! built-in providers with this same file.

use std::borrow::Cow;

use toml::{Table, Value};

/// A list that is compiled in, or made from a custom manifest.
type Names = Cow<'static, [Cow<'static, str>]>;

/// The index of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ManifestIndex {
    /// Other names of the provider.
    pub(super) aliases: Names,
    /// The headers that any source in it names, in lower case.
    pub(super) headers: Names,
    /// True if an edition has its signature in a JSON body.
    pub(super) signs_in_body: bool,
    /// True if the provider sends a challenge that it does not sign.
    pub(super) has_unsigned_challenge: bool,
}

impl ManifestIndex {
    /// Makes the index of a manifest.
    pub(super) fn new(manifest: &Table) -> Self {
        let mut headers: Vec<String> =
            manifest.values().flat_map(strings).flat_map(|text| header_names(text).collect::<Vec<_>>()).collect();
        headers.sort();
        headers.dedup();
        let editions =
            || manifest.get("edition").and_then(Value::as_table).into_iter().flatten().map(|(_, table)| table);
        let schemes = manifest.get("scheme").into_iter().chain(editions().filter_map(|edition| edition.get("scheme")));
        let mut signatures = schemes.filter_map(|scheme| scheme.get("signature")?.get("from"));
        let challenges = manifest.get("challenge").and_then(Value::as_array).into_iter().flatten();
        Self {
            aliases: manifest
                .get("aliases")
                .into_iter()
                .chain(editions().filter_map(|edition| edition.get("aliases")))
                .flat_map(strings)
                .map(|alias| Cow::Owned(alias.to_owned()))
                .collect(),
            headers: headers.into_iter().map(Cow::Owned).collect(),
            signs_in_body: signatures.any(|from| strings(from).iter().any(|source| source.starts_with("json:"))),
            has_unsigned_challenge: challenges
                .filter_map(|challenge| challenge.get("signed"))
                .any(|signed| signed.as_bool() == Some(false)),
        }
    }
}

/// Returns every string inside a value.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        // Sources in `also`, and further signatures, do not show the provider.
        Value::Table(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "also" && *key != "further")
            .flat_map(|(_, value)| strings(value))
            .collect(),
        _ => Vec::new(),
    }
}

/// Returns the header names of the sources in a text, such as `header:webhook-id` or `{header:date}.{body}`.
pub(super) fn header_names(text: &str) -> impl Iterator<Item = String> {
    let sources = text.match_indices("header:").map(|(start, prefix)| &text[start + prefix.len()..]);
    let ends = |c: char| matches!(c, '}' | '|') || c.is_whitespace();
    let names = sources.map(move |rest| rest.split(ends).next().unwrap_or_default().to_ascii_lowercase());
    names.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(text: &str) -> ManifestIndex {
        ManifestIndex::new(&text.parse().unwrap())
    }

    #[test]
    fn headers_of_every_source_are_found_once_and_in_lower_case() {
        let found = index(
            "title = 'header'\n[scheme]\ncontent = '{header:Date|lower}.{header:x-b}.{body}'\nsignature = { from = ['header:X-Sig', 'json:/s'] }\n[edition.2.scheme]\nid = { from = 'header:x-id' }\n[parts]\ntype = ['header:x-b', 'query:x-q']",
        );
        assert_eq!(found.headers.as_ref(), ["date", "x-b", "x-id", "x-sig"]);
    }

    #[test]
    fn a_signature_in_the_body_is_seen_in_every_edition_and_layout() {
        for text in [
            "[scheme.signature]\nfrom = 'json:/signature'",
            "scheme = { signature = { list = ',', from = [\n'header:x',\n'json:/s'] } }",
            "[edition.2.scheme]\nsignature = { from = ['json:/s'] }",
        ] {
            assert!(index(text).signs_in_body, "{text}");
        }
        assert!(!index("[scheme]\nsignature = { from = 'header:x' }\nid = { from = 'json:/id' }").signs_in_body);
    }

    #[test]
    fn a_challenge_without_a_signature_is_seen() {
        assert!(index("[[challenge]]\nsigned = true\n[[challenge]]\nsigned   =   false").has_unsigned_challenge);
        assert!(!index("# signed = false\n[[challenge]]\nwhen = 'json:/signed=false'").has_unsigned_challenge);
    }
}
