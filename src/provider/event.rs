//! One type of event, and a body made from it.

use std::cell::OnceCell;

use serde_json::Value;

use super::{Edit, EditError, Provider, Values};
use crate::error::{Error, Result};
use crate::strict_toml;

/// A type of event with the template of its body.
#[derive(Clone, Debug)]
pub struct Event {
    /// The type as it stands in the body, such as `message.delivered`.
    pub kind: String,
    /// When it is sent.
    pub description: String,
    pub(super) template: String,
    pub(super) origin: Origin,
    /// The template, parsed when it is first filled.
    pub(super) parsed: OnceCell<Value>,
}

/// Where a template stands, for messages.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) path: String,
    /// The lines of the file before the template's first.
    pub(super) lines_before: usize,
}

impl Origin {
    fn at(&self, line: usize, column: usize) -> String {
        format!("{}:{}:{column}", self.path, self.lines_before + line)
    }
}

/// A body made for sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The bytes, as the provider writes them.
    pub body: Vec<u8>,
    /// The edits, by their index, whose path this event does not have.
    pub missed: Vec<usize>,
    /// The paths that this event has, where there are edits.
    pub paths: Vec<String>,
}

impl Event {
    /// Makes a body: the template filled with `values`, changed by `edits`, written in the provider's style.
    ///
    /// # Errors
    /// The template is not JSON, or has a place that cannot be filled; with file, line and column.
    pub fn render(&self, provider: &Provider, values: &Values<'_>, edits: &[Edit]) -> Result<Rendered> {
        values.set("type", self.kind.as_str());
        let mut body = values.json(self.template()?).map_err(|flaw| self.unfillable(values, &flaw))?;
        let mut missed = Vec::new();
        let paths = if edits.is_empty() { Vec::new() } else { super::edit::paths(&body) };
        for (index, edit) in edits.iter().enumerate() {
            match edit.apply(&mut body) {
                Ok(()) => {}
                Err(EditError::NoSuchPath) => missed.push(index),
            }
        }
        Ok(Rendered { body: provider.style.write(&body), missed, paths })
    }

    fn template(&self) -> Result<&Value> {
        if let Some(parsed) = self.parsed.get() {
            return Ok(parsed);
        }
        let parsed = serde_json::from_str(&self.template).map_err(|error| {
            let place = self.origin.at(error.line(), error.column());
            Error::new(format!("{place}: the template of `{}` is not JSON", self.kind)).cause(error)
        })?;
        Ok(self.parsed.get_or_init(|| parsed))
    }

    /// Finds the place that cannot be filled.
    fn unfillable(&self, values: &Values<'_>, flaw: &str) -> Error {
        let places = self.template.match_indices("{{");
        let bad = places.map(|(at, _)| at).find(|at| {
            let rest = &self.template[*at..];
            rest.find("}}").is_none_or(|end| values.text(&rest[..end + 2]).is_err())
        });
        let (line, column) = strict_toml::line_and_column(&self.template, bad.unwrap_or(0));
        let place = self.origin.at(line, column);
        Error::new(format!("{place}: the template of `{}` cannot be filled", self.kind)).cause(flaw)
    }
}
