//! The words of a search box, the same as the flags of `whk log`.

use std::str::FromStr;

use super::{FieldMatch, RecordFilter, TextSearch};
use crate::provider::StatusRanges;
use crate::verification::VerdictStatus;

/// Reads the words of a search box, such as `invalid type:message.* where:data.id=7 "some text"`:
///
/// | word | selects |
/// |---|---|
/// | `valid`, `invalid`, `unsigned`, `unchecked`, `verdict:…` | the verdict, as `--verdict` |
/// | `type:GLOB` | the event type, as `--type` |
/// | `status:5xx` | the status of the response, as `--status` |
/// | `id:ID`, `provider:NAME` | the event's id, the provider |
/// | `where:PATH=TEXT` | a value in the JSON of the body, as `--where` |
/// | anything else, `grep:TEXT` | a text somewhere in the record, as `--grep` |
///
/// Several verdicts, types, statuses, ids or providers widen the selection; every other word narrows it. Double quotes
/// keep spaces, and make a word a plain text: `"valid"`, `where:subject="Hello there"`. Inside them, `\"` is a quote.
impl FromStr for RecordFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        let mut statuses: Vec<String> = Vec::new();
        for word in words(text) {
            match word.key() {
                Some((key, "")) => return Err(format!("`{key}:` needs a value")),
                Some(("verdict", value)) => filter.verdicts.push(value.parse()?),
                Some(("type", value)) => filter.types.push(value.parse()?),
                Some(("provider", value)) => filter.providers.push(value.to_owned()),
                Some(("id", value)) => filter.ids.push(value.to_owned()),
                Some(("status", value)) => {
                    value.parse::<StatusRanges>()?;
                    statuses.push(value.to_owned());
                }
                Some(("where", value)) => filter.fields.push(value.parse::<FieldMatch>()?),
                Some((_, value)) => filter.texts.push(TextSearch::new(value)),
                None => match word.text.parse::<VerdictStatus>() {
                    Ok(verdict) if !word.starts_quoted => filter.verdicts.push(verdict),
                    _ => filter.texts.push(TextSearch::new(&word.text)),
                },
            }
        }
        if !statuses.is_empty() {
            filter.statuses = Some(statuses.join(",").parse()?);
        }
        Ok(filter)
    }
}

/// The keys of words with a value.
const KEYS: [&str; 7] = ["verdict", "type", "provider", "id", "status", "where", "grep"];

/// A word without its quotes.
#[derive(Debug)]
struct Word {
    text: String,
    /// True if it is a text, whatever it looks like.
    starts_quoted: bool,
}

impl Word {
    /// Returns the key and the value, if it has a known key.
    fn key(&self) -> Option<(&str, &str)> {
        let (key, value) = self.text.split_once(':').filter(|_| !self.starts_quoted)?;
        KEYS.contains(&key).then_some((key, value))
    }
}

/// Splits a text at its spaces, except inside of double quotes. A quote that is not closed ends with the text, because a
/// text is read while it is typed.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c.is_whitespace() && !is_quoted {
            words.extend(word.take());
            continue;
        }
        let is_first = word.is_none();
        let current = word.get_or_insert_with(|| Word { text: String::new(), starts_quoted: false });
        match c {
            '"' => {
                current.starts_quoted |= is_first;
                is_quoted = !is_quoted;
            }
            '\\' if is_quoted => current.text.push(characters.next_if(|c| matches!(c, '"' | '\\')).unwrap_or('\\')),
            c => current.text.push(c),
        }
    }
    words.extend(word);
    words.retain(|word| !word.text.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> RecordFilter {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_word_is_a_part_of_the_filter() {
        let found = filter(
            "invalid  type:message.* where:/data/id=7 some text type:a verdict:unsigned status:5xx status:429 id:x provider:y",
        );
        let text = |text| TextSearch::new(text);
        assert_eq!(
            found,
            RecordFilter {
                verdicts: vec![VerdictStatus::Invalid, VerdictStatus::Unsigned],
                types: vec!["message.*".parse().unwrap(), "a".parse().unwrap()],
                providers: vec!["y".to_owned()],
                ids: vec!["x".to_owned()],
                statuses: Some("5xx,429".parse().unwrap()),
                fields: vec!["/data/id=7".parse().unwrap()],
                texts: vec![text("some"), text("text")],
                ..RecordFilter::default()
            }
        );
        assert!(filter("").is_empty() && filter("  \t \"\" ").is_empty());
    }

    #[test]
    fn quotes_keep_spaces_and_make_a_plain_text() {
        let texts = |text| filter(text).texts.iter().map(|text| text.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(texts("\"some text\" x"), ["some text", "x"]);
        assert_eq!(texts("\"valid\""), ["valid"]);
        assert_eq!(texts("\"type:a\" grep:valid"), ["type:a", "valid"]);
        assert_eq!(texts(r#""a \"b\" \n""#), [r#"a "b" \n"#]);
        assert_eq!(texts("\"not closed "), ["not closed "]);
        assert_eq!(texts(r"c:\dir https://x/y unknown:z"), ["c:\\dir", "https://x/y", "unknown:z"]);
        assert_eq!(filter("where:a=\"b c\"").fields, ["a=b c".parse().unwrap()]);
    }

    #[test]
    fn a_word_with_a_wrong_value_is_an_error() {
        for (text, expected) in [
            ("type:", "`type:` needs a value"),
            ("status:x", "`x` is not a status, expected one such as `500`, `5xx`, `400-499` or `5xx,429`"),
            ("where:a", "`a` lacks a `=`, expected PATH=TEXT"),
            ("where:a..b=1", "`a..b` is not a path, expected one such as `data.recipient` or `data.to[0].email`"),
            ("verdict:bad", "`bad` is not a verdict, expected `valid`, `invalid`, `unsigned` or `unchecked`"),
        ] {
            assert_eq!(text.parse::<RecordFilter>(), Err(expected.to_owned()), "{text}");
        }
    }
}
