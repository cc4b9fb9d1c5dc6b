//! Plain English: phrases that no text for people contains.

use std::fs;
use std::path::Path;

use crate::harness::files::{files_below, root};

/// Phrases of another English, and what to say instead.
const PHRASES: [(&str, &str); 7] = [
    ("whose", "the provider, its"),
    ("anew", "again, re-signed"),
    ("for ever", "forever"),
    ("may be left out", "optional"),
    ("rightly", "correctly"),
    ("held back", "skipped"),
    ("gone on with", "resumed"),
];

#[test]
fn texts_for_people_are_in_plain_english() {
    let root = root();
    // CONTRIBUTING.md names such words on purpose.
    let mut files = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    for folder in ["docs", "src", "fixtures", "completions", "examples"] {
        files.extend(files_below(&root.join(folder)));
    }
    assert!(files.len() > 100, "only {} files were found", files.len());
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for (number, line) in text.lines().enumerate().filter(|(_, line)| for_people(&name, line)) {
            let words = format!(" {} ", line.to_lowercase().replace(|c: char| !(c.is_alphanumeric() || c == '_'), " "));
            for (phrase, instead) in PHRASES {
                if words.contains(&format!(" {phrase} ")) {
                    found.push(format!("{name}:{}: `{phrase}` (say: {instead}): {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A comment in the code is for those who work on it, except where it is the help of a flag.
fn for_people(name: &str, line: &str) -> bool {
    let comment = line.trim_start();
    let is_code = Path::new(name).extension().is_some_and(|kind| kind == "rs");
    !is_code || !comment.starts_with("//") || (name.starts_with("src/cli/") && comment.starts_with("///"))
}
