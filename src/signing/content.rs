//! The template of what is signed, such as `{id}.{timestamp}.{body}`.

use std::str::FromStr;

/// A template: literal text and places, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(Place),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Body,
    Id,
    Timestamp,
}

/// What fills the places: the bytes as received, never printed anew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filling<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) timestamp: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Content {
    /// The signed bytes as slices in order.
    pub(crate) fn fill<'a>(&'a self, filling: &Filling<'a>) -> Vec<&'a [u8]> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_bytes(),
                Piece::Place(Place::Body) => filling.body,
                Piece::Place(Place::Id) => filling.id,
                Piece::Place(Place::Timestamp) => filling.timestamp,
            })
            .collect()
    }

    /// Whether the id is signed.
    #[must_use]
    pub fn has_id(&self) -> bool {
        self.pieces.contains(&Piece::Place(Place::Id))
    }

    /// Whether the timestamp is signed.
    #[must_use]
    pub fn has_timestamp(&self) -> bool {
        self.pieces.contains(&Piece::Place(Place::Timestamp))
    }
}

impl FromStr for Content {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                pieces.push(Piece::Text(rest[..open].to_owned()));
            }
            let close = rest[open..].find('}').ok_or_else(|| format!("a `{{` in `{text}` has no `}}`"))? + open;
            pieces.push(Piece::Place(match &rest[open + 1..close] {
                "body" => Place::Body,
                "id" => Place::Id,
                "timestamp" => Place::Timestamp,
                other => {
                    return Err(format!(
                        "unknown place `{{{other}}}`, expected one of `{{id}}`, `{{timestamp}}`, `{{body}}`"
                    ));
                }
            }));
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        let content = Self { pieces };
        if content.pieces.contains(&Piece::Place(Place::Body)) {
            Ok(content)
        } else {
            Err(format!("`{text}` does not sign the body: it has no `{{body}}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_fills_its_places_in_order() {
        let content: Content = "v0:{id}.{timestamp}.{body}!".parse().unwrap();
        let filling = Filling { id: b"a", timestamp: b"1", body: b"\xff" };
        assert_eq!(content.fill(&filling).concat(), b"v0:a.1.\xff!");
    }

    #[test]
    fn a_template_that_cannot_work_says_what_is_wrong() {
        for (text, expected) in [("{id", "no `}`"), ("{nope}{body}", "{nope}"), ("{id}", "does not sign the body")] {
            let error = text.parse::<Content>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
