//! Expected texts that can be rewritten in place: with `WHK_BLESS=1`, a run that differs from its literal replaces it.

use std::collections::HashMap;
use std::fs;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The environment variable that rewrites expected texts instead of comparing them.
const BLESS: &str = "WHK_BLESS";

/// A source file as it was compiled, and the literals that were replaced in it so far, by their byte range.
struct Source {
    original: String,
    replaced: HashMap<(usize, usize), String>,
}

/// The files that this process has changed: several tests may change one file, in any order.
static CHANGED: Mutex<Option<HashMap<PathBuf, Source>>> = Mutex::new(None);

/// Compares a text with the literal at the caller; rewrites that literal under `WHK_BLESS=1`.
#[track_caller]
pub(crate) fn compare(actual: &str, expected: &str) {
    if actual == expected {
        return;
    }
    let caller = Location::caller();
    if std::env::vars_os().any(|(name, value)| name == BLESS && value == "1") {
        match bless(caller, expected, actual) {
            Ok(()) => return,
            Err(reason) => panic!("{caller}: cannot rewrite the expected text: {reason}\n--- it was:\n{actual}"),
        }
    }
    panic!(
        "expected:\n{expected}\n--- but it was:\n{actual}\n--- to accept the new text: {BLESS}=1 cargo test --test it"
    );
}

/// Compares a text with a committed file, by its path in the project; rewrites the file under `WHK_BLESS=1`.
#[track_caller]
pub(crate) fn compare_file(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    if fs::read_to_string(&path).is_ok_and(|text| text == actual) {
        return;
    }
    if std::env::vars_os().any(|(name, value)| name == BLESS && value == "1") {
        fs::write(&path, actual).unwrap();
        return;
    }
    panic!("{name} is not current; to write it: {BLESS}=1 cargo test --test it openapi::");
}

fn bless(caller: &Location<'_>, expected: &str, actual: &str) -> Result<(), String> {
    // The path is relative to the package, which cargo runs tests in.
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(caller.file());
    let mut changed = CHANGED.lock().unwrap_or_else(PoisonError::into_inner);
    let source = match changed.get_or_insert_default().entry(path.clone()) {
        std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::hash_map::Entry::Vacant(entry) => {
            let original = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            entry.insert(Source { original, replaced: HashMap::new() })
        }
    };
    let range = literal(&source.original, caller.line(), caller.column())?;
    if read_literal(&source.original[range.0..range.1]).trim_start_matches('\n') != expected {
        return Err("the literal at this call is not the expected text".to_owned());
    }
    let written = write_literal(actual);
    if source.replaced.get(&range).is_some_and(|earlier| *earlier != written) {
        return Err("the same literal is compared with different texts".to_owned());
    }
    source.replaced.insert(range, written);
    fs::write(&path, source.text()).map_err(|error| error.to_string())
}

impl Source {
    /// The file with every replacement made.
    fn text(&self) -> String {
        let mut ranges: Vec<_> = self.replaced.keys().copied().collect();
        ranges.sort_unstable();
        let (mut text, mut end) = (String::new(), 0);
        for range in ranges {
            text.push_str(&self.original[end..range.0]);
            text.push_str(&self.replaced[&range]);
            end = range.1;
        }
        text + &self.original[end..]
    }
}

/// The byte range of the string literal that is the argument of the call at this line and column.
fn literal(source: &str, line: u32, column: u32) -> Result<(usize, usize), String> {
    let not_literal = || "the expected text is not one string literal".to_owned();
    let line_start: usize = source.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
    let column_offset: usize = source[line_start..].chars().take(column as usize - 1).map(char::len_utf8).sum();
    let call = line_start + column_offset;
    let open = call + source[call..].find('(').ok_or_else(not_literal)? + 1;
    let start = open + source[open..].len() - source[open..].trim_start().len();
    let rest = &source[start..];
    let length = if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        let text = raw[hashes..].strip_prefix('"').ok_or_else(not_literal)?;
        1 + hashes + 1 + text.find(&close).ok_or_else(not_literal)? + close.len()
    } else {
        let text = rest.strip_prefix('"').ok_or_else(not_literal)?;
        let mut escaped = false;
        let close = text.find(|c: char| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        1 + close.ok_or_else(not_literal)? + 1
    };
    Ok((start, start + length))
}

/// The text that a literal stands for, with the escapes that [`write_literal`] makes and `\`-newline.
fn read_literal(literal: &str) -> String {
    if let Some(raw) = literal.strip_prefix('r') {
        let text = raw.trim_matches('#');
        return text[1..text.len() - 1].to_owned();
    }
    let (mut text, mut rest) = (String::new(), &literal[1..literal.len() - 1]);
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let escape = after.chars().next().unwrap_or_default();
        rest = after.get(escape.len_utf8()..).unwrap_or_default();
        match escape {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            '0' => text.push('\0'),
            '\n' => rest = rest.trim_start(),
            'u' => {
                let (code, end) = rest.split_once('}').unwrap_or((rest, ""));
                text.extend(u32::from_str_radix(code.trim_start_matches('{'), 16).ok().and_then(char::from_u32));
                rest = end;
            }
            'x' => {
                let (code, end) = rest.split_at(2);
                text.extend(u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
                rest = end;
            }
            other => text.push(other),
        }
    }
    text + rest
}

/// A literal that reads like the text: raw where quotes or backslashes would need escapes.
fn write_literal(text: &str) -> String {
    let odd = |c: char| (c.is_control() && c != '\n') || c == '\u{feff}';
    if text.chars().any(odd) {
        let escaped = text.escape_debug().to_string().replace("\\n", "\n").replace("\\'", "'");
        return format!("\"\n{escaped}\"");
    }
    if !text.contains(['"', '\\']) {
        return format!("\"\n{text}\"");
    }
    let mut hashes = "#".to_owned();
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    format!("r{hashes}\"\n{text}\"{hashes}")
}

#[test]
fn the_literal_of_a_call_is_found() {
    let source = "fn f() {\n    run.masked().assert_snapshot(\"\nexit 0 \\\"quoted\\\"\n\");\n    ü.assert_snapshot(r#\"a \"b\" \"#);\n    x.assert_snapshot(&format!(\"\"));\n}\n";
    let found = |line, column| literal(source, line, column).map(|(start, end)| &source[start..end]);
    assert_eq!(found(2, 18), Ok("\"\nexit 0 \\\"quoted\\\"\n\""));
    assert_eq!(found(5, 7), Ok("r#\"a \"b\" \"#"));
    assert!(found(6, 7).is_err());
}

#[test]
fn a_written_literal_reads_like_the_text() {
    assert_eq!(write_literal("exit 0\n"), "\"\nexit 0\n\"");
    assert_eq!(write_literal("a \"b\" \\ \"#\n"), "r##\"\na \"b\" \\ \"#\n\"##");
    assert_eq!(write_literal("a\u{1b}[1m\"\n"), "\"\na\\u{1b}[1m\\\"\n\"");
    for text in ["exit 0\n", "a \"b\" \\ \"#\n", "a\u{1b}[1m\" \\ '\r\n\t\0\u{feff}é\n"] {
        assert_eq!(read_literal(&write_literal(text)), format!("\n{text}"));
    }
    assert_eq!(read_literal("\"a\\\n   b\\x41\""), "abA");
}

#[test]
fn replacements_in_one_file_do_not_move_each_other() {
    let original = "a \"one\" b \"two\" c".to_owned();
    let replaced = HashMap::from([((10, 15), "\"a longer one\"".to_owned()), ((2, 7), "\"1\"".to_owned())]);
    assert_eq!(Source { original, replaced }.text(), "a \"1\" b \"a longer one\" c");
}
