//! Verifies requests, and buffers what is printed about them.

use jiff::Timestamp;

use super::{Case, VerdictRenderer, VerdictView, VerifyStats, unreadable_case, verdict_case, weak_scheme_notes};
use crate::capture::{CaptureEntry, ReadError};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::output::{MAX_ANNOTATIONS, Output, Verbosity, wrap};
use crate::provider::Provider;
use crate::signing::ReferenceLibrary;
use crate::verification::{Verdict, VerdictStatus, Verifier, remedy};

/// Buffered output, which is printed in order.
#[derive(Debug, Default)]
pub struct BufferedOutput {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Notes that are printed once for each provider.
    notes: Vec<String>,
    /// Title and text of the annotations of a CI service.
    annotations: Vec<(String, String)>,
}

/// The notes and annotations that were printed so far.
#[derive(Debug, Default)]
pub struct PrintedNotes {
    notes: Vec<String>,
    annotated: usize,
}

impl BufferedOutput {
    /// Prints what is buffered, without the notes that were printed before.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub fn print(&self, output: Output, before: &mut PrintedNotes) -> Result {
        output.write_stdout(&self.stdout)?;
        Output::write_stderr(&self.stderr);
        for (title, text) in self.annotations.iter().take(MAX_ANNOTATIONS - before.annotated) {
            before.annotated += 1;
            output.annotate(title, text)?;
        }
        for note in &self.notes {
            if !before.notes.contains(note) {
                before.notes.push(note.clone());
                let lines = wrap(note, output.width().unwrap_or(usize::MAX).saturating_sub(2));
                output.status(&lines.join("\n  "));
            }
        }
        Ok(())
    }
}

/// Names the source of a provider's configured secret with this index; `None` for the development secret.
pub type SecretSourceName<'a> = Box<dyn Fn(&Provider, usize) -> Option<String> + 'a>;

/// The options of a [`VerdictPrinter`].
pub struct VerdictPrinterOptions<'a> {
    /// The terminal, and the form of the output.
    pub output: Output,
    /// The time of requests that were captured without one.
    pub clock: Clock,
    /// The time that every request is verified at, if it is not its own.
    pub at: Option<Timestamp>,
    /// The libraries that must accept a valid request.
    pub required: Vec<ReferenceLibrary>,
    /// True if cases are recorded for `--report`.
    pub records_cases: bool,
    /// Names the sources of secrets in remedies.
    pub secret_source: SecretSourceName<'a>,
}

/// Verifies requests, one after the other.
pub struct VerdictPrinter<'a> {
    options: VerdictPrinterOptions<'a>,
    verifier: Verifier<'static>,
    renderer: VerdictRenderer,
    /// True if the log of GitHub Actions reads the output, asked once.
    in_github_actions: bool,
    /// The providers with notes on their schemes.
    warned: Vec<String>,
    /// The counts of the verdicts.
    pub stats: VerifyStats,
    /// The output that is to be printed.
    pub printed: BufferedOutput,
    /// The cases for `--report`, if there is one.
    pub cases: Vec<Case>,
}

impl<'a> VerdictPrinter<'a> {
    /// Prints the verdicts of this verifier.
    #[must_use]
    pub fn new(verifier: Verifier<'static>, options: VerdictPrinterOptions<'a>) -> Self {
        let output = options.output;
        let renderer = VerdictRenderer {
            style: output.style,
            verbose: output.verbosity == Verbosity::Verbose,
            width: output.width().unwrap_or(usize::MAX).saturating_sub(4),
            required: options.required.clone(),
        };
        Self {
            options,
            verifier,
            renderer,
            in_github_actions: Output::in_github_actions(),
            warned: Vec::new(),
            stats: VerifyStats::default(),
            printed: BufferedOutput::default(),
            cases: Vec::new(),
        }
    }

    /// Reports input that is not a request.
    pub fn unreadable(&mut self, error: &ReadError, source: &str) {
        self.stats.unreadable();
        if self.options.records_cases {
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
        self.printed.stderr.extend_from_slice(self.options.output.error_text(&whole).as_bytes());
        self.printed.stderr.push(b'\n');
    }

    /// Verifies a request.
    ///
    /// # Errors
    /// A provider or its secrets cannot be read.
    pub fn verify_one(&mut self, captured: &CaptureEntry, source: &str) -> Result {
        let at = self.options.at.or(captured.capture.received_at).unwrap_or_else(|| self.options.clock.now());
        let (verdict, notes) = self.verifier.verify_captured(captured, at.as_second())?;
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
            remedy::remedy_for(&verdict, &captured.capture.body, &self.options.secret_source)
        };
        if self.options.records_cases {
            let case = verdict_case(&self.renderer.required, &verdict, &notes, source, fix.as_deref());
            self.cases.push(case);
        }
        let view = VerdictView { verdict: &verdict, notes: &notes, source, remedy: fix.as_deref() };
        if self.options.output.json {
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

    /// Adds the notes on a weak scheme, once for each provider.
    fn warn_weak_scheme(&mut self, verdict: &Verdict) {
        let Some(provider) = verdict.provider.as_ref().filter(|provider| !self.warned.contains(&provider.name)) else {
            return;
        };
        self.warned.push(provider.name.clone());
        self.printed.notes.extend(weak_scheme_notes(provider));
    }
}
