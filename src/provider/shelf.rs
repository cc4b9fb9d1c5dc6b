//! All providers that are known, each read when it is first needed.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::builtin::FOLDERS;
use super::file::File;
use super::{Event, Parts, Provider};
use crate::error::{Error, Result};
use crate::signing::Request;
use crate::strict_toml;

/// A provider as it is asked for: `ahasend` or `ahasend@2026-08`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The provider's name.
    pub provider: String,
    /// The edition; absent means the provider's default.
    pub edition: Option<String>,
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (provider, edition) = match text.split_once('@') {
            Some((provider, edition)) => (provider, Some(edition)),
            None => (text, None),
        };
        let fits = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        if fits(provider) && edition.is_none_or(fits) {
            Ok(Self { provider: provider.to_ascii_lowercase(), edition: edition.map(str::to_owned) })
        } else {
            Err(format!("`{text}` is not a provider, expected NAME or NAME@EDITION"))
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.provider)?;
        self.edition.as_ref().map_or(Ok(()), |edition| write!(f, "@{edition}"))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The providers that are known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shelf;

impl Shelf {
    /// The names, sorted.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        FOLDERS.iter().map(|folder| folder.name)
    }

    /// The providers whose files name one of the request's headers: the only ones worth reading for it.
    pub(super) fn mentioned(request: &Request<'_>) -> Vec<&'static str> {
        let names = |folder: &&super::builtin::Folder| {
            let text = folder.files.iter().find(|(path, _)| *path == "provider.toml").map_or("", |(_, text)| text);
            request.headers.iter().any(|header| mentions(text, header.name))
        };
        FOLDERS.iter().filter(names).map(|folder| folder.name).collect()
    }

    /// Reads a provider in one edition.
    pub fn load(self, name: &Name) -> Result<Provider> {
        let Some(folder) = FOLDERS.iter().find(|folder| folder.name == name.provider) else {
            return Err(self.unknown(name));
        };
        let text = folder.files.iter().find(|(path, _)| *path == "provider.toml").map_or("", |(_, text)| text);
        let path = PathBuf::from(format!("fixtures/{}/provider.toml", folder.name));
        let file: File = strict_toml::read(&path, text)?;
        assemble(name, file, |edition, kind| {
            let wanted = format!("events/{edition}/{kind}.json");
            folder.files.iter().find(|(path, _)| *path == wanted).map(|(_, text)| (*text).to_owned())
        })
    }

    /// The providers, in their default editions, that send an event of a type that `fits`.
    pub fn with_event(self, fits: impl Fn(&str) -> bool) -> Result<Vec<Provider>> {
        let mut found = Vec::new();
        for name in self.names() {
            let provider = self.load(&Name { provider: name.to_owned(), edition: None })?;
            if provider.events.iter().any(|event| fits(&event.kind)) {
                found.push(provider);
            }
        }
        Ok(found)
    }

    fn unknown(self, name: &Name) -> Error {
        let known: Vec<&str> = self.names().collect();
        let error = Error::new(format!("there is no provider `{}`", name.provider))
            .cause(format!("known are: {}", known.join(", ")));
        match strict_toml::nearest(&name.provider, known) {
            Some(nearest) => error.hint(format!("did you mean `-p {nearest}`?")),
            None => error,
        }
    }
}

fn mentions(text: &str, header: &str) -> bool {
    // Header names in our files are written in lower case behind a quote or a colon.
    let header = header.to_ascii_lowercase();
    text.match_indices(header.as_str()).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + header.len()..].chars().next();
        matches!(before, Some('"' | ':')) && after == Some('"')
    })
}

fn assemble(name: &Name, file: File, read: impl Fn(&str, &str) -> Option<String>) -> Result<Provider> {
    let editions: Vec<(String, String)> =
        file.edition.iter().map(|(name, edition)| (name.clone(), edition.summary.clone())).collect();
    let wanted = name.edition.clone().unwrap_or_else(|| file.default_edition.clone());
    let Some(edition) = file.edition.get(&wanted).cloned() else {
        let known: Vec<&str> = editions.iter().map(|(name, _)| name.as_str()).collect();
        let nearest = strict_toml::nearest(&wanted, known.iter().copied()).unwrap_or(&file.default_edition);
        return Err(Error::new(format!("`{}` has no edition `{wanted}`", name.provider))
            .cause(format!("it has: {}", known.join(", ")))
            .hint(format!("-p {}@{nearest}", name.provider)));
    };
    let parts = edition.parts.unwrap_or(file.parts);
    let mut events = Vec::new();
    for rule in file.event {
        if rule.editions.as_ref().is_some_and(|editions| !editions.contains(&wanted)) {
            continue;
        }
        let inline = rule.body.map(toml::Spanned::into_inner);
        let Some(template) = inline.or_else(|| read(&wanted, &rule.kind)) else {
            return Err(Error::new(format!(
                "`{}` has no body for `{}`: neither `body` nor the file events/{wanted}/{}.json",
                name.provider, rule.kind, rule.kind
            )));
        };
        events.push(Event { kind: rule.kind, description: rule.description, template });
    }
    Ok(Provider {
        name: name.provider.clone(),
        title: file.title,
        summary: file.summary,
        edition: wanted.clone(),
        editions,
        scheme: edition.scheme.unwrap_or(file.scheme),
        headers: edition.headers.unwrap_or(file.headers),
        delivery: edition.delivery.unwrap_or(file.delivery),
        answers: file.answers,
        style: file.body.style,
        parts: Parts { kind: parts.kind, id: parts.id, from: parts.from, to: parts.to },
        events,
        challenges: file.challenge,
        scenarios: file
            .scenario
            .into_iter()
            .filter(|scenario| scenario.editions.as_ref().is_none_or(|editions| editions.contains(&wanted)))
            .collect(),
        secret: file.secret,
        id: parts.make_id,
        values: file.values,
    })
}
