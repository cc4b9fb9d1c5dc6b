//! Reads TOML into a type, and says where and what is wrong: file, line, column, and the nearest known name.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::Error;

/// Reads `text`, which came from `path`.
///
/// # Errors
/// A syntax error, a wrong type or an unknown key, with its place; an unknown key names the nearest one that is known.
pub fn read<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| place(text, span.start)).unwrap_or_default();
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        let wrong = Error::new(format!("{}{place}: {}", path.display(), first_sentence(&message)));
        match nearest_of(&message) {
            Some(nearest) => wrong.hint(format!("did you mean `{nearest}`?")),
            None => wrong,
        }
    })
}

/// `:line:column`, both from 1, of a byte offset.
#[must_use]
pub fn place(text: &str, offset: usize) -> String {
    let (line, column) = line_and_column(text, offset);
    format!(":{line}:{column}")
}

/// Line and column, both from 1, of a byte offset.
#[must_use]
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

/// The line, from 1, on which `part` stands first; the first line where it does not.
#[must_use]
pub fn line_of(text: &str, part: &str) -> usize {
    line_and_column(text, text.find(part).unwrap_or(0)).0
}

/// The known name that is nearest to `name`, if one is near.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| {
            // Of short names the first measure thinks too little of: `lgo` is `log` with one slip.
            let slip = if strsim::osa_distance(name, candidate) == 1 { 0.9 } else { 0.0_f64 };
            (strsim::jaro_winkler(name, candidate).max(slip), candidate)
        })
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// serde's own wording for an unknown key is "unknown field `x`, expected one of `a`, `b`".
fn nearest_of(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    if !message.starts_with("unknown field") {
        return None;
    }
    let unknown = names.next()?;
    nearest(unknown, names).map(str::to_owned)
}

fn first_sentence(message: &str) -> String {
    match message.split_once(", expected") {
        Some((what, known)) if message.starts_with("unknown field") => {
            format!(
                "{}; known here:{}",
                what.replacen("unknown field", "unknown key", 1),
                known.trim_start_matches(" one of")
            )
        }
        _ => message.to_owned(),
    }
}
