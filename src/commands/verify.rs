//! `whk verify`: checks captured requests and says why one fails.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::strict::Strict;
use super::{Context, fix};
use crate::capture::{Capture, Captured, Headers, Reader};
use crate::cli::Verify;
use crate::error::{Error, Exit, Result};
use crate::output::{Volume, clean, wrap};
use crate::provider::{Judge, Judgement, Status};
use crate::signing::{Cause, Source};

#[derive(Serialize)]
#[serde(tag = "kind", rename = "verdict")]
struct VerdictLine<'a> {
    source: &'a str,
    status: &'static str,
    provider: Option<&'a str>,
    event_type: Option<&'a str>,
    event_id: Option<&'a str>,
    cause: Option<&'static str>,
    message: &'a str,
    fix: Option<&'a str>,
    evidence: Value,
}

#[derive(Debug, Default, Serialize)]
#[serde(tag = "kind", rename = "summary")]
struct Summary {
    checked: u64,
    valid: u64,
    invalid: u64,
    unsigned: u64,
    unchecked: u64,
    unreadable: u64,
}

pub(super) fn run(context: &Context, flags: &Verify) -> Result<Exit> {
    let judge = judge(context, flags)?;
    if let Some((provider, advice)) = judge.prepare()? {
        for advice in advice {
            context.output.status(&format!("note: {advice} ({})", provider.title));
        }
    }
    let mut check =
        Check { context, flags, judge, summary: Summary::default(), warned: Vec::new(), strict: Strict::default() };
    match (&flags.body, &flags.file) {
        (Some(body), _) => check.parts(body)?,
        (None, Some(file)) if file.as_os_str() == "-" => check.all(io::stdin().lock(), "stdin")?,
        (None, Some(file)) => {
            let opened = File::open(file).map_err(|error| cannot_read(file, &error))?;
            if opened.metadata().is_ok_and(|data| data.is_dir()) {
                return Err(cannot_read(file, &"it is a folder"));
            }
            check.all(opened, &file.display().to_string())?;
        }
        (None, None) => return Err(Error::new("there is nothing to verify").hint("whk verify captured.http")),
    }
    check.conclude()
}

fn judge(context: &Context, flags: &Verify) -> Result<Judge<'static>> {
    let wanted = flags.identity.provider.clone();
    let tolerance = context.config.verify_tolerance(flags.tolerance);
    let judge = context
        .judge(&flags.identity, wanted, context.config.provider(), tolerance, super::NoSecret::Refuse)?
        .public_url(flags.public_url.as_ref().map(|url| url.url().to_string()))
        .strict(Strict::is_asked(context, flags));
    Ok(judge)
}

fn cannot_read(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(format!("cannot read {}", path.display())).cause(error)
}

/// One run over one input.
struct Check<'a> {
    context: &'a Context,
    flags: &'a Verify,
    judge: Judge<'static>,
    summary: Summary,
    /// The providers of which the weaknesses were said.
    warned: Vec<String>,
    /// What `--strict-for` found.
    strict: Strict,
}

impl Check<'_> {
    fn all(&mut self, input: impl Read, source: &str) -> Result {
        for captured in Reader::new(BufReader::with_capacity(1 << 16, input), self.flags.format) {
            match captured {
                Ok(captured) => {
                    let whole = captured.line.map_or_else(|| source.to_owned(), |line| format!("{source}:{line}"));
                    self.one(&captured, &whole)?;
                }
                Err(error) => {
                    self.summary.unreadable += 1;
                    let whole = error.line.map_or_else(|| source.to_owned(), |line| format!("{source}:{line}"));
                    self.context.output.error(&Error::new(format!("{whole}: {}", error.message)));
                }
            }
        }
        Ok(())
    }

    fn parts(&mut self, path: &Path) -> Result {
        let mut body = Vec::new();
        let (source, read) = if path.as_os_str() == "-" {
            ("stdin".to_owned(), io::stdin().lock().read_to_end(&mut body))
        } else {
            (path.display().to_string(), File::open(path).and_then(|mut file| file.read_to_end(&mut body)))
        };
        read.map_err(|error| cannot_read(path, &error))?;
        let headers =
            self.flags.headers.iter().map(|header| (header.name.clone(), Bytes::from(header.value.clone()))).collect();
        let capture = Capture {
            at: None,
            remote: String::new(),
            method: "POST".to_owned(),
            target: "/".to_owned(),
            headers: Headers(headers),
            body: body.into(),
        };
        self.one(&Captured { line: None, capture, remarks: Vec::new() }, &source)
    }

    fn one(&mut self, captured: &Captured, source: &str) -> Result {
        let now = self.context.now();
        let at = match self.flags.at {
            Some(time) => time.from(now).map_err(|error| Error::new("--at is not a possible time").cause(error))?,
            None => captured.capture.at.unwrap_or(now),
        };
        let judgement = captured.capture.as_request(|request| self.judge.judge(request, at.as_second()))?;
        self.summary.checked += 1;
        match judgement.status {
            Status::Valid => self.summary.valid += 1,
            Status::Invalid => self.summary.invalid += 1,
            Status::Unsigned => self.summary.unsigned += 1,
            Status::Unchecked => self.summary.unchecked += 1,
        }
        self.warn(&judgement);
        self.strict.count(&self.flags.strict_for, &judgement);
        let fix = self.fix(&judgement, &captured.capture.body);
        self.context.output.object(&VerdictLine {
            source,
            status: judgement.status.name(),
            provider: judgement.provider.as_ref().map(|provider| provider.name.as_str()),
            event_type: judgement.event_type.as_deref(),
            event_id: judgement.event_id.as_deref(),
            cause: judgement.finding.as_ref().map(|finding| finding.cause.name()),
            message: &judgement.message,
            fix: fix.as_deref(),
            evidence: evidence(&judgement, captured),
        })?;
        self.context.output.answer(&self.lines(&judgement, captured, source, fix.as_deref()).join("\n"))
    }

    fn lines(&self, judgement: &Judgement, captured: &Captured, source: &str, fix: Option<&str>) -> Vec<String> {
        let paint = self.context.output.paint;
        let status = judgement.status.name();
        let status = match judgement.status {
            Status::Valid => paint.green(&format!("✓ {status}")),
            Status::Invalid => paint.red(&format!("✗ {status}")),
            Status::Unsigned | Status::Unchecked => paint.yellow(&format!("? {status}")),
        };
        let mut head = format!("{status} {}", clean(source));
        let provider = judgement.provider.as_ref().map(|provider| provider.name.as_str());
        for part in [provider, judgement.event_type.as_deref(), judgement.event_id.as_deref()].into_iter().flatten() {
            head.push(' ');
            head.push_str(&clean(part));
        }
        let mut lines = vec![head];
        if judgement.status != Status::Valid {
            lines.extend(self.wrapped("why:", &judgement.message));
        } else if judgement.secret.is_some_and(|secret| secret > 0) {
            lines.push(format!("  {}", clean(&judgement.message)));
        }
        let of_many = captured.line.is_some() && judgement.status == Status::Valid;
        let verbose = self.context.output.volume == Volume::Verbose;
        if let Some(detected) = judgement.detected.as_ref().filter(|_| !of_many || verbose) {
            lines.extend(self.wrapped("whose:", detected).iter().map(|line| paint.faint(line)));
        }
        lines.extend(captured.remarks.iter().flat_map(|remark| self.wrapped("note:", remark)));
        for (name, text) in Strict::lines(self.context, self.flags, judgement) {
            lines.extend(self.wrapped(name, &text).iter().map(|line| line.replacen("but:", &paint.yellow("but:"), 1)));
        }
        if let Some(fix) = fix {
            lines.extend(self.wrapped("fix:", fix).iter().map(|line| line.replacen("fix:", &paint.cyan("fix:"), 1)));
        }
        lines
    }

    /// Says once of each provider what its scheme does not protect from.
    fn warn(&mut self, judgement: &Judgement) {
        let Some(provider) = judgement.provider.as_ref().filter(|provider| !self.warned.contains(&provider.name))
        else {
            return;
        };
        self.warned.push(provider.name.clone());
        let scheme = &provider.scheme;
        let content = &scheme.content;
        // A time in the body is signed with the body.
        let in_body = |place: &Source| matches!(place, Source::Json(_)) && content.has_body();
        let timely = content.to_string().contains("timestamp")
            || scheme.timestamp.as_ref().is_some_and(|rule| rule.from.iter().any(in_body));
        if !timely {
            let what = "a captured request verifies for ever, whoever sends it again";
            self.context.output.status(&format!("note: {} signs no time: {what}", provider.title));
        }
        if !content.has_body() && scheme.require.is_empty() {
            self.context
                .output
                .status(&format!("note: {} does not sign the body: it can be changed unseen", provider.title));
        } else if !content.has_id() && provider.parts.id.iter().any(|place| place.header().is_some()) {
            let what = "it can be changed, so that a repeat passes for a new event";
            self.context.output.status(&format!("note: {} does not sign the id in its header: {what}", provider.title));
        }
    }

    /// `  name: text`, over several lines where the terminal is narrow.
    fn wrapped(&self, name: &str, text: &str) -> Vec<String> {
        let width = self.context.output.width().unwrap_or(usize::MAX).saturating_sub(4);
        let lines = wrap(&format!("{name} {}", clean(text)), width);
        let indent = |index| if index == 0 { "  " } else { "    " };
        lines.iter().enumerate().map(|(index, line)| format!("{}{line}", indent(index))).collect()
    }

    /// What to do about it, in words that can be followed.
    fn fix(&self, judgement: &Judgement, body: &[u8]) -> Option<String> {
        if judgement.status == Status::Unchecked {
            return Some("give the provider's secret: -s env:NAME or -s file:PATH".to_owned());
        }
        let finding = judgement.finding.as_ref()?;
        let provider = judgement.provider.as_ref();
        if let Some(diagnosis) = &judgement.diagnosis {
            return Some(fix::of(diagnosis, provider.map(|provider| &**provider), body));
        }
        Some(match finding.cause {
            Cause::MissingHeader => match (&finding.header, provider) {
                (Some(header), _) => format!("see that the capture is whole, and that no proxy drops `{header}`"),
                (None, _) => "see that the capture holds all headers; say whose it is with -p NAME".to_owned(),
            },
            Cause::MalformedHeader => match provider {
                Some(provider) => format!("compare it with: whk send -p {} --type all --dry-run", provider.name),
                None => return None,
            },
            Cause::TimestampTooOld => {
                "for an old capture, check at its own time: --at TIME, or --tolerance none; a request that is sent again needs a new timestamp and signature".to_owned()
            }
            Cause::TimestampTooNew => "compare the clocks of sender and receiver; to check it all the same: --tolerance none".to_owned(),
            _ => {
                let configured = provider
                    .and_then(|provider| self.context.config.secrets(&self.flags.identity, provider).ok())
                    .is_some_and(|found| !found.secrets.is_empty());
                if configured {
                    "compare the secret with the provider's, and see that the body is the raw one, never parsed and written again".to_owned()
                } else {
                    "only the development secret was tried; give the provider's: -s env:NAME or -s file:PATH (or, if whk sent it, its body was changed on the way)".to_owned()
                }
            }
        })
    }

    fn conclude(self) -> Result<Exit> {
        let summary = self.summary;
        self.context.output.object(&summary)?;
        if summary.checked + summary.unreadable == 0 {
            return Err(Error::new("there is no request in it"));
        }
        if summary.checked + summary.unreadable > 1 {
            self.context.output.status(&in_words(&summary));
        }
        let refused = self.strict.say(self.context);
        Ok(if summary.unreadable + summary.unchecked > 0 {
            Exit::CannotRun
        } else if summary.valid == summary.checked && !refused {
            Exit::Yes
        } else {
            Exit::No
        })
    }
}

fn in_words(summary: &Summary) -> String {
    let mut parts = vec![format!("{} checked", summary.checked)];
    for (count, what) in [
        (summary.valid, "valid"),
        (summary.invalid, "invalid"),
        (summary.unsigned, "unsigned"),
        (summary.unchecked, "unchecked"),
        (summary.unreadable, "unreadable"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.join(", ")
}

fn evidence(judgement: &Judgement, captured: &Captured) -> Value {
    let mut evidence = Map::new();
    if let Some(header) = judgement.finding.as_ref().and_then(|finding| finding.header.as_ref()) {
        evidence.insert("header".to_owned(), header.as_str().into());
    }
    if let Some(age) = judgement.age {
        evidence.insert("age_s".to_owned(), age.into());
    }
    if let Some(diagnosis) = &judgement.diagnosis {
        evidence.insert("works_as".to_owned(), diagnosis.faults[0].works_as.as_str().into());
        let faults = diagnosis.faults.iter().map(|fault| {
            serde_json::json!({"cause": fault.cause.name(), "works_as": fault.works_as, "differs_at": fault.differs_at})
        });
        evidence.insert("faults".to_owned(), faults.collect());
        evidence.insert("secret".to_owned(), (diagnosis.secret + 1).into());
    }
    if !judgement.refused_by.is_empty() {
        evidence.insert("refused_by".to_owned(), super::strict::in_json(&judgement.refused_by));
    }
    if let Some(detected) = &judgement.detected {
        evidence.insert("detected".to_owned(), detected.as_str().into());
    }
    if let Some(secret) = judgement.secret {
        evidence.insert("secret".to_owned(), (secret + 1).into());
    }
    if !captured.remarks.is_empty() {
        evidence.insert("remarks".to_owned(), captured.remarks.clone().into());
    }
    Value::Object(evidence)
}
