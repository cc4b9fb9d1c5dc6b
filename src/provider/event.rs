//! One type of event, and a body made from it.

use serde_json::Value;

use super::{Edit, EditError, Provider, Values};
use crate::error::{Error, Result};

/// A type of event with the template of its body.
#[derive(Clone, Debug)]
pub struct Event {
    /// The type as it stands in the body, such as `message.delivered`.
    pub kind: String,
    /// When it is sent.
    pub description: String,
    pub(super) template: String,
}

/// A body made for sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The bytes, as the provider writes JSON.
    pub body: Vec<u8>,
    /// The edits, by their index, whose path this event does not have.
    pub missed: Vec<usize>,
    /// The paths that this event has.
    pub paths: Vec<String>,
}

impl Event {
    /// Makes a body: the template filled with `values`, changed by `edits`, written in the provider's style.
    pub fn render(&self, provider: &Provider, values: &Values<'_>, edits: &[Edit]) -> Result<Rendered> {
        let whose = || format!("the body of `{}` of `{}` cannot be made", self.kind, provider.name);
        let template: Value = serde_json::from_str(&self.template).map_err(|error| Error::new(whose()).cause(error))?;
        values.set("type", self.kind.as_str());
        let mut body = values.json(&template).map_err(|flaw| Error::new(whose()).cause(flaw))?;
        let mut missed = Vec::new();
        let paths = super::edit::paths(&body);
        for (index, edit) in edits.iter().enumerate() {
            match edit.apply(&mut body) {
                Ok(()) => {}
                Err(EditError::NoSuchPath) => missed.push(index),
            }
        }
        Ok(Rendered { body: provider.style.write(&body), missed, paths })
    }
}
