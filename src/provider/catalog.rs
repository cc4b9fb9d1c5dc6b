//! The catalog of providers, custom and built-in; each is read on first use.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::builtin::{BUILTIN, BuiltinProvider};
use super::event::{TemplateOrigin, TemplateText};
use super::manifest::Manifest;
use super::manifest_index::{ManifestIndex, header_names};
use super::{Event, EventFields, Provider, ProviderRef};
use crate::error::{Error, ErrorKind, Result};
use crate::signing::Request;
use crate::strict_toml;

/// Name of the manifest in a provider's directory.
const MANIFEST_FILE: &str = "provider.toml";

/// Maximum number of header names with cached providers: any sender can make up names, and they must not fill
/// the memory.
const MAX_INDEXED_HEADERS: usize = 256;

/// Maximum size of a manifest: 1 MiB, many times the size of the built-in ones.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// The known providers: custom ones first, then built-in ones.
#[derive(Debug, Default)]
pub struct Catalog {
    dirs: Vec<PathBuf>,
    entries: OnceCell<Vec<CatalogEntry>>,
    /// The providers that name a header, as indices of `entries`; the indexes are searched once for each name.
    by_header: RefCell<HashMap<String, Vec<usize>>>,
    /// The providers that sign in the body, as indices of `entries`.
    signing_in_body: OnceCell<Vec<usize>>,
}

/// A provider, read or not.
#[derive(Debug)]
struct CatalogEntry {
    name: String,
    source: EntrySource,
    /// The text of the manifest, once it is read.
    text: OnceCell<String>,
    /// The index of a custom manifest, once it is read.
    index: OnceCell<ManifestIndex>,
}

#[derive(Debug)]
enum EntrySource {
    /// Compiled in, with the files of its directory.
    Builtin(&'static BuiltinProvider),
    /// The path of a custom manifest; its directory may hold events.
    Custom(PathBuf),
}

impl Catalog {
    /// Makes a catalog of the built-in providers and those in `dirs`, each as `NAME.toml` or `NAME/provider.toml`. The
    /// first of a name wins.
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
                        index: OnceCell::new(),
                    });
                }
            }
            entries
        })
    }

    /// Returns the names: custom ones, then built-in ones.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries().iter().map(|entry| entry.name.as_str())
    }

    /// Returns the providers that name one of the request's headers or sign in the body: the only ones worth reading
    /// for it.
    pub(crate) fn candidates_for(&self, request: &Request<'_>) -> Result<Vec<&str>> {
        let mut found = if let Some(known) = self.signing_in_body.get() {
            known.clone()
        } else {
            let found = self.entries_where(|index| index.signs_in_body)?;
            self.signing_in_body.get_or_init(|| found).clone()
        };
        for header in request.headers {
            found.extend(self.naming_header(header.name)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found.into_iter().map(|at| self.entries()[at].name.as_str()).collect())
    }

    /// Returns the providers that name a header, as indices.
    fn naming_header(&self, header: &str) -> Result<Vec<usize>> {
        if let Some(known) = self.by_header.borrow().get(header) {
            return Ok(known.clone());
        }
        let found = self.entries_where(|index| index.headers.iter().any(|name| name.eq_ignore_ascii_case(header)))?;
        let mut by_header = self.by_header.borrow_mut();
        if by_header.len() < MAX_INDEXED_HEADERS {
            by_header.insert(header.to_owned(), found.clone());
        }
        Ok(found)
    }

    /// Returns the providers with an index that matches, as indices.
    fn entries_where(&self, matches: impl Fn(&ManifestIndex) -> bool) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        for (at, entry) in self.entries().iter().enumerate() {
            if matches(entry.index()?) {
                found.push(at);
            }
        }
        Ok(found)
    }

    /// Returns the providers that send a challenge without a signature.
    pub(crate) fn with_unsigned_challenge(&self) -> Result<Vec<&str>> {
        let found = self.entries_where(|index| index.has_unsigned_challenge)?;
        Ok(found.into_iter().map(|at| self.entries()[at].name.as_str()).collect())
    }

    /// Reads a provider in one edition.
    pub fn load(&self, name: &ProviderRef) -> Result<Provider> {
        let Some(entry) = self.find(&name.provider)? else { return Err(self.unknown(name)) };
        let edition_name = ProviderRef { provider: entry.name.clone(), edition: name.edition.clone() };
        match &entry.source {
            EntrySource::Builtin(built) => {
                let path = PathBuf::from("fixtures").join(&entry.name).join(MANIFEST_FILE);
                // The text is for messages about mistakes, which the JSON of a built-in manifest does not have.
                let (text, manifest) = match built.manifest_json {
                    "" => (entry.text()?, strict_toml::read(&path, entry.text()?)?),
                    manifest_json => {
                        let cannot = |error| Error::new(format!("cannot read {}", path.display())).cause(error);
                        ("", serde_json::from_str(manifest_json).map_err(cannot)?)
                    }
                };
                build_provider(&edition_name, &name.provider, &path, text, manifest, |relative| {
                    built.has(relative).then(|| TemplateText::Builtin(built, relative.to_owned()))
                })
            }
            EntrySource::Custom(path) => read_custom(&edition_name, &name.provider, path, entry.text()?),
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
            if entry.index()?.aliases.iter().any(|alias| alias == name) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Reads a custom manifest by its path, in the given edition.
    ///
    /// # Errors
    /// The manifest is not valid; with file, line and column.
    pub fn read(path: &Path, edition: Option<&str>) -> Result<Provider> {
        let path = if path.is_dir() { path.join(MANIFEST_FILE) } else { path.to_owned() };
        let entry = custom_entry(&path).unwrap_or_else(|| CatalogEntry {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            source: EntrySource::Custom(path.clone()),
            text: OnceCell::new(),
            index: OnceCell::new(),
        });
        let name = ProviderRef { provider: entry.name.clone(), edition: edition.map(str::to_owned) };
        read_custom(&name, &name.provider, &path, entry.text()?)
    }

    /// Returns the providers, in their default editions, that send an event of a type that `matches`.
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
        let error = Error::new(format!("there is no provider `{}`", name.provider))
            .kind(ErrorKind::NotFound)
            .available("", &known);
        match nearest {
            Some(nearest) => error.hint(format!("did you mean `-p {nearest}`?")),
            None => error.hint(format!("to add your own: whk providers new {}", name.provider)),
        }
    }
}

impl CatalogEntry {
    fn index(&self) -> Result<&ManifestIndex> {
        if let EntrySource::Builtin(provider) = &self.source {
            return Ok(&provider.index);
        }
        let text = self.text()?;
        Ok(self
            .index
            .get_or_init(|| text.parse().map_or_else(|_| index_of_invalid(text), |table| ManifestIndex::new(&table))))
    }

    fn text(&self) -> Result<&str> {
        if let Some(text) = self.text.get() {
            return Ok(text);
        }
        let text = match &self.source {
            EntrySource::Builtin(built) => built.read(MANIFEST_FILE).unwrap_or_default(),
            EntrySource::Custom(path) => read_text(path)?,
        };
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

/// Returns the entry of a custom provider, if the path is one.
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
        index: OnceCell::new(),
    })
}

fn read_custom(name: &ProviderRef, typed: &str, path: &Path, text: &str) -> Result<Provider> {
    let dir = path.parent().unwrap_or(Path::new("")).to_owned();
    let manifest = strict_toml::read(path, text)?;
    build_provider(name, typed, path, text, manifest, |relative| {
        read_text(&dir.join(relative)).ok().map(TemplateText::Read)
    })
}

/// Makes the index of a text that is not valid TOML: it has the headers alone, so that the error is reported for the
/// requests that it concerns, and for no others.
fn index_of_invalid(text: &str) -> ManifestIndex {
    let headers = text.split(['"', '\'']).flat_map(header_names);
    ManifestIndex { headers: headers.map(Cow::Owned).collect(), ..ManifestIndex::default() }
}

/// Makes a provider of its manifest. `typed` is its name or an alias, which may mean an edition.
fn build_provider(
    name: &ProviderRef,
    typed: &str,
    path: &Path,
    text: &str,
    mut manifest: Manifest,
    read: impl Fn(&str) -> Option<TemplateText>,
) -> Result<Provider> {
    let editions: Vec<(String, String)> =
        manifest.edition.iter().map(|(name, edition)| (name.clone(), edition.summary.clone())).collect();
    let meant = || {
        let mut editions = manifest.edition.iter();
        editions.find(|(_, edition)| edition.aliases.iter().any(|alias| alias == typed)).map(|(name, _)| name.clone())
    };
    let edition_name = name.edition.clone().or_else(meant).unwrap_or_else(|| manifest.default_edition.clone());
    let Some(edition) = manifest.edition.get(&edition_name).cloned() else {
        let known: Vec<&str> = editions.iter().map(|(name, _)| name.as_str()).collect();
        let nearest = strict_toml::nearest(&edition_name, known.iter().copied()).unwrap_or(&manifest.default_edition);
        return Err(Error::new(format!("`{}` has no edition `{edition_name}`", name.provider))
            .available("editions", &known)
            .hint(format!("did you mean `{}@{nearest}`?", name.provider)));
    };
    let bodies = edition.bodies.as_ref().unwrap_or(&edition_name);
    if !manifest.edition.contains_key(bodies) {
        let line = strict_toml::line_containing(text, &format!("bodies = \"{bodies}\""));
        return Err(Error::new(format!("{}:{line}: there is no edition `{bodies}`", path.display())));
    }
    let aliases = manifest.edition.values().flat_map(|edition| &edition.aliases);
    let aliases: Vec<String> = manifest.aliases.iter().chain(aliases).cloned().collect();
    for (value, spec) in edition.values {
        if manifest.values.insert(value.clone(), spec).is_none() {
            let line = strict_toml::line_containing(text, &format!("{value} ="));
            let what = format!("the edition `{edition_name}` sets `{value}`, which is not in [values]");
            return Err(Error::new(format!("{}:{line}: {what}", path.display())));
        }
    }
    let fields = edition.event_fields.unwrap_or(manifest.event_fields);
    let mut events: Vec<Event> = Vec::new();
    for rule in manifest.event {
        if rule.editions.as_ref().is_some_and(|editions| !editions.contains(&edition_name)) {
            continue;
        }
        if events.iter().any(|event| event.event_type == rule.event_type) {
            let line = strict_toml::line_containing(text, &format!("\"{}\"", rule.event_type));
            return Err(Error::new(format!(
                "{}:{line}: the event `{}` is defined twice",
                path.display(),
                rule.event_type
            )));
        }
        events.push(event(path, text, rule, bodies, &read)?);
    }
    for scenario in &manifest.scenario {
        if let Some(name) = scenario.values.keys().find(|name| !manifest.values.contains_key(*name)) {
            let line = strict_toml::line_containing(text, &format!("name = \"{}\"", scenario.name));
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
        aliases,
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
    read: impl Fn(&str) -> Option<TemplateText>,
) -> Result<Event> {
    let (template, origin) = if let Some(body) = rule.body {
        // A multi-line text starts on the line after its quotes.
        let start = body.span().start;
        let quotes = &text[start..body.span().end];
        let next = ["'''\n", "\"\"\"\n", "'''\r\n", "\"\"\"\r\n"].iter().any(|open| quotes.starts_with(open));
        let line = text[..start].matches('\n').count() + usize::from(next);
        (TemplateText::Read(body.into_inner()), TemplateOrigin { path: path.display().to_string(), lines_before: line })
    } else {
        let relative = format!("events/{edition}/{}.json", rule.event_type);
        let file = path.parent().unwrap_or(Path::new("")).join(&relative);
        let Some(body) = read(&relative) else {
            let line = strict_toml::line_containing(text, &format!("\"{}\"", rule.event_type));
            return Err(Error::new(format!("{}:{line}: `{}` has no body", path.display(), rule.event_type))
                .cause(format!("there is neither `body` here nor the file {}", file.display())));
        };
        (body, TemplateOrigin { path: file.display().to_string(), lines_before: 0 })
    };
    Ok(Event { event_type: rule.event_type, description: rule.description, template, origin, parsed: OnceCell::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_built_in_provider_is_that_of_its_manifest() {
        let catalog = Catalog::default();
        for entry in catalog.entries() {
            let index = entry.index().unwrap();
            assert_eq!(*index, ManifestIndex::new(&entry.text().unwrap().parse().unwrap()), "{}", entry.name);
            let provider = catalog.load(&ProviderRef::default_edition(&entry.name)).unwrap();
            assert_eq!(index.aliases, provider.aliases, "{}", entry.name);
            let sources = &provider.scheme.signature.from;
            let headers = sources.iter().filter_map(|source| source.header());
            for header in headers {
                assert!(index.headers.iter().any(|name| name == header), "{} {header}", entry.name);
            }
        }
    }

    #[test]
    fn a_text_that_is_not_toml_is_looked_at_for_the_headers_it_names_only() {
        let index = index_of_invalid("aliases = [\"a\"]\nfrom = [\"header:X-Sig\"\ncontent = '{header:date}'");
        assert_eq!((index.headers.as_ref(), index.aliases.len()), (&["x-sig".into(), "date".into()][..], 0));
    }
}
