//! The signing core: a scheme, secrets and a request in, headers or a verdict out. No I/O, no clock.

mod challenge;
mod content;
mod diagnose;
mod digest;
mod encoding;
mod keyring;
mod pointer;
mod request;
mod scheme;
mod secret;
mod sign;
mod source;
mod strict;
mod verify;

pub use challenge::{Challenge, Solved};
pub use content::Content;
pub use diagnose::{Diagnosis, Fault, diagnose, looks_like, readings, rewritings};
pub(crate) use diagnose::{array_index, ecmascript_number};
pub use digest::Digest;
pub use encoding::Encoding;
pub use keyring::{Keyring, SecretError};
pub use request::{Header, Request};
pub use scheme::{IdRule, Item, Requirement, Scheme, SignatureRule, TimestampRule, Unit};
pub use secret::{Key, KeyFormat, Secret, ed25519_pair, p256_pair, stock_form};
pub use sign::{SignError, Signed, Signing, sign};
pub use source::Source;
pub use strict::{Library, Outcome, Refusal, refusals};
pub use verify::{Cause, Finding, Match, Tolerance, Verification, expected, verify};

/// Finds a name in a closed list, or says which names there are.
fn named<T: Copy>(text: &str, what: &str, known: &[(&str, T)]) -> Result<T, String> {
    known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("unknown {what} `{text}`, expected one of {}", names.join(", "))
    })
}
