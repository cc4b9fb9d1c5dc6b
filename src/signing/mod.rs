//! The signing core: a scheme, secrets and a request in, headers or a verdict out. No I/O, no clock.

mod content;
mod digest;
mod encoding;
mod keyring;
mod request;
mod scheme;
mod secret;
mod sign;
mod source;
mod verify;

pub use content::Content;
pub use digest::Digest;
pub use encoding::Encoding;
pub use keyring::{Keyring, SecretError};
pub use request::{Header, Request};
pub use scheme::{IdRule, Item, Scheme, SignatureRule, TimestampRule, Unit};
pub use secret::{KeyFormat, Secret, stock_form};
pub use sign::{SignError, Signing, sign};
pub use source::Source;
pub use verify::{Cause, Finding, Match, Tolerance, Verification, verify};
