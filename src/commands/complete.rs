//! `whk __complete WORD...`, which the completion scripts of the shells ask.

use std::ffi::OsString;

use super::custom_provider_dirs;
use crate::cli::{CompletionData, completions};
use crate::config::Config;
use crate::error::ExitStatus;
use crate::output::{ColorChoice, Output, Verbosity};
use crate::provider::Catalog;

/// Prints the candidates for the last of these words.
pub(super) fn run(words: &[OsString]) -> ExitStatus {
    let text = completions(
        words,
        CompletionData {
            catalog: || Catalog::new(custom_provider_dirs()),
            default_provider: |config| Config::read(config).ok()?.provider(),
        },
    );
    match Output::new(false, Verbosity::Quiet, ColorChoice::Never).write_stdout(text.as_bytes()) {
        Ok(()) => ExitStatus::Success,
        Err(error) => error.kind.into(),
    }
}
