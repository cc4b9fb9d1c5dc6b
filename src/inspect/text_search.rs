//! Searches for a text in the parts of a request.

/// A text that is searched for in bytes. Letters from A to Z match in either case, and characters that JSON can escape
/// match in both forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextSearch {
    text: String,
    /// The forms in which the text can be written.
    forms: Vec<Vec<u8>>,
}

impl TextSearch {
    /// Searches for this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut forms = vec![text.as_bytes().to_vec()];
        // Many serializers write `\/`, and some `\u00fc`.
        for form in [text.replace('/', "\\/"), escape_non_ascii(text), escape_non_ascii(&text.replace('/', "\\/"))] {
            if !forms.contains(&form.clone().into_bytes()) {
                forms.push(form.into_bytes());
            }
        }
        Self { text: text.to_owned(), forms }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True if the bytes contain the text.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| contains_ignoring_case(bytes, form))
    }
}

/// Returns the text with `\uXXXX` for each character outside of ASCII, as JSON writes it.
fn escape_non_ascii(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut units = [0; 2];
    for c in text.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            escaped.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    escaped
}

fn contains_ignoring_case(bytes: &[u8], text: &[u8]) -> bool {
    let Some((first, rest)) = text.split_first() else { return true };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    memchr::memchr2_iter(lower, upper, bytes)
        .any(|at| bytes[at + 1..].get(..rest.len()).is_some_and(|found| found.eq_ignore_ascii_case(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_either_case_and_in_every_form_of_json() {
        for (text, bytes, expected) in [
            ("User@Example", "{\"to\":\"user@example.com\"}", true),
            ("https://a/b", r#"{"u":"https:\/\/a\/b"}"#, true),
            ("Müller", r#"{"n":"M\u00FCller"}"#, true),
            ("Müller", "MÜLLER", false),
            ("Müller", "müller", true),
            ("a/😀", r#""a\/\ud83d\ude00""#, true),
            ("", "", true),
            ("ab", "a", false),
            ("aab", "aaab", true),
        ] {
            assert_eq!(TextSearch::new(text).matches(bytes.as_bytes()), expected, "{text} in {bytes}");
        }
        assert!(TextSearch::new("b").matches(b"\xff\x00B"));
    }
}
