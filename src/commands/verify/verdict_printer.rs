//! Verifies requests, and buffers what is printed about them.

use bytes::Bytes;

use super::super::Context;
use super::required_libraries;
use crate::capture::{CaptureEntry, ReadError};
use crate::cli::VerifyArgs;
use crate::error::{Error, Result};
use crate::output::{MAX_ANNOTATIONS, Output, Verbosity};
use crate::provider::Provider;
use crate::report::{
    Case, VerdictRenderer, VerdictView, VerifyStats, unreadable_case, verdict_case, weak_scheme_notes,
};
use crate::secrets::SecretResolver;
use crate::signing::Request;
use crate::verification::{Verdict, VerdictStatus, Verifier, remedy};

/// Buffered output, which is printed in order.
#[derive(Debug, Default)]
pub(super) struct BufferedOutput {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Notes that are printed once for each provider.
    pub(super) notes: Vec<String>,
    /// Title and text of the annotations of a CI service.
    pub(super) annotations: Vec<(String, String)>,
}

/// Verifies requests, one after the other.
pub(super) struct VerdictPrinter<'a> {
    context: &'a Context,
    flags: &'a VerifyArgs,
    verifier: Verifier<'static>,
    resolver: SecretResolver,
    renderer: VerdictRenderer,
    /// True if the log of GitHub Actions reads the output, asked once.
    in_github_actions: bool,
    /// The providers with notes on their schemes.
    warned: Vec<String>,
    pub(super) stats: VerifyStats,
    pub(super) printed: BufferedOutput,
    /// The cases for `--report`, if there is one.
    pub(super) cases: Vec<Case>,
}

impl<'a> VerdictPrinter<'a> {
    pub(super) fn new(context: &'a Context, flags: &'a VerifyArgs, verifier: Verifier<'static>) -> Self {
        let renderer = VerdictRenderer {
            style: context.output.paint,
            verbose: context.output.verbosity == Verbosity::Verbose,
            width: context.output.width().unwrap_or(usize::MAX).saturating_sub(4),
            required: required_libraries(flags),
        };
        let in_github_actions = Output::in_github_actions();
        Self {
            context,
            flags,
            verifier,
            resolver: context.secret_resolver(&flags.identity),
            renderer,
            in_github_actions,
            warned: Vec::new(),
            stats: VerifyStats::default(),
            printed: BufferedOutput::default(),
            cases: Vec::new(),
        }
    }

    /// Reports input that is not a request.
    pub(super) fn unreadable(&mut self, error: &ReadError, source: &str) {
        self.stats.unreadable();
        if !self.flags.reports.is_empty() {
            self.cases.push(unreadable_case(error, source));
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

    /// Verifies a request.
    pub(super) fn verify_one(&mut self, captured: &CaptureEntry, source: &str) -> Result {
        let now = self.context.now();
        let at = match self.flags.at {
            Some(time) => time.from(now).map_err(|error| Error::new("--at is not a possible time").cause(error))?,
            None => captured.capture.received_at.unwrap_or(now),
        };
        let (verdict, remarks) = self.verified(captured, at.as_second())?;
        self.stats.count(&verdict);
        self.stats.strict.count(&self.renderer.required, &verdict);
        self.warn_weak_scheme(&verdict);
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
            let case = verdict_case(&self.renderer.required, &verdict, &remarks, source, fix.as_deref());
            self.cases.push(case);
        }
        let view = VerdictView { verdict: &verdict, notes: &remarks, source, remedy: fix.as_deref() };
        if self.context.output.json {
            return view.write_json(&mut self.printed.stdout);
        }
        let lines = self.renderer.lines(&view);
        if self.in_github_actions {
            self.printed.stdout.extend_from_slice(Output::guard_ci_commands(&lines).as_bytes());
            return Ok(());
        }
        for line in lines {
            self.printed.stdout.extend_from_slice(line.as_bytes());
            self.printed.stdout.push(b'\n');
        }
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

    /// Adds the notes on a weak scheme, once for each provider.
    fn warn_weak_scheme(&mut self, verdict: &Verdict) {
        let Some(provider) = verdict.provider.as_ref().filter(|provider| !self.warned.contains(&provider.name)) else {
            return;
        };
        self.warned.push(provider.name.clone());
        self.printed.notes.extend(weak_scheme_notes(provider));
    }

    /// Names the source of the provider's configured secret with this index; `None` for the development secret.
    fn secret(&self, provider: &Provider, index: usize) -> Option<String> {
        let found = self.resolver.configured(provider).ok()??;
        found.sources.get(index).or(found.sources.first()).cloned()
    }
}
