//! Requests without the values that others must not see, signed again if they were valid.

use super::super::CommandContext;
use super::options;
use crate::cli::{LogArgs, LogExportArgs};
use crate::error::{Error, Result};
use crate::inspect::{RecordSelector, Redaction, StoredRecord, resign};
use crate::output::{Output, plural};
use crate::secrets::SecretResolver;
use crate::signing::Keyring;
use crate::verification::{Verdict, VerdictStatus};

/// Redacts requests.
pub(super) struct Redactor {
    redaction: Redaction,
    selector: RecordSelector,
    resolver: SecretResolver,
    now: jiff::Timestamp,
    /// The paths, and which of them were in a body.
    found: Vec<bool>,
    /// True if a body is not JSON, so that a path may be right.
    failed: bool,
    /// The numbers of requests that were signed again, and that no longer verify.
    resigned: u64,
    broken: u64,
}

impl Redactor {
    /// Returns the redactor, if anything is to be redacted.
    ///
    /// # Errors
    /// A secret cannot be read.
    pub(super) fn new(context: &CommandContext, args: &LogArgs, export: &LogExportArgs) -> Result<Option<Self>> {
        let redaction = export.redaction();
        if redaction.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            found: vec![false; redaction.paths.len()],
            redaction,
            selector: options::selector(context, args)?,
            resolver: context.secret_resolver(&args.identity.identity()),
            now: context.now(),
            failed: false,
            resigned: 0,
            broken: 0,
        }))
    }

    /// Redacts a request.
    ///
    /// # Errors
    /// Its body is not JSON, and a value in it is to be redacted.
    pub(super) fn apply(&mut self, record: &mut StoredRecord) -> Result {
        let original = record.entry.clone();
        let StoredRecord { entry, verdict, .. } = record;
        let redacted = self.redaction.apply(&mut entry.capture, verdict, entry.outcome.response.as_mut());
        let redacted = redacted.map_err(|error| {
            self.failed = true;
            error.at(&format!("request {}", record.seq))
        })?;
        for path in &redacted.paths {
            self.found[*path] = true;
        }
        if redacted.is_empty() || record.verdict.status != "valid" {
            return Ok(());
        }
        let (now, _) = self.selector.verify(&record.entry)?;
        if now.status == VerdictStatus::Valid {
            return Ok(());
        }
        let (before, _) = self.selector.verify(&original)?;
        if before.status == VerdictStatus::Valid && self.resign(record, &before).is_some() {
            self.resigned += 1;
        } else if !redacted.paths.is_empty() || before.status == VerdictStatus::Valid {
            self.broken += 1;
            record.verdict = now.into();
        }
        Ok(())
    }

    /// Signs a request again with the secret that verified it; `None` if that is not possible.
    fn resign(&self, record: &mut StoredRecord, before: &Verdict) -> Option<()> {
        let provider = before.provider.as_ref()?;
        let secrets = self.resolver.find(provider).ok()??.secrets;
        let keyring = Keyring::new(&provider.scheme, &secrets).ok()?;
        let capture = &mut record.entry.capture;
        let at = capture.received_at.unwrap_or(self.now);
        let mut signed = capture.clone();
        resign(&mut signed, provider, &keyring, record.verdict.event_id.as_deref(), at).ok()?;
        let unsigned = std::mem::replace(capture, signed);
        let is_valid = self.selector.verify(&record.entry).is_ok_and(|(now, _)| now.status == VerdictStatus::Valid);
        if !is_valid {
            record.entry.capture = unsigned;
        }
        is_valid.then_some(())
    }

    /// Prints notes on the signatures. Returns an error if a path was in no body.
    ///
    /// # Errors
    /// A path was in no body: it may be mistyped, so that a secret is still there.
    pub(super) fn finish(self, output: Output) -> Result {
        if self.resigned > 0 {
            output.status(&format!("note: re-signed {}", plural(self.resigned, "request", "requests")));
        }
        if self.broken > 0 {
            let (requests, verify) =
                (plural(self.broken, "request", "requests"), if self.broken == 1 { "verifies" } else { "verify" });
            output.status(&format!("note: {requests} no longer {verify}, because no secret is known that signs again"));
        }
        let missing = self.found.iter().position(|found| !found && !self.failed);
        let missing = missing.map(|index| &self.redaction.paths[index]);
        match missing {
            Some(path) => {
                Err(Error::new(format!("`{path}` is in none of the exported bodies, so nothing was redacted there")))
            }
            None => Ok(()),
        }
    }
}
