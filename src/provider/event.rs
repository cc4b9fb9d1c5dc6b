//! A type of event, and the bodies rendered from it.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;

use super::builtin::BuiltinProvider;
use super::{Edit, EditError, Provider, TemplateContext};
use crate::error::{Error, Result};
use crate::strict_toml;

/// A type of event with the template of its body.
#[derive(Clone, Debug)]
pub struct Event {
    /// The type as it is in the body, such as `message.delivered`.
    pub event_type: String,
    /// Describes when it is sent.
    pub description: String,
    pub(super) template: TemplateText,
    pub(super) origin: TemplateOrigin,
    /// The template, parsed on first use.
    pub(super) parsed: OnceCell<Value>,
}

/// The text of a template.
#[derive(Clone, Debug)]
pub(super) enum TemplateText {
    /// It was read.
    Read(String),
    /// It is a file of a built-in provider, which is unpacked on first use.
    Builtin(&'static BuiltinProvider, String),
}

impl TemplateText {
    fn read(&self) -> Cow<'_, str> {
        match self {
            Self::Read(text) => Cow::Borrowed(text),
            Self::Builtin(provider, path) => Cow::Owned(provider.read(path).unwrap_or_default()),
        }
    }
}

/// Location of a template, for messages.
#[derive(Clone, Debug)]
pub(super) struct TemplateOrigin {
    pub(super) path: String,
    /// Number of lines in the file before the template's first.
    pub(super) lines_before: usize,
}

impl TemplateOrigin {
    fn position(&self, line: usize, column: usize) -> String {
        format!("{}:{}:{column}", self.path, self.lines_before + line)
    }
}

/// A rendered body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedEvent {
    /// The bytes, as the provider writes them.
    pub body: Vec<u8>,
    /// The edits with a path that this event lacks, by index.
    pub unmatched_edits: Vec<usize>,
    /// The paths of this event, if there are edits.
    pub paths: Vec<String>,
}

impl Event {
    /// Renders a body: the template filled with `values`, changed by `edits`, in the provider's format.
    ///
    /// # Errors
    /// The template is not JSON, or has a placeholder that cannot be filled; with file, line and column.
    pub fn render(&self, provider: &Provider, values: &TemplateContext<'_>, edits: &[Edit]) -> Result<RenderedEvent> {
        values.set("type", self.event_type.as_str());
        let mut body = values.json(self.template()?).map_err(|error| self.unfillable(values, &error))?;
        let mut unmatched_edits = Vec::new();
        let paths = if edits.is_empty() { Vec::new() } else { super::json_path::paths(&body) };
        for (index, edit) in edits.iter().enumerate() {
            match edit.apply(&mut body) {
                Ok(()) => {}
                Err(EditError::NoSuchPath) => unmatched_edits.push(index),
            }
        }
        Ok(RenderedEvent { body: provider.body_format.write(&body), unmatched_edits, paths })
    }

    /// Returns every path of the body, in its order.
    ///
    /// # Errors
    /// The template is not JSON; with file, line and column.
    pub fn paths(&self) -> Result<Vec<String>> {
        Ok(super::json_path::paths(self.template()?))
    }

    fn template(&self) -> Result<&Value> {
        if let Some(parsed) = self.parsed.get() {
            return Ok(parsed);
        }
        let parsed = serde_json::from_str(&self.template.read()).map_err(|error| {
            let location = self.origin.position(error.line(), error.column());
            Error::new(format!("{location}: the template of `{}` is not JSON", self.event_type)).cause(error)
        })?;
        Ok(self.parsed.get_or_init(|| parsed))
    }

    /// Finds the placeholder that cannot be filled.
    fn unfillable(&self, values: &TemplateContext<'_>, error: &str) -> Error {
        let template = self.template.read();
        let places = template.match_indices("{{");
        let bad = places.map(|(position, _)| position).find(|position| {
            let rest = &template[*position..];
            rest.find("}}").is_none_or(|end| values.text(&rest[..end + 2]).is_err())
        });
        let (line, column) = strict_toml::line_and_column(&template, bad.unwrap_or(0));
        let location = self.origin.position(line, column);
        Error::new(format!("{location}: the template of `{}` cannot be filled", self.event_type)).cause(error)
    }
}
