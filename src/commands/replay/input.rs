//! What is sent again: the requests of a log or another capture that the flags choose, one at a time.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom, Take};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::capture::{Capture, Captured, Format, ReadError, Reader};
use crate::cli::{Glob, ReplayArgs, StatusFilter};
use crate::error::{Error, Result};
use crate::output::{Output, clean};
use crate::provider::{Judge, Status};
use crate::signing::Encoding;

/// A request that was chosen.
pub(super) struct Chosen {
    /// Its place among all requests and lines of the input, which does not change.
    pub(super) key: u64,
    /// The record's own number, else its place.
    pub(super) seq: u64,
    /// Where it stands.
    line: Option<u64>,
    entry: Option<u64>,
    /// When it was received.
    pub(super) at: Option<Timestamp>,
    /// What is known of its signature.
    pub(super) known: Signature,
    /// The request, and how to get it again.
    pub(super) capture: Capture,
    pub(super) origin: Origin,
}

/// What is known of a request's signature and event.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) valid: bool,
    pub(super) provider: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) id: Option<String>,
}

/// Where a request can be read again.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A line of the log: where it begins, and how long it is.
    Line(u64, usize),
    /// Nowhere: it is kept.
    Kept(Rc<Capture>),
}

/// The next record of an input.
pub(super) enum NextRecord {
    Chosen(Box<Chosen>),
    /// Nothing yet: more may come.
    NotYet,
    End,
}

/// The bytes that requests are read from.
enum Source {
    /// A file, up to the length that it had when it was opened: a listener may append to it meanwhile, even the requests
    /// that this replay sends.
    File(Box<Reader<BufReader<Take<File>>>>),
    /// Stdin or a pipe, read by its own thread: a retry that is due must not wait for the next line.
    Stream(Receiver<Captures>),
}

/// A request, or what is none.
type Captures = std::result::Result<Captured, ReadError>;

/// How many requests of a stream are read ahead.
const AHEAD: usize = 1024;

/// The chosen requests of an input.
pub(super) struct Input {
    source: Source,
    name: String,
    /// The file, to read lines of it again; none for a stream.
    file: Option<File>,
    /// The length of the file when it was opened.
    length: u64,
    filter: Filter,
    judge: Judge<'static>,
    output: Output,
    /// The last ones, where only these are asked for.
    kept: Option<VecDeque<Chosen>>,
    places: u64,
    /// What could not be read.
    pub(super) unreadable: u64,
    /// How many requests there were, chosen or not.
    pub(super) requests: u64,
    /// How many were left out because it is not known when they came, or what was answered.
    pub(super) unknown: u64,
}

/// What the flags choose.
struct Filter {
    types: Vec<Glob>,
    ids: Vec<String>,
    status: Option<StatusFilter>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Input {
    /// Opens a log or another capture; `-` is stdin.
    pub(super) fn open(
        flags: &ReplayArgs,
        log: &Path,
        judge: Judge<'static>,
        output: Output,
        now: Timestamp,
    ) -> Result<Self> {
        let time = |time: Option<crate::cli::Time>, flag: &str| {
            let time = time.map(|time| time.from(now)).transpose();
            time.map_err(|error| Error::new(format!("{flag} is not a possible time")).cause(error))
        };
        let filter = Filter {
            types: flags.types.clone(),
            ids: flags.ids.clone(),
            status: flags.status.clone(),
            since: time(flags.since, "--since")?,
            until: time(flags.until, "--until")?,
        };
        let stdin = log.as_os_str() == "-";
        let name = if stdin { "stdin".to_owned() } else { log.display().to_string() };
        let format = format(flags, log);
        let (source, file, length) = if stdin {
            (Source::Stream(read_stream(io::stdin(), format)), None, 0)
        } else {
            let (opened, length) = open(log)?;
            match length {
                None => (Source::Stream(read_stream(opened, format)), None, 0),
                Some(length) => {
                    let reader = BufReader::with_capacity(1 << 16, opened.take(length));
                    let reader = Reader::new(reader, format).with_verdicts();
                    (Source::File(Box::new(reader)), Some(open(log)?.0), length)
                }
            }
        };
        let mut opened = Self {
            source,
            name,
            file,
            length,
            filter,
            judge,
            output,
            kept: None,
            places: 0,
            unreadable: 0,
            requests: 0,
            unknown: 0,
        };
        if let Some(last) = flags.last {
            opened.keep_last(usize::try_from(last).unwrap_or(usize::MAX))?;
        }
        Ok(opened)
    }

    fn keep_last(&mut self, last: usize) -> Result {
        let mut kept = VecDeque::new();
        while let Some(chosen) = self.read_on()? {
            if kept.len() == last {
                kept.pop_front();
            }
            kept.push_back(chosen);
        }
        self.kept = Some(kept);
        Ok(())
    }

    /// The next request that is chosen, where there is one yet. What cannot be read is said, and the rest goes on.
    pub(super) fn next(&mut self) -> Result<NextRecord> {
        match &mut self.kept {
            Some(kept) => Ok(kept.pop_front().map_or(NextRecord::End, |chosen| NextRecord::Chosen(Box::new(chosen)))),
            None => self.read(false),
        }
    }

    /// The next request that is chosen, however long it takes.
    pub(super) fn wait_for_next(&mut self) -> Result<Option<Chosen>> {
        match &mut self.kept {
            Some(kept) => Ok(kept.pop_front()),
            None => self.read_on(),
        }
    }

    fn read_on(&mut self) -> Result<Option<Chosen>> {
        match self.read(true)? {
            NextRecord::Chosen(chosen) => Ok(Some(*chosen)),
            NextRecord::NotYet | NextRecord::End => Ok(None),
        }
    }

    /// Where a request stands, for people.
    pub(super) fn source(&self, chosen: &Chosen) -> String {
        match (chosen.entry, chosen.line) {
            (Some(entry), _) => format!("{}#{entry}", self.name),
            (_, Some(line)) => format!("{}:{line}", self.name),
            _ => self.name.clone(),
        }
    }

    fn read(&mut self, patient: bool) -> Result<NextRecord> {
        loop {
            let read = match &mut self.source {
                Source::File(reader) => reader.next(),
                Source::Stream(lines) if patient => lines.recv().ok(),
                Source::Stream(lines) => match lines.try_recv() {
                    Ok(read) => Some(read),
                    Err(TryRecvError::Empty) => return Ok(NextRecord::NotYet),
                    Err(TryRecvError::Disconnected) => None,
                },
            };
            match read {
                None => return Ok(NextRecord::End),
                Some(Err(error)) => self.say_unreadable(&error)?,
                Some(Ok(captured)) => {
                    self.requests += 1;
                    if let Some(chosen) = self.choose(captured)? {
                        return Ok(NextRecord::Chosen(Box::new(chosen)));
                    }
                }
            }
        }
    }

    fn say_unreadable(&mut self, error: &ReadError) -> Result {
        self.unreadable += 1;
        let mut wrong = Error::new(error.located(&self.name));
        if let Some(hint) = error.hint {
            wrong = wrong.hint(hint);
        }
        if error.fatal && self.requests == 0 {
            return Err(wrong);
        }
        self.output.error(&wrong);
        Ok(())
    }

    /// The line of the log that was read last.
    fn last_line(&self) -> Option<(u64, &[u8])> {
        match &self.source {
            Source::File(reader) => reader.last_line(),
            Source::Stream(_) => None,
        }
    }

    fn choose(&mut self, captured: Captured) -> Result<Option<Chosen>> {
        self.places += 1;
        let (line, entry) = (captured.line, captured.entry);
        let key = captured.line.or(captured.entry).unwrap_or(self.places);
        let capture = captured.capture;
        let beside = captured.known;
        let origin = match self.last_line() {
            Some((offset, text)) => Origin::Line(offset, text.len()),
            None => Origin::Kept(Rc::new(capture.clone())),
        };
        let timed = self.filter.since.is_some() || self.filter.until.is_some();
        if timed && capture.at.is_none() || self.filter.status.is_some() && beside.status.is_none() {
            self.unknown += 1;
            return Ok(None);
        }
        if !self.filter.fits(&capture, beside.status) {
            return Ok(None);
        }
        let known = match beside.judged {
            Some(verdict) => Signature {
                valid: verdict.status == "valid",
                provider: verdict.provider,
                kind: verdict.event_type,
                id: verdict.event_id,
            },
            None => self.judge(&capture)?,
        };
        let chosen =
            Chosen { key, seq: beside.seq.unwrap_or(key), line, entry, at: capture.at, known, capture, origin };
        Ok(Some(chosen).filter(|chosen| self.filter.fits_event(&chosen.known)))
    }

    /// What a request is that no listener recorded.
    fn judge(&self, capture: &Capture) -> Result<Signature> {
        let now = capture.at.map_or(0, Timestamp::as_second);
        let judgement = capture.as_request(|request| self.judge.judge(request, now))?;
        Ok(Signature {
            valid: judgement.status == Status::Valid,
            provider: judgement.provider.as_ref().map(|provider| provider.name.clone()),
            kind: judgement.event_type,
            id: judgement.event_id,
        })
    }

    /// Reads a request once more.
    pub(super) fn again(&mut self, origin: &Origin) -> Result<Capture> {
        let (offset, length) = match origin {
            Origin::Kept(capture) => return Ok(capture.as_ref().clone()),
            Origin::Line(offset, length) => (*offset, *length),
        };
        let changed =
            |why: &dyn std::fmt::Display| Error::new(format!("{} was changed while it was read", self.name)).cause(why);
        let Some(file) = &mut self.file else { return Err(changed(&"it is no file")) };
        let mut line = vec![0; length];
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut line)).map_err(|error| changed(&error))?;
        Capture::from_json(line.trim_ascii()).map_err(|fault| changed(&fault.message))
    }

    /// Says what was left out without being asked to.
    pub(super) fn say_unknown(&self) {
        if self.unknown > 0 {
            let what = if self.filter.status.is_some() { "what was answered" } else { "when they came" };
            self.output.status(&format!("note: {} requests are left out: it is not known {what}", self.unknown));
        }
    }

    /// The length of the file when it was opened; none for a stream.
    pub(super) fn length(&self) -> Option<u64> {
        self.file.is_some().then_some(self.length)
    }

    /// True if the file is longer now than when it was opened.
    pub(super) fn has_grown(&self) -> bool {
        self.file.as_ref().and_then(|file| file.metadata().ok()).is_some_and(|data| data.len() > self.length)
    }

    /// The hash of the first line, which tells a log from others and stays when it grows; none for a stream.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn fingerprint(&self) -> Result<Option<String>> {
        let Some(mut file) = self.file.as_ref() else { return Ok(None) };
        let mut line = Vec::new();
        let read = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| BufReader::new(file.take(self.length.min(1 << 16))).read_until(b'\n', &mut line));
        read.map_err(|error| Error::new(format!("cannot read {}", self.name)).cause(error))?;
        Ok(Some(Encoding::Hex.encode(&Sha256::digest(&line)[..8])))
    }

    /// How many bytes of a log were read.
    pub(super) fn place(&self) -> u64 {
        self.last_line().map_or(0, |(offset, line)| offset + line.len() as u64)
    }

    /// The error where nothing is sent.
    pub(super) fn nothing_chosen(&self) -> Error {
        let name = self.name();
        Error::new(match self.requests {
            0 => format!("there is no request in {name}"),
            1 => format!("none of the 1 request in {name} is chosen"),
            several => format!("none of the {several} requests in {name} is chosen"),
        })
    }

    pub(super) fn name(&self) -> std::borrow::Cow<'_, str> {
        clean(&self.name)
    }
}

impl Filter {
    fn fits(&self, capture: &Capture, status: Option<u16>) -> bool {
        let status = self.status.as_ref().is_none_or(|filter| status.is_some_and(|status| filter.fits(status)));
        let since = self.since.is_none_or(|since| capture.at.is_some_and(|at| at >= since));
        let until = self.until.is_none_or(|until| capture.at.is_some_and(|at| at < until));
        status && since && until
    }

    fn fits_event(&self, known: &Signature) -> bool {
        let kind = self.types.is_empty()
            || known.kind.as_ref().is_some_and(|kind| self.types.iter().any(|glob| glob.fits(kind)));
        let id = self.ids.is_empty() || known.id.as_ref().is_some_and(|id| self.ids.contains(id));
        kind && id
    }
}

/// Reads a stream in a thread of its own, until it ends or nobody receives any more.
fn read_stream(stream: impl Read + Send + 'static, format: Format) -> Receiver<Captures> {
    let (sender, receiver) = mpsc::sync_channel(AHEAD);
    thread::spawn(move || {
        for read in Reader::new(BufReader::new(stream), format).with_verdicts() {
            if sender.send(read).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The format. A file that is called a log by its name is one, whatever its first line is.
fn format(flags: &ReplayArgs, log: &Path) -> Format {
    let lines = log.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson");
    if flags.format == Format::Auto && lines { Format::JsonLines } else { flags.format }
}

/// Opens a file, and gives the length that it has now; none for a pipe or a device.
fn open(path: &Path) -> Result<(File, Option<u64>)> {
    let cannot = |error: &dyn std::fmt::Display| Error::new(format!("cannot read {}", path.display())).cause(error);
    let file = File::open(path).map_err(|error| cannot(&error))?;
    let data = file.metadata().map_err(|error| cannot(&error))?;
    if data.is_dir() {
        return Err(cannot(&"it is a folder"));
    }
    let length = Some(data.len()).filter(|_| data.is_file());
    Ok((file, length))
}
