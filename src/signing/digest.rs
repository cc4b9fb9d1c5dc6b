//! The keyed digests that schemes name, prepared once per key.

use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A digest by its name in a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// HMAC with SHA-256 (RFC 2104, FIPS 180-4).
    HmacSha256,
}

impl Digest {
    /// The length of a signature in bytes.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
        }
    }

    /// A key ready to sign and verify. The bytes may have any length but zero.
    pub(crate) fn prepare(self, key: &[u8]) -> Prepared {
        match self {
            Self::HmacSha256 => {
                Prepared::HmacSha256(Hmac::new_from_slice(key).expect("an HMAC key may have any length"))
            }
        }
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "hmac-sha256" => Ok(Self::HmacSha256),
            _ => Err(format!("unknown digest `{text}`, expected `hmac-sha256`")),
        }
    }
}

/// A key whose set-up is done, so that a million messages pay for it once.
#[derive(Clone)]
pub(crate) enum Prepared {
    HmacSha256(Hmac<Sha256>),
}

impl Prepared {
    /// The signature over the pieces in order.
    pub(crate) fn sign(&self, pieces: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::HmacSha256(state) => absorb(state, pieces).finalize().into_bytes().to_vec(),
        }
    }

    /// Whether `signature` is the one over the pieces, in constant time.
    pub(crate) fn accepts(&self, pieces: &[&[u8]], signature: &[u8]) -> bool {
        match self {
            Self::HmacSha256(state) => absorb(state, pieces).verify_slice(signature).is_ok(),
        }
    }
}

fn absorb(state: &Hmac<Sha256>, pieces: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = state.clone();
    for piece in pieces {
        mac.update(piece);
    }
    mac
}
