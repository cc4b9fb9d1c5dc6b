//! The check of the options, before the first request is built.

use super::{BodyStyle, EventRequestOptions, Payload};
use crate::error::{Error, Result};
use crate::provider::{BodyFormat, Edit, Provider, RenderedEvent, TemplateContext};
use crate::signing::ValueSource;
use crate::strict_toml::nearest;

/// Options and the provider that they are for.
pub(super) struct OptionCheck<'a> {
    pub(super) provider: &'a Provider,
    pub(super) options: &'a EventRequestOptions,
}

impl<'a> OptionCheck<'a> {
    /// Returns what a person should know about the options. `values` gives the values of a sample.
    ///
    /// # Errors
    /// An edit or the body style changes no chosen event.
    pub(super) fn notes(&self, values: impl Fn() -> TemplateContext<'a>) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        if let Some(body) = self.options.payload.custom_body()
            && self.provider.body_format.is_stable_when_reserialized(body) == Some(false)
        {
            notes.push(format!(
                "a handler that verifies JSON.stringify(req.body), like {}'s sample, will reject this body because re-serializing changes it",
                self.provider.title
            ));
        }
        self.check_headers(&mut notes);
        let samples = self.samples(values)?;
        if samples.is_empty() {
            return Ok(notes);
        }
        notes.extend(self.check_edits(&samples)?);
        notes.extend(self.check_style(&samples)?);
        Ok(notes)
    }

    /// Renders a sample of each chosen event, if there is something to check about them.
    fn samples(&self, values: impl Fn() -> TemplateContext<'a>) -> Result<Vec<(&'a str, RenderedEvent)>> {
        let options = self.options;
        let is_plain = options.edits.is_empty() && options.body_style == BodyStyle::Provider;
        if is_plain || matches!(options.payload, Payload::Custom { .. }) {
            return Ok(Vec::new());
        }
        let mut samples = Vec::new();
        for event_type in options.payload.event_types() {
            let event = self.provider.event(event_type).expect("only types of the provider are chosen");
            let values = values();
            values.set("id", self.provider.new_id(&values)?);
            samples.push((event_type, event.render(self.provider, &values, &options.edits)?));
        }
        Ok(samples)
    }

    /// Notes the headers of the signature that are replaced.
    fn check_headers(&self, notes: &mut Vec<String>) {
        let scheme = &self.provider.scheme;
        let sources = scheme.id.iter().flat_map(|rule| &rule.from);
        let sources = sources.chain(scheme.timestamp.iter().flat_map(|rule| &rule.from)).chain(&scheme.signature.from);
        let signed: Vec<&str> = sources.filter_map(ValueSource::header).chain(scheme.additional_headers()).collect();
        for (replaced, _) in &self.options.headers {
            if signed.iter().any(|name| name.eq_ignore_ascii_case(replaced)) {
                notes.push(format!("-H replaces `{}`, which belongs to the signature", replaced.to_lowercase()));
            }
        }
    }

    /// Checks that the style changes a chosen event; returns a note with the events that it does not change.
    fn check_style(&self, samples: &[(&str, RenderedEvent)]) -> Result<Option<String>> {
        let style = self.options.body_style;
        if style == BodyStyle::Provider {
            return Ok(None);
        }
        let unchanged: Vec<&str> = samples
            .iter()
            .filter(|(_, event)| style.rewrite(&event.body).is_none())
            .map(|(event_type, _)| *event_type)
            .collect();
        let name = style.name();
        if unchanged.len() == samples.len() {
            let reason = match style {
                _ if self.provider.body_format == BodyFormat::Form => {
                    format!("the bodies of {} are not JSON", self.provider.title)
                }
                BodyStyle::Float => format!("there is no number in {}", unchanged.join(", ")),
                _ => format!("it changes nothing in {}", unchanged.join(", ")),
            };
            return Err(Error::new(format!("`--body-style {name}` does not apply")).cause(reason));
        }
        Ok((!unchanged.is_empty()).then(|| format!("`{name}` changes nothing in {}", unchanged.join(", "))))
    }

    /// Checks that every edit applies to a chosen event; returns notes with the events that one does not apply to.
    fn check_edits(&self, samples: &[(&str, RenderedEvent)]) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        for (index, edit) in self.options.edits.iter().enumerate() {
            let missing: Vec<&str> = samples
                .iter()
                .filter(|(_, event)| event.unmatched_edits.contains(&index))
                .map(|(event_type, _)| *event_type)
                .collect();
            if missing.len() == samples.len() {
                return Err(no_such_path(edit, &missing, samples.iter().flat_map(|(_, event)| &event.paths)));
            }
            if !missing.is_empty() {
                notes.push(format!("`{}` is not in {}", edit.path(), missing.join(", ")));
            }
        }
        Ok(notes)
    }
}

fn no_such_path<'p>(edit: &Edit, event_types: &[&str], paths: impl Iterator<Item = &'p String>) -> Error {
    let mut known: Vec<&str> = Vec::new();
    for path in paths {
        if !known.contains(&path.as_str()) {
            known.push(path);
        }
    }
    let wanted = edit.path().to_string();
    let error = Error::new(format!("there is no `{wanted}` in {}", event_types.join(", "))).available("fields", &known);
    match nearest(&wanted, known) {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error,
    }
}
