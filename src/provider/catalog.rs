//! All providers that are known, ours and the user's own, each read when it is first needed.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::builtin::{BUILTIN, BuiltinProvider};
use super::event::TemplateOrigin;
use super::manifest::Manifest;
use super::{Event, EventFields, Provider, ProviderRef};
use crate::error::{Error, Result};
use crate::signing::Request;
use crate::strict_toml;

/// The name of the file that describes a provider, in a folder of its own.
const MANIFEST_FILE: &str = "provider.toml";

/// How many names of headers are remembered: anybody can send others, which must not fill the memory.
const MAX_INDEXED_HEADERS: usize = 256;

/// The largest file of a provider that is read: 1 MiB, many times the size of ours.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// The providers that are known: the user's own first, then ours.
#[derive(Debug, Default)]
pub struct Catalog {
    dirs: Vec<PathBuf>,
    entries: OnceCell<Vec<CatalogEntry>>,
    /// The providers that name a header, by their places in `entries`: the files are searched once for each name.
    header_index: RefCell<HashMap<String, Vec<usize>>>,
    /// Those that sign inside the body.
    signing_in_body: OnceCell<Vec<usize>>,
}

/// A provider that is there, read or not.
#[derive(Debug)]
struct CatalogEntry {
    name: String,
    source: EntrySource,
    /// The text of the user's own, once it is read.
    text: OnceCell<String>,
    /// The text in lower case, to look for header names in.
    lowercase_text: OnceCell<String>,
}

#[derive(Debug)]
enum EntrySource {
    /// Compiled in: the files of its folder.
    Builtin(&'static BuiltinProvider),
    /// The user's: the file, and the folder of its events where it has one.
    Custom(PathBuf),
}

impl Catalog {
    /// Ours, and those in `dirs`, each as `NAME.toml` or `NAME/provider.toml`; the first of a name wins.
    #[must_use]
    pub fn new(dirs: Vec<PathBuf>) -> Self {
        Self { dirs, ..Self::default() }
    }

    fn entries(&self) -> &[CatalogEntry] {
        self.entries.get_or_init(|| {
            let mut entries: Vec<CatalogEntry> = Vec::new();
            for dir in &self.dirs {
                let mut custom: Vec<CatalogEntry> = fs::read_dir(dir)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .filter_map(|entry| custom_entry(&entry.path()))
                    .collect();
                custom.sort_by(|a, b| a.name.cmp(&b.name));
                custom.retain(|entry| entries.iter().all(|known| known.name != entry.name));
                entries.extend(custom);
            }
            for provider in BUILTIN {
                if entries.iter().all(|known| known.name != provider.name) {
                    entries.push(CatalogEntry {
                        name: provider.name.to_owned(),
                        source: EntrySource::Builtin(provider),
                        text: OnceCell::new(),
                        lowercase_text: OnceCell::new(),
                    });
                }
            }
            entries
        })
    }

    /// The names: the user's own, then ours.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries().iter().map(|entry| entry.name.as_str())
    }

    /// The providers whose files name one of the request's headers, or sign inside the body: the only ones worth
    /// reading for it.
    pub(super) fn candidates_for(&self, request: &Request<'_>) -> Result<Vec<&str>> {
        let mut found = if let Some(known) = self.signing_in_body.get() {
            known.clone()
        } else {
            let found = self.entries_where(signs_in_body)?;
            self.signing_in_body.get_or_init(|| found).clone()
        };
        for header in request.headers {
            found.extend(self.header_index(header.name)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found.into_iter().map(|at| self.entries()[at].name.as_str()).collect())
    }

    /// The providers whose files name a header.
    fn header_index(&self, header: &str) -> Result<Vec<usize>> {
        if let Some(known) = self.header_index.borrow().get(header) {
            return Ok(known.clone());
        }
        let found = self.entries_where(|text| mentions(text, header))?;
        let mut header_index = self.header_index.borrow_mut();
        if header_index.len() < MAX_INDEXED_HEADERS {
            header_index.insert(header.to_owned(), found.clone());
        }
        Ok(found)
    }

    /// The places in `entries` of those whose text, in lower case, fits.
    fn entries_where(&self, matches: impl Fn(&str) -> bool) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        for (at, entry) in self.entries().iter().enumerate() {
            if matches(entry.lowercase_text()?) {
                found.push(at);
            }
        }
        Ok(found)
    }

    /// The providers with a handshake that is not signed.
    pub(super) fn with_unsigned_challenge(&self) -> Result<Vec<&str>> {
        let mut names = Vec::new();
        for entry in self.entries() {
            if entry.lowercase_text()?.replace(' ', "").contains("signed=false") {
                names.push(entry.name.as_str());
            }
        }
        Ok(names)
    }

    /// Reads a provider in one edition.
    pub fn load(&self, name: &ProviderRef) -> Result<Provider> {
        let Some(entry) = self.find(&name.provider)? else { return Err(self.unknown(name)) };
        let text = entry.text()?;
        let edition_name = ProviderRef { provider: entry.name.clone(), edition: name.edition.clone() };
        match &entry.source {
            EntrySource::Builtin(built) => {
                let dir = PathBuf::from("fixtures").join(&entry.name);
                let path = dir.join(MANIFEST_FILE);
                let manifest = match built.manifest_json {
                    "" => strict_toml::read(&path, text)?,
                    manifest_json => serde_json::from_str(manifest_json)
                        .map_err(|error| Error::new(format!("cannot read {}", path.display())).cause(error))?,
                };
                build_provider(&edition_name, &path, text, manifest, |relative| {
                    built.files.iter().find(|(have, _)| *have == relative).map(|(_, text)| (*text).to_owned())
                })
            }
            EntrySource::Custom(path) => read_custom(&edition_name, path, text),
        }
    }

    /// Reads a provider, if one has this name.
    pub fn known(&self, name: &ProviderRef) -> Result<Option<Provider>> {
        if self.find(&name.provider)?.is_some() { self.load(name).map(Some) } else { Ok(None) }
    }

    /// Returns true if a provider has this name or alias.
    ///
    /// # Errors
    /// A provider's file cannot be read.
    pub fn is_known(&self, name: &str) -> Result<bool> {
        Ok(self.find(name)?.is_some())
    }

    fn find(&self, name: &str) -> Result<Option<&CatalogEntry>> {
        if let Some(entry) = self.entries().iter().find(|entry| entry.name == name) {
            return Ok(Some(entry));
        }
        for entry in self.entries() {
            let text = entry.text()?;
            if text.lines().any(|line| line.starts_with("aliases") && line.contains(&format!("\"{name}\""))) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Reads a provider's file by its path, whatever its name, in the given edition.
    ///
    /// # Errors
    /// What is wrong with it, with file, line and column.
    pub fn read(path: &Path, edition: Option<&str>) -> Result<Provider> {
        let path = if path.is_dir() { path.join(MANIFEST_FILE) } else { path.to_owned() };
        let entry = custom_entry(&path).unwrap_or_else(|| CatalogEntry {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            source: EntrySource::Custom(path.clone()),
            text: OnceCell::new(),
            lowercase_text: OnceCell::new(),
        });
        let name = ProviderRef { provider: entry.name.clone(), edition: edition.map(str::to_owned) };
        read_custom(&name, &path, entry.text()?)
    }

    /// The providers, in their default editions, that send an event of a type that `matches`.
    pub fn with_event(&self, matches: impl Fn(&str) -> bool) -> Result<Vec<Provider>> {
        let mut found = Vec::new();
        for name in self.names() {
            let provider = self.load(&ProviderRef::default_edition(name))?;
            if provider.events.iter().any(|event| matches(&event.event_type)) {
                found.push(provider);
            }
        }
        Ok(found)
    }

    fn unknown(&self, name: &ProviderRef) -> Error {
        let known: Vec<&str> = self.names().collect();
        let nearest = strict_toml::nearest(&name.provider, known.iter().copied());
        let error = Error::new(format!("there is no provider `{}`", name.provider)).available("", &known);
        match nearest {
            Some(nearest) => error.hint(format!("did you mean `-p {nearest}`?")),
            None => error.hint(format!("to add your own: whk providers new {}", name.provider)),
        }
    }
}

impl CatalogEntry {
    fn lowercase_text(&self) -> Result<&str> {
        let text = self.text()?;
        Ok(self.lowercase_text.get_or_init(|| text.to_ascii_lowercase()))
    }

    fn text(&self) -> Result<&str> {
        let path = match &self.source {
            EntrySource::Builtin(built) => {
                return Ok(built.files.iter().find(|(path, _)| *path == MANIFEST_FILE).map_or("", |(_, text)| text));
            }
            EntrySource::Custom(path) => path,
        };
        if let Some(text) = self.text.get() {
            return Ok(text);
        }
        let text = read_text(path)?;
        Ok(self.text.get_or_init(|| text))
    }
}

fn read_text(path: &Path) -> Result<String> {
    let cannot = || Error::new(format!("cannot read the provider {}", path.display()));
    let size = fs::metadata(path).map_err(|error| cannot().cause(error))?.len();
    if size > MAX_MANIFEST_BYTES {
        return Err(cannot().cause("it is larger than 1 MiB"));
    }
    let bytes = fs::read(path).map_err(|error| cannot().cause(error))?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        Error::new(format!("{}:{line}: it is not UTF-8", path.display()))
    })
}

/// A provider of the user's, where the path is one.
fn custom_entry(path: &Path) -> Option<CatalogEntry> {
    let manifest = if path.is_dir() { path.join(MANIFEST_FILE) } else { path.to_owned() };
    let named =
        if manifest.file_name()? == MANIFEST_FILE { manifest.parent()?.file_name()? } else { manifest.file_stem()? };
    let name: ProviderRef = named.to_str()?.parse().ok()?;
    let matches = manifest.is_file()
        && manifest.extension().is_some_and(|event_type| event_type == "toml")
        && name.edition.is_none();
    matches.then(|| CatalogEntry {
        name: name.provider,
        source: EntrySource::Custom(manifest),
        text: OnceCell::new(),
        lowercase_text: OnceCell::new(),
    })
}

fn read_custom(name: &ProviderRef, path: &Path, text: &str) -> Result<Provider> {
    let dir = path.parent().unwrap_or(Path::new("")).to_owned();
    build_provider(name, path, text, strict_toml::read(path, text)?, |relative| read_text(&dir.join(relative)).ok())
}

fn mentions(text: &str, header: &str) -> bool {
    // Header names in sources stand behind a colon or a quote, and before a quote or a brace.
    let header = header.to_ascii_lowercase();
    text.match_indices(header.as_str()).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + header.len()..].chars().next();
        matches!(before, Some('"' | ':')) && matches!(after, Some('"' | '}' | '|'))
    })
}

fn signs_in_body(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("signature") && line.contains("\"json:"))
}

fn build_provider(
    name: &ProviderRef,
    path: &Path,
    text: &str,
    manifest: Manifest,
    read: impl Fn(&str) -> Option<String>,
) -> Result<Provider> {
    let editions: Vec<(String, String)> =
        manifest.edition.iter().map(|(name, edition)| (name.clone(), edition.summary.clone())).collect();
    let edition_name = name.edition.clone().unwrap_or_else(|| manifest.default_edition.clone());
    let Some(edition) = manifest.edition.get(&edition_name).cloned() else {
        let known: Vec<&str> = editions.iter().map(|(name, _)| name.as_str()).collect();
        let nearest = strict_toml::nearest(&edition_name, known.iter().copied()).unwrap_or(&manifest.default_edition);
        return Err(Error::new(format!("`{}` has no edition `{edition_name}`", name.provider))
            .available("editions", &known)
            .hint(format!("did you mean `{}@{nearest}`?", name.provider)));
    };
    let fields = edition.event_fields.unwrap_or(manifest.event_fields);
    let mut events: Vec<Event> = Vec::new();
    for rule in manifest.event {
        if rule.editions.as_ref().is_some_and(|editions| !editions.contains(&edition_name)) {
            continue;
        }
        if events.iter().any(|event| event.event_type == rule.event_type) {
            let line = strict_toml::line_of(text, &format!("\"{}\"", rule.event_type));
            return Err(Error::new(format!(
                "{}:{line}: the event `{}` is there twice",
                path.display(),
                rule.event_type
            )));
        }
        events.push(event(path, text, rule, &edition_name, &read)?);
    }
    for scenario in &manifest.scenario {
        if let Some(name) = scenario.values.keys().find(|name| !manifest.values.contains_key(*name)) {
            let line = strict_toml::line_of(text, &format!("name = \"{}\"", scenario.name));
            let what = format!("the scenario `{}` sets `{name}`, which is not in [values]", scenario.name);
            return Err(Error::new(format!("{}:{line}: {what}", path.display())));
        }
    }
    let scenarios = manifest.scenario.into_iter();
    let in_edition =
        |editions: &Option<Vec<String>>| editions.as_ref().is_none_or(|editions| editions.contains(&edition_name));
    Ok(Provider {
        name: name.provider.clone(),
        title: manifest.title,
        summary: manifest.summary,
        editions,
        scheme: edition.scheme.unwrap_or(manifest.scheme),
        headers: edition.headers.unwrap_or(manifest.headers),
        delivery: edition.delivery.unwrap_or(manifest.delivery),
        responses: manifest.responses,
        limits: manifest.limits,
        body_format: manifest.body.format,
        event_fields: EventFields { event_type: fields.event_type, id: fields.id, from: fields.from, to: fields.to },
        events,
        challenges: manifest.challenge,
        scenarios: scenarios.filter(|scenario| in_edition(&scenario.editions)).collect(),
        secret: manifest.secret,
        id: fields.make_id,
        values: manifest.values,
        edition: edition_name,
    })
}

fn event(
    path: &Path,
    text: &str,
    rule: super::manifest::EventSpec,
    edition: &str,
    read: impl Fn(&str) -> Option<String>,
) -> Result<Event> {
    let (template, origin) = if let Some(body) = rule.body {
        // A multi-line text begins on the line after its quotes.
        let start = body.span().start;
        let quotes = &text[start..body.span().end];
        let next = ["'''\n", "\"\"\"\n", "'''\r\n", "\"\"\"\r\n"].iter().any(|open| quotes.starts_with(open));
        let line = text[..start].matches('\n').count() + usize::from(next);
        (body.into_inner(), TemplateOrigin { path: path.display().to_string(), lines_before: line })
    } else {
        let relative = format!("events/{edition}/{}.json", rule.event_type);
        let manifest = path.parent().unwrap_or(Path::new("")).join(&relative);
        let Some(body) = read(&relative) else {
            let line = strict_toml::line_of(text, &format!("\"{}\"", rule.event_type));
            return Err(Error::new(format!("{}:{line}: `{}` has no body", path.display(), rule.event_type))
                .cause(format!("there is neither `body` here nor the file {}", manifest.display())));
        };
        (body, TemplateOrigin { path: manifest.display().to_string(), lines_before: 0 })
    };
    Ok(Event { event_type: rule.event_type, description: rule.description, template, origin, parsed: OnceCell::new() })
}
