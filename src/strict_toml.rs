//! Reads TOML into a type; errors have file, line, column, and the nearest known name.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::Error;

/// Reads `text`, the content of `path`.
///
/// # Errors
/// A syntax error, a wrong type or an unknown key, with its location; an unknown key gets the nearest known one as a
/// hint.
pub fn read<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let location = error.span().map(|span| location(text, span.start)).unwrap_or_default();
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        let wrong = Error::new(format!("{}{location}: {}", path.display(), first_sentence(&message)));
        match suggestion_for(&message) {
            Some(nearest) => wrong.hint(format!("did you mean `{nearest}`?")),
            None => wrong,
        }
    })
}

/// Formats a byte offset as `:line:column`, both from 1.
#[must_use]
pub fn location(text: &str, offset: usize) -> String {
    let (line, column) = line_and_column(text, offset);
    format!(":{line}:{column}")
}

/// Returns line and column, both from 1, of a byte offset.
#[must_use]
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

/// Returns the line, from 1, of the first occurrence of `part`; 1 if there is none.
#[must_use]
pub fn line_containing(text: &str, part: &str) -> usize {
    line_and_column(text, text.find(part).unwrap_or(0)).0
}

/// Returns the known name nearest to `name`, if it is at most a few typos away.
///
/// A name of up to four characters may differ by one edit, of up to eight by two, a longer one by three. The last part
/// of a dotted name stands for the complete one: `recipient` is near `data.recipient`.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match name.chars().count() {
        0..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    let distance = |candidate: &str| {
        let part = candidate.rsplit_once('.').is_some_and(|(_, last)| last == name);
        if part { 1 } else { strsim::osa_distance(&name.to_lowercase(), &candidate.to_lowercase()) }
    };
    known
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// serde's own wording for an unknown key is "unknown field `x`, expected one of `a`, `b`".
fn suggestion_for(message: &str) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_a_slip_is_a_suggestion() {
        for (name, known, expected) in [
            ("ahasned", &["autosend", "ahasend"][..], Some("ahasend")),
            ("lgo", &["log"], Some("log")),
            ("Message.Delivered", &["message.delivered"], Some("message.delivered")),
            ("recipient", &["data.id", "data.recipient"], Some("data.recipient")),
            ("data.recipent", &["data.id", "data.recipient"], Some("data.recipient")),
            ("nope", &["open"], None),
            ("tcsh", &["zsh", "bash"], None),
            ("version", &["verify"], None),
            ("data.score", &["data.to"], None),
        ] {
            assert_eq!(nearest(name, known.iter().copied()), expected, "{name}");
        }
    }
}
