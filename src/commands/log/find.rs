//! Finds the requests that the command line names: by number, event id or line.

use super::super::CommandContext;
use super::list::json_line;
use super::options::{self, LogInput};
use super::read::{Detail, Flow, Worker, read};
use crate::capture::{CaptureFormat, Reader};
use crate::cli::LogArgs;
use crate::error::{Error, Result};
use crate::inspect::StoredRecord;
use crate::output::{plural, sanitize};

/// A request that was found.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) record: StoredRecord,
    /// The input and the position in it.
    pub(super) source: String,
    /// The record as a line of JSON.
    pub(super) line: Vec<u8>,
}

/// The name of a request on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RecordName {
    /// A number in the list, an id, or the beginning of one.
    NumberOrId(String),
    /// An id as the list shows it if it does not fit: its beginning and its end.
    Cut(String, String),
    /// A line of the log.
    Line(u64),
}

/// The way in which a name matches a request; the best comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Part,
    Exact,
}

/// The shortest beginning of an id that stands for it.
const SHORTEST_PREFIX: usize = 3;

impl RecordName {
    fn new(text: &str) -> Self {
        if let Some(line) = text.strip_prefix(':').and_then(|line| line.parse().ok()) {
            return Self::Line(line);
        }
        match text.split_once('…') {
            Some((start, end)) => Self::Cut(start.to_owned(), end.to_owned()),
            None => Self::NumberOrId(text.to_owned()),
        }
    }

    fn matches(&self, seq: u64, line: Option<u64>, id: Option<&str>) -> Option<Match> {
        match self {
            Self::Line(wanted) => (line == Some(*wanted)).then_some(Match::Exact),
            Self::Cut(start, end) => {
                let is_it =
                    |id: &str| id.len() >= start.len() + end.len() && id.starts_with(start) && id.ends_with(end);
                id.is_some_and(is_it).then_some(Match::Part)
            }
            Self::NumberOrId(text) if text.parse() == Ok(seq) || id == Some(text) => Some(Match::Exact),
            Self::NumberOrId(text) => {
                let is_start = text.len() >= SHORTEST_PREFIX && id.is_some_and(|id| id.starts_with(text));
                is_start.then_some(Match::Part)
            }
        }
    }
}

/// The requests that match a name: the last one of the best kind.
#[derive(Default)]
struct Matches {
    best: Option<Match>,
    count: u64,
    /// The first and the last event id of those that a beginning matches.
    ids: (Option<String>, Option<String>),
    found: Option<Found>,
}

/// A selected request, and the names that match it.
struct Candidate {
    found: Option<Found>,
    names: Vec<(usize, Match)>,
    /// Its number and its id, for the hint of an error.
    id: Option<String>,
}

/// Finds the named requests in the order of the names.
///
/// # Errors
/// The input cannot be read, a name matches nothing, or a beginning of an id matches several.
pub(super) fn find(context: &CommandContext, args: &LogArgs, names: &[String]) -> Result<Vec<Found>> {
    let input = LogInput::open(context, args)?;
    let source = input.name();
    let wanted: Vec<RecordName> = names.iter().map(|name| RecordName::new(name)).collect();
    let worker = || -> Result<Worker<'static, Candidate>> {
        let (wanted, source) = (wanted.clone(), source.clone());
        Ok(Box::new(move |record, line| candidate(&wanted, &source, record, line)))
    };
    let mut matches: Vec<Matches> = wanted.iter().map(|_| Matches::default()).collect();
    let mut nearest = Nearest::new(names);
    let totals = read(context, args, input, Detail::Summary, worker, |selected| {
        let Candidate { found, names, id } = selected.value;
        nearest.add(selected.seq, id.as_deref());
        let Some(found) = found else { return Ok(Flow::Continue) };
        if let Some(((last, kind), others)) = names.split_last() {
            for (name, kind) in others {
                matches[*name].add(*kind, found.clone(), id.as_deref());
            }
            matches[*last].add(*kind, found, id.as_deref());
        }
        Ok(Flow::Continue)
    })?;
    super::print_notes(context.output, &totals);
    let mut results = Vec::new();
    for (matches, name) in matches.into_iter().zip(names) {
        results.push(matches.into_found(context, args, name, &source, &nearest)?);
    }
    Ok(results)
}

/// Reads a request in full, if a name matches it.
fn candidate(names: &[RecordName], source: &str, record: StoredRecord, line: Option<&[u8]>) -> Result<Candidate> {
    let id = record.verdict.event_id.clone();
    let matching = names
        .iter()
        .enumerate()
        .filter_map(|(index, name)| Some((index, name.matches(record.seq, record.entry.line, id.as_deref())?)));
    let matching: Vec<(usize, Match)> = matching.collect();
    if matching.is_empty() {
        return Ok(Candidate { found: None, names: matching, id });
    }
    let found = Found::read(record, source, line)?;
    Ok(Candidate { found: Some(found), names: matching, id })
}

impl Found {
    /// Reads what was left out of a summary.
    fn read(mut record: StoredRecord, source: &str, line: Option<&[u8]>) -> Result<Self> {
        if let Some(line) = line
            && let Some(Ok(mut entry)) = Reader::new(line, CaptureFormat::JsonLines).with_outcomes().next()
        {
            entry.outcome.verdict = None;
            (entry.line, entry.entry) = (record.entry.line, record.entry.entry);
            record.entry = entry;
        }
        Self::new(record, source, line)
    }

    /// A request that was read in full.
    pub(super) fn new(record: StoredRecord, source: &str, line: Option<&[u8]>) -> Result<Self> {
        let line = json_line(&record, line)?;
        let source = record.entry.source(source);
        Ok(Self { record, source, line })
    }
}

impl Matches {
    fn add(&mut self, kind: Match, found: Found, id: Option<&str>) {
        if self.best > Some(kind) {
            return;
        }
        if self.best < Some(kind) {
            *self = Self { best: Some(kind), ..Self::default() };
        }
        self.count += 1;
        if self.ids.0.is_none() {
            self.ids.0 = id.map(str::to_owned);
        }
        self.ids.1 = id.map(str::to_owned);
        self.found = Some(found);
    }

    fn into_found(
        self,
        context: &CommandContext,
        args: &LogArgs,
        name: &str,
        source: &str,
        nearest: &Nearest,
    ) -> Result<Found> {
        let shown = sanitize(name);
        if self.best == Some(Match::Part) && self.ids.0 != self.ids.1 {
            let ids = [self.ids.0, self.ids.1].map(Option::unwrap_or_default);
            return Err(Error::new(format!("`{shown}` matches several event ids"))
                .cause(format!("such as {} and {}", ids[0], ids[1]))
                .hint(options::command(args, &format!("show {}", ids[1]))));
        }
        let count = self.count;
        let Some(found) = self.found else {
            let error = Error::new(format!("there is no request `{shown}` in {}", sanitize(source)));
            return Err(match nearest.of(name) {
                Some(near) => error.hint(options::command(args, &format!("show {near}"))),
                None => error.hint(options::command(args, "")),
            });
        };
        if count > 1 {
            let several = plural(count, "request", "requests");
            let line = found.record.entry.line.map_or_else(String::new, |line| format!(", on line {line} (:{line})"));
            context.output.status(&format!("note: {several} match `{shown}`; this is the last{line}"));
        }
        Ok(found)
    }
}

/// The requests that were probably meant by names that match nothing.
struct Nearest {
    /// The ids with the smallest distance so far, for each name.
    ids: Vec<(String, Option<(usize, String)>)>,
    /// The last number.
    last: Option<u64>,
}

impl Nearest {
    fn new(names: &[String]) -> Self {
        Self { ids: names.iter().map(|name| (name.clone(), None)).collect(), last: None }
    }

    fn add(&mut self, seq: u64, id: Option<&str>) {
        self.last = Some(seq);
        let Some(id) = id else { return };
        for (name, best) in self.ids.iter_mut().filter(|(name, _)| name.parse::<u64>().is_err()) {
            // Ids have one length, mostly, so that this is cheap.
            let distance = name.chars().zip(id.chars()).filter(|(one, other)| one != other).count()
                + name.chars().count().abs_diff(id.chars().count());
            if distance * 2 < name.chars().count() && best.as_ref().is_none_or(|(least, _)| distance <= *least) {
                *best = Some((distance, id.to_owned()));
            }
        }
    }

    /// Returns the id that is most like this name; for a number, the last number.
    fn of(&self, name: &str) -> Option<String> {
        let near = self.ids.iter().find(|(other, _)| other == name).and_then(|(_, best)| best.as_ref());
        near.map(|(_, id)| id.clone()).or_else(|| self.last.map(|last| last.to_string()))
    }
}
