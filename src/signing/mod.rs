//! The signing core: a scheme, secrets and a request in, headers or a verdict out. No I/O, no clock.

mod algorithm;
mod challenge;
mod compat;
mod content;
mod diagnosis;
mod encoding;
mod failure;
mod family;
mod keyring;
mod pointer;
mod request;
mod scheme;
mod secret;
mod sign;
mod source;
mod verify;

pub use algorithm::SignatureAlgorithm;
pub use challenge::{Challenge, ChallengeResponse};
pub use compat::{Incompatibility, LibraryOutcome, ReferenceLibrary, incompatibilities};
pub use content::SignedContent;
pub use diagnosis::{
    DiagnosedCause, Diagnosis, Difference, body_variants, detect_serializer, diagnose, secret_decodings,
};
pub(crate) use diagnosis::{array_index, ecmascript_number};
pub use encoding::Encoding;
pub use failure::{FailureCause, Fault, VerificationFailure};
pub use keyring::{Keyring, SecretError};
pub use request::{Header, Request};
pub use scheme::{IdRule, Requirement, Scheme, SignatureFormat, SignatureRule, TimestampRule, TimestampUnit};
pub use secret::{Key, KeyFormat, Secret, ed25519_pair, p256_pair, to_standard_webhooks};
pub use sign::{SignError, SignInput, SignOutput, sent_parameters, sign, sign_timestamp};
pub use source::ValueSource;
pub use verify::{SignatureMatch, Tolerance, Verification, clock_fault, expected_signature, verify, visible_faults};

/// Finds a name in a closed list; the error lists the names.
fn parse_name<T: Copy>(text: &str, what: &str, known: &[(&str, T)]) -> Result<T, String> {
    known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("unknown {what} `{text}`, expected one of {}", names.join(", "))
    })
}
