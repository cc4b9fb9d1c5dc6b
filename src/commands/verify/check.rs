//! Checks one request, and formats its verdict.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::Context;
use super::case;
use super::strict::Strict;
use super::tally::Tally;
use crate::capture::{CaptureEntry, ReadError};
use crate::cli::VerifyArgs;
use crate::error::{Error, Result};
use crate::output::{MAX_ANNOTATIONS, Output, Verbosity, clean, wrap};
use crate::provider::Provider;
use crate::report::Case;
use crate::secrets::SecretResolver;
use crate::signing::{Request, ValueSource};
use crate::verification::{Verdict, VerdictStatus, Verifier, remedy};

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

/// Buffered output, which is printed in order.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Notes that are printed once for each provider.
    pub(super) notes: Vec<String>,
    /// Title and text of the annotations of a CI service.
    pub(super) annotations: Vec<(String, String)>,
}

/// Checks requests, one after the other.
pub(super) struct Check<'a> {
    context: &'a Context,
    flags: &'a VerifyArgs,
    verifier: Verifier<'static>,
    resolver: SecretResolver,
    /// The width of the terminal, asked once.
    width: usize,
    /// True if the log of GitHub Actions reads the output, asked once.
    in_github_actions: bool,
    /// The providers of which the weaknesses were said.
    warned: Vec<String>,
    pub(super) tally: Tally,
    pub(super) printed: Printed,
    /// The cases for `--report`, if there is one.
    pub(super) cases: Vec<Case>,
}

impl<'a> Check<'a> {
    pub(super) fn new(context: &'a Context, flags: &'a VerifyArgs, verifier: Verifier<'static>) -> Self {
        let width = context.output.width().unwrap_or(usize::MAX).saturating_sub(4);
        let in_github_actions = Output::in_github_actions();
        Self {
            context,
            flags,
            verifier,
            resolver: context.secret_resolver(&flags.identity),
            width,
            in_github_actions,
            warned: Vec::new(),
            tally: Tally::default(),
            printed: Printed::default(),
            cases: Vec::new(),
        }
    }

    /// Says what is no request.
    pub(super) fn unreadable(&mut self, error: &ReadError, source: &str) {
        self.tally.unreadable();
        if !self.flags.reports.is_empty() {
            self.cases.push(case::of_unreadable(error, source));
        }
        let whole = Error::new(error.located(source));
        let whole = match error.hint {
            Some(hint) => whole.hint(hint),
            None => whole,
        };
        if self.printed.annotations.len() < MAX_ANNOTATIONS {
            self.printed.annotations.push(("unreadable webhook".to_owned(), error.located(source)));
        }
        self.printed.stderr.extend_from_slice(self.context.output.error_text(&whole).as_bytes());
        self.printed.stderr.push(b'\n');
    }

    pub(super) fn one(&mut self, captured: &CaptureEntry, source: &str) -> Result {
        let now = self.context.now();
        let at = match self.flags.at {
            Some(time) => time.from(now).map_err(|error| Error::new("--at is not a possible time").cause(error))?,
            None => captured.capture.received_at.unwrap_or(now),
        };
        let (verdict, remarks) = self.verified(captured, at.as_second())?;
        self.tally.count(&verdict);
        self.tally.strict.count(&self.flags.strict_for, &verdict);
        self.warn(&verdict);
        if verdict.status != VerdictStatus::Valid && self.printed.annotations.len() < MAX_ANNOTATIONS {
            let event_type = verdict.event_type.as_deref().unwrap_or("a request");
            let text = format!("{source} {event_type}: {}", verdict.message);
            self.printed.annotations.push((format!("{} webhook", verdict.status.name()), text));
        }
        let fix = if captured.parsed_body && verdict.is_about_body() {
            Some(remedy::log_raw_body(&captured.capture.body))
        } else {
            remedy::remedy_for(&verdict, &captured.capture.body, |provider, index| self.secret(provider, index))
        };
        if !self.flags.reports.is_empty() {
            let case = case::of_request(self.flags, &verdict, &remarks, source, fix.as_deref());
            self.cases.push(case);
        }
        if !self.context.output.json {
            let lines = self.lines(&verdict, &remarks, source, fix.as_deref());
            if self.in_github_actions {
                self.printed.stdout.extend_from_slice(Output::guard_ci_commands(&lines).as_bytes());
                return Ok(());
            }
            for line in lines {
                self.printed.stdout.extend_from_slice(line.as_bytes());
                self.printed.stdout.push(b'\n');
            }
            return Ok(());
        }
        let line = VerdictLine {
            source,
            status: verdict.status.name(),
            provider: verdict.provider.as_ref().map(|provider| provider.name.as_str()),
            event_type: verdict.event_type.as_deref(),
            event_id: verdict.event_id.as_deref(),
            cause: verdict.finding.as_ref().map(|finding| finding.cause.name()),
            message: &verdict.message,
            fix: fix.as_deref(),
            evidence: evidence(&verdict, &remarks),
        };
        serde_json::to_writer(&mut self.printed.stdout, &line)
            .map_err(|error| Error::new("cannot write JSON").cause(error))?;
        self.printed.stdout.push(b'\n');
        Ok(())
    }

    /// Verifies a request as it was captured, and returns the notes on it.
    fn verified(&self, captured: &CaptureEntry, now: i64) -> Result<(Verdict, Vec<String>)> {
        let verify = |body: &Bytes| {
            let headers = captured.capture.headers.borrowed();
            self.verifier.verify(&Request { body, ..captured.capture.request(&headers) }, now)
        };
        let verdict = verify(&captured.capture.body)?;
        if captured.parsed_body {
            return Ok((verdict.of_parsed_body(&captured.capture.body), captured.warnings.clone()));
        }
        let Some(rest) = captured.rest.as_ref().filter(|_| verdict.is_mismatch()) else {
            return Ok((verdict, captured.warnings.clone()));
        };
        // `content-length` may belong to another body: headers are copied, and bodies are edited or printed again.
        let shorter = rest.strip_suffix(b"\r\n").or_else(|| rest.strip_suffix(b"\n"));
        let bodies = [Some(rest.clone()), shorter.map(|body| rest.slice_ref(body))];
        let mut best: Option<(Verdict, usize)> = None;
        for body in bodies.into_iter().flatten() {
            let found = verify(&body)?;
            let (ends, better) = (found.status == VerdictStatus::Valid, !found.is_mismatch());
            if ends || best.is_none() || better && best.as_ref().is_some_and(|(best, _)| best.is_mismatch()) {
                best = Some((found, body.len()));
            }
            if ends {
                break;
            }
        }
        let is_json = |body: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
        let Some((found, length)) =
            best.filter(|(found, _)| !found.is_mismatch() || is_json(rest) && !is_json(&captured.capture.body))
        else {
            return Ok((verdict, captured.warnings.clone()));
        };
        let said = captured.capture.headers.text("content-length").unwrap_or_default();
        let mut remarks = vec![format!("`content-length` is {said}, but the body has {length} bytes; all were used")];
        remarks.extend(captured.warnings.iter().filter(|remark| !remark.contains("content-length")).cloned());
        Ok((found, remarks))
    }

    fn lines(&self, verdict: &Verdict, remarks: &[String], source: &str, fix: Option<&str>) -> Vec<String> {
        let paint = self.context.output.paint;
        let status = verdict.status.name();
        let status = match verdict.status {
            VerdictStatus::Valid => paint.green(&format!("✓ {status}")),
            VerdictStatus::Invalid => paint.red(&format!("✗ {status}")),
            VerdictStatus::Unsigned | VerdictStatus::Unchecked => paint.yellow(&format!("? {status}")),
        };
        let mut head = format!("{status} {}", clean(source));
        let provider = verdict.provider.as_ref().map(|provider| provider.name.as_str());
        for part in [provider, verdict.event_type.as_deref(), verdict.event_id.as_deref()].into_iter().flatten() {
            head.push(' ');
            head.push_str(&clean(part));
        }
        let mut lines = vec![head];
        if verdict.status != VerdictStatus::Valid {
            lines.extend(self.wrapped("why:", &verdict.message));
            lines.extend(self.difference(verdict));
        } else if verdict.secret.is_some_and(|secret| secret > 0) || verdict.reading.is_some() {
            lines.extend(self.wrapped("note:", &verdict.message));
        }
        if let Some(fix) = fix {
            lines.extend(self.wrapped("fix:", fix).iter().map(|line| line.replacen("fix:", &paint.cyan("fix:"), 1)));
        }
        let verbose = self.context.output.verbosity == Verbosity::Verbose;
        if let Some(detected) = verdict.detected.as_ref().filter(|_| verdict.ambiguous || verbose) {
            lines.extend(self.wrapped("provider:", detected).iter().map(|line| paint.faint(line)));
        }
        if let Some(expected) = verdict.expected.as_ref().filter(|_| verbose) {
            lines.extend(self.wrapped("expected signature:", expected));
        }
        lines.extend(remarks.iter().flat_map(|remark| self.wrapped("note:", remark)));
        for text in Strict::warnings(self.flags, verdict) {
            let warning = paint.yellow("warning:");
            lines.extend(self.wrapped("warning:", &text).iter().map(|line| line.replacen("warning:", &warning, 1)));
        }
        if verbose {
            lines.extend(Strict::table(self.flags, verdict, self.width));
        }
        lines
    }

    /// Two aligned lines: the text that was signed, and the text that was received.
    fn difference(&self, verdict: &Verdict) -> Vec<String> {
        let mut faults = verdict.diagnosis.iter().flat_map(|diagnosis| &diagnosis.causes);
        let Some(difference) = faults.find_map(|fault| fault.difference.as_deref()) else { return Vec::new() };
        let paint = self.context.output.paint;
        let line = |name: &str, text: &str| format!("    {} {}", paint.faint(name), clean(text));
        vec![line("signed:  ", &difference.signed), line("received:", &difference.received)]
    }

    /// Says once of each provider what its scheme does not protect from.
    fn warn(&mut self, verdict: &Verdict) {
        let Some(provider) = verdict.provider.as_ref().filter(|provider| !self.warned.contains(&provider.name)) else {
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
            let what = "so a captured request can be replayed forever";
            self.printed.notes.push(format!("note: {} does not sign a timestamp, {what}", provider.title));
        }
        if !content.has_body() && scheme.requirements.is_empty() {
            self.printed
                .notes
                .push(format!("note: {} does not sign the body, so it can be changed unnoticed", provider.title));
        } else if !content.has_id() && provider.event_fields.id.iter().any(|place| place.header().is_some()) {
            let what = "so a repeated event can be passed off as a new one";
            self.printed.notes.push(format!("note: {} does not sign the id in its header, {what}", provider.title));
        }
    }

    /// Formats `  name: text`, over several lines on a narrow terminal.
    fn wrapped(&self, name: &str, text: &str) -> Vec<String> {
        let lines = wrap(&format!("{name} {}", clean(text)), self.width);
        let indent = |index| if index == 0 { "  " } else { "    " };
        lines.iter().enumerate().map(|(index, line)| format!("{}{line}", indent(index))).collect()
    }

    /// Names the source of the provider's configured secret with this index; `None` for the development secret.
    fn secret(&self, provider: &Provider, index: usize) -> Option<String> {
        let found = self.resolver.configured(provider).ok()??;
        found.sources.get(index).or(found.sources.first()).cloned()
    }
}

fn evidence(verdict: &Verdict, remarks: &[String]) -> Value {
    let mut evidence = Map::new();
    if let Some(header) = verdict.finding.as_ref().and_then(|finding| finding.header.as_ref()) {
        evidence.insert("header".to_owned(), header.as_str().into());
    }
    if let Some(age) = verdict.age {
        evidence.insert("age_s".to_owned(), age.into());
    }
    if let Some(diagnosis) = &verdict.diagnosis {
        evidence.insert("works_as".to_owned(), diagnosis.causes[0].reproduced_as.as_str().into());
        let faults = diagnosis.causes.iter().map(|fault| {
            let mut entry = serde_json::json!({
                "cause": fault.cause.name(), "works_as": fault.reproduced_as, "differs_at": fault.first_difference,
            });
            if let Some(difference) = &fault.difference {
                entry["signed"] = difference.signed.as_str().into();
                entry["received"] = difference.received.as_str().into();
            }
            entry
        });
        evidence.insert("faults".to_owned(), faults.collect());
        evidence.insert("secret".to_owned(), (diagnosis.secret + 1).into());
    }
    if let Some(expected) = &verdict.expected {
        evidence.insert("expected".to_owned(), expected.as_str().into());
    }
    if !verdict.incompatible_libraries.is_empty() {
        evidence.insert("refused_by".to_owned(), super::strict::in_json(&verdict.incompatible_libraries));
    }
    if let Some(detected) = &verdict.detected {
        evidence.insert("detected".to_owned(), detected.as_str().into());
    }
    if let Some(secret) = verdict.secret {
        evidence.insert("secret".to_owned(), (secret + 1).into());
    }
    if let Some(reading) = verdict.reading {
        evidence.insert("works_as".to_owned(), reading.into());
    }
    if !remarks.is_empty() {
        evidence.insert("remarks".to_owned(), remarks.to_vec().into());
    }
    Value::Object(evidence)
}
