//! One request checked, and what is said of it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::{Context, fix};
use super::strict::Strict;
use super::tally::Tally;
use crate::capture::{Captured, ReadError};
use crate::cli::VerifyArgs;
use crate::error::{Error, Result};
use crate::output::{Volume, clean, wrap};
use crate::provider::{Judge, Judgement, Status};
use crate::signing::{Cause, ValueSource};

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

/// What is printed, kept until its turn comes.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// What is said once of each provider.
    pub(super) notes: Vec<String>,
}

/// Checks requests, one after the other.
pub(super) struct Check<'a> {
    context: &'a Context,
    flags: &'a VerifyArgs,
    judge: Judge<'static>,
    /// The width of the terminal, asked once.
    width: usize,
    /// The providers of which the weaknesses were said.
    warned: Vec<String>,
    pub(super) tally: Tally,
    pub(super) printed: Printed,
}

impl<'a> Check<'a> {
    pub(super) fn new(context: &'a Context, flags: &'a VerifyArgs, judge: Judge<'static>) -> Self {
        let width = context.output.width().unwrap_or(usize::MAX).saturating_sub(4);
        Self { context, flags, judge, width, warned: Vec::new(), tally: Tally::default(), printed: Printed::default() }
    }

    /// Says what is no request.
    pub(super) fn unreadable(&mut self, error: &ReadError, source: &str) {
        self.tally.unreadable();
        let whole = Error::new(error.located(source));
        let whole = match error.hint {
            Some(hint) => whole.hint(hint),
            None => whole,
        };
        self.printed.stderr.extend_from_slice(self.context.output.error_text(&whole).as_bytes());
        self.printed.stderr.push(b'\n');
    }

    pub(super) fn one(&mut self, captured: &Captured, source: &str) -> Result {
        let now = self.context.now();
        let at = match self.flags.at {
            Some(time) => time.from(now).map_err(|error| Error::new("--at is not a possible time").cause(error))?,
            None => captured.capture.at.unwrap_or(now),
        };
        let judgement = captured.capture.as_request(|request| self.judge.judge(request, at.as_second()))?;
        self.tally.count(&judgement);
        self.tally.strict.count(&self.flags.strict_for, &judgement);
        self.warn(&judgement);
        let fix = self.fix(&judgement, &captured.capture.body);
        if !self.context.output.json {
            let lines = self.lines(&judgement, captured, source, fix.as_deref());
            for line in lines {
                self.printed.stdout.extend_from_slice(line.as_bytes());
                self.printed.stdout.push(b'\n');
            }
            return Ok(());
        }
        let line = VerdictLine {
            source,
            status: judgement.status.name(),
            provider: judgement.provider.as_ref().map(|provider| provider.name.as_str()),
            event_type: judgement.event_type.as_deref(),
            event_id: judgement.event_id.as_deref(),
            cause: judgement.finding.as_ref().map(|finding| finding.cause.name()),
            message: &judgement.message,
            fix: fix.as_deref(),
            evidence: evidence(&judgement, captured),
        };
        serde_json::to_writer(&mut self.printed.stdout, &line)
            .map_err(|error| Error::new("cannot write JSON").cause(error))?;
        self.printed.stdout.push(b'\n');
        Ok(())
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
        let of_many = captured.is_one_of_many() && judgement.status == Status::Valid;
        let verbose = self.context.output.volume == Volume::Verbose;
        if let Some(detected) = judgement.detected.as_ref().filter(|_| !of_many || verbose) {
            lines.extend(self.wrapped("whose:", detected).iter().map(|line| paint.faint(line)));
        }
        if let Some(expected) = judgement.expected.as_ref().filter(|_| verbose) {
            lines.extend(self.wrapped("expected:", expected));
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
        let in_body = |place: &ValueSource| matches!(place, ValueSource::Json(_)) && content.has_body();
        let timely = content.to_string().contains("timestamp")
            || scheme.timestamp.as_ref().is_some_and(|rule| rule.from.iter().any(in_body));
        if !timely {
            let what = "a captured request verifies for ever, whoever sends it again";
            self.printed.notes.push(format!("note: {} signs no time: {what}", provider.title));
        }
        if !content.has_body() && scheme.requirements.is_empty() {
            self.printed
                .notes
                .push(format!("note: {} does not sign the body: it can be changed unseen", provider.title));
        } else if !content.has_id() && provider.event_fields.id.iter().any(|place| place.header().is_some()) {
            let what = "it can be changed, so that a repeat passes for a new event";
            self.printed.notes.push(format!("note: {} does not sign the id in its header: {what}", provider.title));
        }
    }

    /// `  name: text`, over several lines where the terminal is narrow.
    fn wrapped(&self, name: &str, text: &str) -> Vec<String> {
        let lines = wrap(&format!("{name} {}", clean(text)), self.width);
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
    if let Some(expected) = &judgement.expected {
        evidence.insert("expected".to_owned(), expected.as_str().into());
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
