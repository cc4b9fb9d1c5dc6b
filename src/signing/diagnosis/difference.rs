//! The first place at which the signed body and the received one differ, for people to see.

/// The first difference between two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The first byte, from 0, at which they differ.
    pub at: usize,
    /// The signed text around it, cut with `…`.
    pub signed: String,
    /// The received text around it, cut in the same way, so that the two align.
    pub received: String,
    /// The smallest unit of the signed text that differs: an escape, a number, white space or one character.
    pub signed_token: String,
    /// The same of the received text.
    pub received_token: String,
    /// The last character before them.
    pub before: Option<char>,
}

/// Characters shown before the difference, and from it on: both lines fit a terminal of 80 columns.
const BEFORE: usize = 24;
const AFTER: usize = 36;

impl Difference {
    /// Compares two texts; `None` if one of them is empty or not UTF-8.
    pub(super) fn between(signed: &[u8], received: &[u8]) -> Option<Self> {
        let (signed, received) = (std::str::from_utf8(signed).ok()?, std::str::from_utf8(received).ok()?);
        if signed.is_empty() || received.is_empty() {
            return None;
        }
        let same = signed.bytes().zip(received.bytes()).take_while(|(one, other)| one == other).count();
        let at = (0..=same).rev().find(|at| signed.is_char_boundary(*at) && received.is_char_boundary(*at))?;
        let start = unit_start(signed, received, at);
        Some(Self {
            at: same,
            signed: excerpt(signed, at),
            received: excerpt(received, at),
            signed_token: token(&signed[start..]).to_owned(),
            received_token: token(&received[start..]).to_owned(),
            before: signed[..start].chars().next_back(),
        })
    }
}

/// The start of the escape or the number in which the texts differ; else `at` itself.
fn unit_start(signed: &str, received: &str, at: usize) -> usize {
    // An escape has at most six bytes, and the texts are the same before `at`.
    let escape = (at.saturating_sub(5)..at)
        .find(|start| signed.is_char_boundary(*start) && escape(&signed[*start..]).is_some_and(|end| start + end > at));
    if let Some(start) = escape {
        return start;
    }
    let digits = signed[..at].bytes().rev().take_while(|byte| is_number(*byte)).count();
    let goes_on = |text: &str| text.as_bytes().get(at).is_some_and(|byte| is_number(*byte));
    if goes_on(signed) || goes_on(received) { at - digits } else { at }
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_digit() || b"+-.eE".contains(&byte)
}

/// The length of the escape that a text begins with; a surrogate pair is one.
fn escape(text: &str) -> Option<usize> {
    let unicode = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    match unicode(text) {
        Some(0xd800..=0xdbff) if text.get(6..).and_then(unicode).is_some() => Some(12),
        Some(_) => Some(6),
        None => (text.starts_with('\\') && text.is_char_boundary(2) && text.len() >= 2).then_some(2),
    }
}

/// The unit that a text begins with; empty at the end of a text.
fn token(text: &str) -> &str {
    let run = |is: fn(char) -> bool| text.find(|c| !is(c)).unwrap_or(text.len());
    let end = match text.chars().next() {
        None => 0,
        Some('\\') => escape(text).unwrap_or(1),
        Some(c) if c.is_ascii_whitespace() => run(|c| c.is_ascii_whitespace()),
        Some(c) if c.is_ascii_digit() || c == '-' => run(|c| u8::try_from(c).is_ok_and(is_number)),
        Some(c) => c.len_utf8(),
    };
    &text[..end]
}

fn excerpt(text: &str, at: usize) -> String {
    let before: Vec<char> = text[..at].chars().rev().take(BEFORE + 1).collect();
    let after: Vec<char> = text[at..].chars().take(AFTER + 1).collect();
    let mut shown = String::new();
    if before.len() > BEFORE {
        shown.push('…');
    }
    shown.extend(before.iter().take(BEFORE).rev().map(|c| visible(*c)));
    shown.extend(after.iter().take(AFTER).map(|c| visible(*c)));
    if after.len() > AFTER {
        shown.push('…');
    }
    shown
}

/// White space that moves the cursor, as a visible character.
fn visible(c: char) -> char {
    match c {
        '\n' => '⏎',
        '\r' => '␍',
        '\t' => '⇥',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_that_differs_is_found_whole() {
        for (signed, received, expected) in [
            (r#"{"a":"x \u0026 y"}"#, r#"{"a":"x & y"}"#, (r"\u0026", "&")),
            (r#"{"a":"\u003c"}"#, r#"{"a":"\u003C"}"#, (r"\u003c", r"\u003C")),
            (r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"😀"}"#, (r"\ud83d\ude00", "😀")),
            (r#"{"a":"ö"}"#, r#"{"a":"ü"}"#, ("ö", "ü")),
            (r#"{"a":1.0}"#, r#"{"a":1}"#, ("1.0", "1")),
            (r#"{"a":-12}"#, r#"{"a":-13}"#, ("-12", "-13")),
            (r#"{"a": 1}"#, r#"{"a":1}"#, (" ", "1")),
            ("{\n  \"a\":1}", "{\"a\":1}", ("\n  ", "\"")),
            (r#"{"a":"\/"}"#, r#"{"a":"/"}"#, (r"\/", "/")),
            (r#"{"a":"\\"}"#, r#"{"a":"\n"}"#, (r"\\", r"\n")),
            ("{}\n", "{}", ("\n", "")),
        ] {
            let found = Difference::between(signed.as_bytes(), received.as_bytes()).unwrap();
            assert_eq!((found.signed_token.as_str(), found.received_token.as_str()), expected, "{signed} {received}");
        }
        assert!(Difference::between(b"", b"a").is_none() && Difference::between(b"\xff", b"a").is_none());
    }

    #[test]
    fn both_excerpts_begin_at_the_same_place() {
        let long = "0123456789".repeat(10);
        let found = Difference::between(format!("{long}a{long}").as_bytes(), format!("{long}b{long}").as_bytes());
        let found = found.unwrap();
        assert_eq!(found.at, 100);
        assert_eq!(found.signed, "…678901234567890123456789a01234567890123456789012345678901234…");
        assert_eq!(found.received, found.signed.replace('a', "b"));
        let found = Difference::between(b"{\n \"a\":1}", b"{\"a\":1}").unwrap();
        assert_eq!((found.signed.as_str(), found.received.as_str()), ("{⏎ \"a\":1}", "{\"a\":1}"));
    }
}
