//! The documents are plain English: they have none of the words that the project has given up.

use super::{documents, read};

/// Words that a reader stumbles over, with what to write.
const RETIRED: [(&str, &str); 7] = [
    ("whose", "name the thing: the provider, the secret"),
    ("anew", "again; re-sign"),
    ("for ever", "forever"),
    ("may be left out", "optional"),
    ("rightly", "correctly"),
    ("held back", "skipped"),
    ("gone on with", "resumed"),
];

#[test]
fn no_document_has_a_retired_word() {
    let mut found = Vec::new();
    for name in documents() {
        // The page itself names them.
        for (number, line) in
            read(&name).lines().enumerate().filter(|_| !["CONTRIBUTING.md", "docs/cli.md"].contains(&&*name))
        {
            // A name such as `held_back` is one word.
            let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
            let words: String =
                line.to_lowercase().chars().map(|letter| if is_letter(letter) { letter } else { ' ' }).collect();
            for (retired, instead) in RETIRED {
                if format!(" {words} ").contains(&format!(" {retired} ")) {
                    found.push(format!("{name}:{}: `{retired}`; write: {instead}", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
