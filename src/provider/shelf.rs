//! All providers that are known, ours and the user's own, each read when it is first needed.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::builtin::{FOLDERS, Folder};
use super::event::Origin;
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

impl Name {
    /// A provider in its default edition.
    #[must_use]
    pub fn plain(provider: &str) -> Self {
        Self { provider: provider.to_owned(), edition: None }
    }
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
        if fits(provider) && !provider.starts_with('.') && edition.is_none_or(fits) {
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

/// The name of the file that describes a provider, in a folder of its own.
const FILE_NAME: &str = "provider.toml";

/// How many names of headers are remembered: anybody can send others, which must not fill the memory.
const REMEMBERED: usize = 256;

/// The largest file of a provider that is read: 1 MiB, many times the size of ours.
const LARGEST: u64 = 1 << 20;

/// The providers that are known: the user's own first, then ours.
#[derive(Debug, Default)]
pub struct Shelf {
    folders: Vec<PathBuf>,
    books: OnceCell<Vec<Book>>,
    /// The providers that name a header, by their places in `books`: the files are searched once for each name.
    naming: RefCell<HashMap<String, Vec<usize>>>,
    /// Those that sign inside the body.
    in_body: OnceCell<Vec<usize>>,
}

/// A provider that is there, read or not.
#[derive(Debug)]
struct Book {
    name: String,
    place: Place,
    /// The text of the user's own, once it is read.
    text: OnceCell<String>,
    /// The text in lower case, to look for header names in.
    lower: OnceCell<String>,
}

#[derive(Debug)]
enum Place {
    /// Compiled in: the files of its folder.
    Builtin(&'static Folder),
    /// The user's: the file, and the folder of its events where it has one.
    Own(PathBuf),
}

impl Shelf {
    /// Ours, and those in `folders`, each as `NAME.toml` or `NAME/provider.toml`; the first of a name wins.
    #[must_use]
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders, ..Self::default() }
    }

    fn books(&self) -> &[Book] {
        self.books.get_or_init(|| {
            let mut books: Vec<Book> = Vec::new();
            for folder in &self.folders {
                let mut own: Vec<Book> = fs::read_dir(folder)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .filter_map(|entry| own(&entry.path()))
                    .collect();
                own.sort_by(|a, b| a.name.cmp(&b.name));
                own.retain(|book| books.iter().all(|known| known.name != book.name));
                books.extend(own);
            }
            for folder in FOLDERS {
                if books.iter().all(|known| known.name != folder.name) {
                    books.push(Book {
                        name: folder.name.to_owned(),
                        place: Place::Builtin(folder),
                        text: OnceCell::new(),
                        lower: OnceCell::new(),
                    });
                }
            }
            books
        })
    }

    /// The names: the user's own, then ours.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.books().iter().map(|book| book.name.as_str())
    }

    /// The providers whose files name one of the request's headers, or sign inside the body: the only ones worth
    /// reading for it.
    pub(super) fn mentioned(&self, request: &Request<'_>) -> Result<Vec<&str>> {
        let mut found = if let Some(known) = self.in_body.get() {
            known.clone()
        } else {
            let found = self.whose_text(signs_in_body)?;
            self.in_body.get_or_init(|| found).clone()
        };
        for header in request.headers {
            found.extend(self.naming(header.name)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found.into_iter().map(|at| self.books()[at].name.as_str()).collect())
    }

    /// The providers whose files name a header.
    fn naming(&self, header: &str) -> Result<Vec<usize>> {
        if let Some(known) = self.naming.borrow().get(header) {
            return Ok(known.clone());
        }
        let found = self.whose_text(|text| mentions(text, header))?;
        let mut naming = self.naming.borrow_mut();
        if naming.len() < REMEMBERED {
            naming.insert(header.to_owned(), found.clone());
        }
        Ok(found)
    }

    /// The places in `books` of those whose text, in lower case, fits.
    fn whose_text(&self, fits: impl Fn(&str) -> bool) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        for (at, book) in self.books().iter().enumerate() {
            if fits(book.lower()?) {
                found.push(at);
            }
        }
        Ok(found)
    }

    /// The providers with a handshake that is not signed.
    pub(super) fn greeters(&self) -> Result<Vec<&str>> {
        let mut names = Vec::new();
        for book in self.books() {
            if book.lower()?.replace(' ', "").contains("signed=false") {
                names.push(book.name.as_str());
            }
        }
        Ok(names)
    }

    /// Reads a provider in one edition.
    pub fn load(&self, name: &Name) -> Result<Provider> {
        let Some(book) = self.find(&name.provider)? else { return Err(self.unknown(name)) };
        let text = book.text()?;
        let wanted = Name { provider: book.name.clone(), edition: name.edition.clone() };
        match &book.place {
            Place::Builtin(built) => {
                let folder = PathBuf::from("fixtures").join(&book.name);
                let path = folder.join(FILE_NAME);
                let file = match built.quick {
                    "" => strict_toml::read(&path, text)?,
                    quick => serde_json::from_str(quick)
                        .map_err(|error| Error::new(format!("cannot read {}", path.display())).cause(error))?,
                };
                assemble(&wanted, &path, text, file, |relative| {
                    built.files.iter().find(|(have, _)| *have == relative).map(|(_, text)| (*text).to_owned())
                })
            }
            Place::Own(path) => read_own(&wanted, path, text),
        }
    }

    /// Reads a provider, if one has this name.
    pub fn known(&self, name: &Name) -> Result<Option<Provider>> {
        if self.find(&name.provider)?.is_some() { self.load(name).map(Some) } else { Ok(None) }
    }

    /// Tells if a name or alias is a provider's.
    ///
    /// # Errors
    /// A provider's file cannot be read.
    pub fn is_known(&self, name: &str) -> Result<bool> {
        Ok(self.find(name)?.is_some())
    }

    fn find(&self, name: &str) -> Result<Option<&Book>> {
        if let Some(book) = self.books().iter().find(|book| book.name == name) {
            return Ok(Some(book));
        }
        for book in self.books() {
            let text = book.text()?;
            if text.lines().any(|line| line.starts_with("aliases") && line.contains(&format!("\"{name}\""))) {
                return Ok(Some(book));
            }
        }
        Ok(None)
    }

    /// Reads a provider's file by its path, whatever its name, in the given edition.
    ///
    /// # Errors
    /// What is wrong with it, with file, line and column.
    pub fn read(path: &Path, edition: Option<&str>) -> Result<Provider> {
        let path = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
        let book = own(&path).unwrap_or_else(|| Book {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            place: Place::Own(path.clone()),
            text: OnceCell::new(),
            lower: OnceCell::new(),
        });
        let name = Name { provider: book.name.clone(), edition: edition.map(str::to_owned) };
        read_own(&name, &path, book.text()?)
    }

    /// The providers, in their default editions, that send an event of a type that `fits`.
    pub fn with_event(&self, fits: impl Fn(&str) -> bool) -> Result<Vec<Provider>> {
        let mut found = Vec::new();
        for name in self.names() {
            let provider = self.load(&Name::plain(name))?;
            if provider.events.iter().any(|event| fits(&event.kind)) {
                found.push(provider);
            }
        }
        Ok(found)
    }

    fn unknown(&self, name: &Name) -> Error {
        let known: Vec<&str> = self.names().collect();
        let nearest = strict_toml::nearest(&name.provider, known.iter().copied());
        let error = Error::new(format!("there is no provider `{}`", name.provider)).available("", &known);
        match nearest {
            Some(nearest) => error.hint(format!("did you mean `-p {nearest}`?")),
            None => error.hint(format!("to add your own: whk providers new {}", name.provider)),
        }
    }
}

impl Book {
    fn lower(&self) -> Result<&str> {
        let text = self.text()?;
        Ok(self.lower.get_or_init(|| text.to_ascii_lowercase()))
    }

    fn text(&self) -> Result<&str> {
        let path = match &self.place {
            Place::Builtin(built) => {
                return Ok(built.files.iter().find(|(path, _)| *path == FILE_NAME).map_or("", |(_, text)| text));
            }
            Place::Own(path) => path,
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
    if size > LARGEST {
        return Err(cannot().cause("it is larger than 1 MiB"));
    }
    let bytes = fs::read(path).map_err(|error| cannot().cause(error))?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        Error::new(format!("{}:{line}: it is not UTF-8", path.display()))
    })
}

/// A provider of the user's, where the path is one.
fn own(path: &Path) -> Option<Book> {
    let file = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
    let named = if file.file_name()? == FILE_NAME { file.parent()?.file_name()? } else { file.file_stem()? };
    let name: Name = named.to_str()?.parse().ok()?;
    let fits = file.is_file() && file.extension().is_some_and(|kind| kind == "toml") && name.edition.is_none();
    fits.then(|| Book { name: name.provider, place: Place::Own(file), text: OnceCell::new(), lower: OnceCell::new() })
}

fn read_own(name: &Name, path: &Path, text: &str) -> Result<Provider> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    assemble(name, path, text, strict_toml::read(path, text)?, |relative| read_text(&folder.join(relative)).ok())
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

fn assemble(
    name: &Name,
    path: &Path,
    text: &str,
    file: File,
    read: impl Fn(&str) -> Option<String>,
) -> Result<Provider> {
    let editions: Vec<(String, String)> =
        file.edition.iter().map(|(name, edition)| (name.clone(), edition.summary.clone())).collect();
    let wanted = name.edition.clone().unwrap_or_else(|| file.default_edition.clone());
    let Some(edition) = file.edition.get(&wanted).cloned() else {
        let known: Vec<&str> = editions.iter().map(|(name, _)| name.as_str()).collect();
        let nearest = strict_toml::nearest(&wanted, known.iter().copied()).unwrap_or(&file.default_edition);
        return Err(Error::new(format!("`{}` has no edition `{wanted}`", name.provider))
            .available("editions", &known)
            .hint(format!("did you mean `{}@{nearest}`?", name.provider)));
    };
    let parts = edition.parts.unwrap_or(file.parts);
    let mut events: Vec<Event> = Vec::new();
    for rule in file.event {
        if rule.editions.as_ref().is_some_and(|editions| !editions.contains(&wanted)) {
            continue;
        }
        if events.iter().any(|event| event.kind == rule.kind) {
            let line = strict_toml::line_of(text, &format!("\"{}\"", rule.kind));
            return Err(Error::new(format!("{}:{line}: the event `{}` is there twice", path.display(), rule.kind)));
        }
        events.push(event(path, text, rule, &wanted, &read)?);
    }
    for scenario in &file.scenario {
        if let Some(name) = scenario.values.keys().find(|name| !file.values.contains_key(*name)) {
            let line = strict_toml::line_of(text, &format!("name = \"{}\"", scenario.name));
            let what = format!("the scenario `{}` sets `{name}`, which is not in [values]", scenario.name);
            return Err(Error::new(format!("{}:{line}: {what}", path.display())));
        }
    }
    let scenarios = file.scenario.into_iter();
    let in_edition =
        |editions: &Option<Vec<String>>| editions.as_ref().is_none_or(|editions| editions.contains(&wanted));
    Ok(Provider {
        name: name.provider.clone(),
        title: file.title,
        summary: file.summary,
        editions,
        scheme: edition.scheme.unwrap_or(file.scheme),
        headers: edition.headers.unwrap_or(file.headers),
        delivery: edition.delivery.unwrap_or(file.delivery),
        answers: file.answers,
        limits: file.limits,
        style: file.body.style,
        parts: Parts { kind: parts.kind, id: parts.id, from: parts.from, to: parts.to },
        events,
        challenges: file.challenge,
        scenarios: scenarios.filter(|scenario| in_edition(&scenario.editions)).collect(),
        secret: file.secret,
        id: parts.make_id,
        values: file.values,
        edition: wanted,
    })
}

fn event(
    path: &Path,
    text: &str,
    rule: super::file::EventRule,
    edition: &str,
    read: impl Fn(&str) -> Option<String>,
) -> Result<Event> {
    let (template, origin) = if let Some(body) = rule.body {
        // A multi-line text begins on the line after its quotes.
        let start = body.span().start;
        let quotes = &text[start..body.span().end];
        let next = ["'''\n", "\"\"\"\n", "'''\r\n", "\"\"\"\r\n"].iter().any(|open| quotes.starts_with(open));
        let line = text[..start].matches('\n').count() + usize::from(next);
        (body.into_inner(), Origin { path: path.display().to_string(), lines_before: line })
    } else {
        let relative = format!("events/{edition}/{}.json", rule.kind);
        let file = path.parent().unwrap_or(Path::new("")).join(&relative);
        let Some(body) = read(&relative) else {
            let line = strict_toml::line_of(text, &format!("\"{}\"", rule.kind));
            return Err(Error::new(format!("{}:{line}: `{}` has no body", path.display(), rule.kind))
                .cause(format!("there is neither `body` here nor the file {}", file.display())));
        };
        (body, Origin { path: file.display().to_string(), lines_before: 0 })
    };
    Ok(Event { kind: rule.kind, description: rule.description, template, origin, parsed: OnceCell::new() })
}
