//! The check of a provider's file: every event is rendered, signed and verified.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Provider;
use super::catalog::Catalog;
use super::signing::with_parameters;
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::signing::{Header, Keyring, Request, SignInput, Tolerance, verify};
use crate::strict_toml::line_containing;

/// A provider's file that was checked.
#[derive(Debug)]
pub struct CheckedManifest {
    /// The provider, in its default edition.
    pub provider: Provider,
    /// The file.
    pub file: PathBuf,
}

/// Checks a provider's file, or the one in a folder, in each of its editions.
///
/// # Errors
/// The file cannot be read or is wrong, or an event cannot be signed and verified; with the line, if known.
pub fn check_manifest(path: &Path, rng: impl Fn() -> Rng, now: Timestamp) -> Result<CheckedManifest> {
    let provider = Catalog::read(path, None)?;
    let file = if path.is_dir() { path.join("provider.toml") } else { path.to_owned() };
    let text = fs::read_to_string(&file)
        .map_err(|error| Error::new(format!("cannot read {}", file.display())).cause(error))?;
    for (edition, _) in &provider.editions {
        check_edition(&Catalog::read(path, Some(edition))?, &file, &text, &rng, now)?;
    }
    Ok(CheckedManifest { provider, file })
}

/// Signs every event of an edition with a new secret and verifies it, as a sender and a receiver would. `file` and its
/// `text` are named in errors.
fn check_edition(provider: &Provider, file: &Path, text: &str, rng: &impl Fn() -> Rng, now: Timestamp) -> Result {
    let at = |part: &str| format!("{}:{}", file.display(), line_containing(text, part));
    let secret = provider.new_secret().map_err(|error| error.at(&at("make =")))?;
    let keyring = Keyring::new(&provider.scheme, &[secret])
        .map_err(|error| Error::new(format!("{}: a new secret does not fit the scheme", at("make ="))).cause(error))?;
    for event in &provider.events {
        let values = provider.values(rng(), now);
        let id = provider.new_id(&values).map_err(|error| error.at(&at("make-id")))?;
        values.set("id", id.as_str());
        let mut body = event.render(provider, &values, &[])?.body;
        let mut headers = provider.render_headers(&values).map_err(|error| error.at(&at("[headers]")))?;
        let url = "http://127.0.0.1/";
        let what = SignInput { id: &id, at: now.as_millisecond(), method: "POST", body: &body, url, headers: &headers };
        let cannot = |error: &dyn std::fmt::Display| {
            Error::new(format!("{}: `{}` cannot be signed", at("[scheme]"), event.event_type)).cause(error)
        };
        let signature = provider.sign(&keyring, &what).map_err(|error| cannot(&error.one_line()))?;
        let url = with_parameters(url, &signature.parameters);
        headers.extend(signature.headers);
        body = signature.body.unwrap_or(body);
        let borrowed: Vec<Header<'_>> =
            headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        let request = Request { method: "POST", url: &url, headers: &borrowed, body: &body };
        let verified = verify(&provider.scheme, &keyring, &request, now.as_second(), Tolerance::Scheme);
        let others = provider.scheme.additional.iter().zip(keyring.additional());
        let others =
            others.map(|(other, keyring)| verify(other, keyring, &request, now.as_second(), Tolerance::Scheme));
        for verified in [verified].into_iter().chain(others) {
            if let Err(failure) = verified.outcome {
                let what = format!("{}: `{}` is signed and does not verify", at("[scheme]"), event.event_type);
                return Err(Error::new(what).cause(failure.message));
            }
        }
    }
    for scenario in &provider.scenarios {
        if let Some(step) = scenario.steps.iter().find(|step| !provider.has_event(&step.event_type)) {
            let place = at(&format!("\"{}", step.event_type));
            return Err(Error::new(format!(
                "{place}: the scenario `{}` has no event `{}`",
                scenario.name, step.event_type
            )));
        }
    }
    Ok(())
}
