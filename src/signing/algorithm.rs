//! Signature algorithms, each with a key that is prepared once.

use std::str::FromStr;

use hmac::{Hmac, Mac};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, UnparsedPublicKey,
};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use super::{Key, KeyFormat};

/// An algorithm, by its name in a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// HMAC with SHA-1 (RFC 2104). SHA-1 is broken for signatures, and still sound inside HMAC.
    HmacSha1,
    /// HMAC with SHA-256 (RFC 2104, FIPS 180-4).
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
    /// SHA-256 without a key: the secret is part of the content.
    Sha256,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA on P-256 with SHA-256, the signature as ASN.1 DER.
    EcdsaP256Sha256,
    /// No algorithm: the signature is the secret itself.
    None,
}

const ALGORITHMS: [(&str, SignatureAlgorithm); 8] = [
    ("hmac-sha1", SignatureAlgorithm::HmacSha1),
    ("hmac-sha256", SignatureAlgorithm::HmacSha256),
    ("hmac-sha384", SignatureAlgorithm::HmacSha384),
    ("hmac-sha512", SignatureAlgorithm::HmacSha512),
    ("sha256", SignatureAlgorithm::Sha256),
    ("ed25519", SignatureAlgorithm::Ed25519),
    ("ecdsa-p256-sha256", SignatureAlgorithm::EcdsaP256Sha256),
    ("none", SignatureAlgorithm::None),
];

impl SignatureAlgorithm {
    /// Returns the length of a signature in bytes, if it is fixed.
    #[must_use]
    pub fn signature_len(self) -> Option<usize> {
        match self {
            Self::HmacSha1 => Some(20),
            Self::HmacSha256 | Self::Sha256 => Some(32),
            Self::HmacSha384 => Some(48),
            Self::HmacSha512 | Self::Ed25519 => Some(64),
            Self::EcdsaP256Sha256 | Self::None => None,
        }
    }

    /// Returns the name in a scheme.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALGORITHMS.iter().find(|(_, algorithm)| *algorithm == self).map_or("", |(name, _)| name)
    }

    /// True if a secret of this format gives a key of the algorithm.
    #[must_use]
    pub fn supports_format(self, format: KeyFormat) -> bool {
        match format {
            KeyFormat::Text | KeyFormat::Base64 | KeyFormat::Hex | KeyFormat::Whsec => {
                !matches!(self, Self::Ed25519 | Self::EcdsaP256Sha256)
            }
            KeyFormat::Whsk | KeyFormat::Whpk | KeyFormat::Ed25519Hex => self == Self::Ed25519,
            KeyFormat::Spki | KeyFormat::Pkcs8 => self == Self::EcdsaP256Sha256,
        }
    }

    /// Prepares a key for signing and verifying; `None` if it is not a key of the algorithm.
    pub(crate) fn prepare_key(self, key: &Key) -> Option<PreparedKey> {
        Some(match (self, key) {
            (Self::HmacSha1, Key::Shared(bytes)) => PreparedKey::HmacSha1(keyed(bytes)),
            (Self::HmacSha256, Key::Shared(bytes)) => PreparedKey::HmacSha256(keyed(bytes)),
            (Self::HmacSha384, Key::Shared(bytes)) => PreparedKey::HmacSha384(keyed(bytes)),
            (Self::HmacSha512, Key::Shared(bytes)) => PreparedKey::HmacSha512(keyed(bytes)),
            (Self::Sha256, Key::Shared(_)) => PreparedKey::Sha256,
            (Self::None, Key::Shared(bytes)) => PreparedKey::Constant(bytes.clone()),
            (Self::Ed25519, Key::Ed25519 { seed, public }) => {
                PreparedKey::Ed25519 { seed: *seed, public: UnparsedPublicKey::new(&ED25519, public.to_vec()) }
            }
            (Self::EcdsaP256Sha256, Key::P256 { private, public }) => PreparedKey::P256 {
                private: private.clone(),
                public: UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public.clone()),
            },
            _ => return None,
        })
    }
}

impl FromStr for SignatureAlgorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        super::parse_name(text, "digest", &ALGORITHMS)
    }
}

/// A prepared key: a million messages pay for its set-up once.
#[derive(Clone)]
pub(crate) enum PreparedKey {
    HmacSha1(Hmac<Sha1>),
    HmacSha256(Hmac<Sha256>),
    HmacSha384(Hmac<Sha384>),
    HmacSha512(Hmac<Sha512>),
    Sha256,
    Ed25519 { seed: Option<[u8; 32]>, public: UnparsedPublicKey<Vec<u8>> },
    P256 { private: Option<Vec<u8>>, public: UnparsedPublicKey<Vec<u8>> },
    Constant(Vec<u8>),
}

impl PreparedKey {
    /// Signs the segments in order; `None` if only the public key is present.
    pub(crate) fn sign(&self, segments: &[&[u8]]) -> Option<Vec<u8>> {
        Some(match self {
            Self::HmacSha1(state) => absorb(state, segments).finalize().into_bytes().to_vec(),
            Self::HmacSha256(state) => absorb(state, segments).finalize().into_bytes().to_vec(),
            Self::HmacSha384(state) => absorb(state, segments).finalize().into_bytes().to_vec(),
            Self::HmacSha512(state) => absorb(state, segments).finalize().into_bytes().to_vec(),
            Self::Sha256 => hash(segments),
            Self::Ed25519 { seed, .. } => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()?).expect("any 32 bytes are a seed");
                pair.sign(&segments.concat()).as_ref().to_vec()
            }
            Self::P256 { private, .. } => {
                let random = SystemRandom::new();
                let private = private.as_ref()?;
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, private, &random)
                    .expect("it was read as one before");
                pair.sign(&random, &segments.concat()).expect("the system has a random source").as_ref().to_vec()
            }
            Self::Constant(secret) => secret.clone(),
        })
    }

    /// Returns the first of `signatures` that is right for the segments; those are hashed once if there is a shared key.
    pub(crate) fn find<'s>(
        &self,
        segments: &[&[u8]],
        mut signatures: impl Iterator<Item = (usize, &'s [u8])>,
    ) -> Option<usize> {
        let found = match self {
            Self::Ed25519 { .. } | Self::P256 { .. } => {
                let message = [&segments.concat()[..]];
                signatures.find(|(_, signature)| self.verify(&message, signature))
            }
            _ => {
                let own = self.sign(segments)?;
                signatures.find(|(_, signature)| own.ct_eq(signature).into())
            }
        };
        found.map(|(at, _)| at)
    }

    /// Verifies a signature over the segments, in constant time if there is anything to compare.
    pub(crate) fn verify(&self, segments: &[&[u8]], signature: &[u8]) -> bool {
        match self {
            Self::HmacSha1(state) => absorb(state, segments).verify_slice(signature).is_ok(),
            Self::HmacSha256(state) => absorb(state, segments).verify_slice(signature).is_ok(),
            Self::HmacSha384(state) => absorb(state, segments).verify_slice(signature).is_ok(),
            Self::HmacSha512(state) => absorb(state, segments).verify_slice(signature).is_ok(),
            Self::Sha256 => hash(segments).ct_eq(signature).into(),
            Self::Ed25519 { public, .. } | Self::P256 { public, .. } => {
                public.verify(&segments.concat(), signature).is_ok()
            }
            Self::Constant(secret) => secret.ct_eq(signature).into(),
        }
    }
}

fn keyed<M: Mac + hmac::KeyInit>(key: &[u8]) -> M {
    <M as hmac::KeyInit>::new_from_slice(key).expect("an HMAC key may have any length")
}

fn absorb<M: Mac + Clone>(state: &M, segments: &[&[u8]]) -> M {
    let mut mac = state.clone();
    for segment in segments {
        mac.update(segment);
    }
    mac
}

fn hash(segments: &[&[u8]]) -> Vec<u8> {
    segments.iter().fold(Sha256::new(), sha2::Digest::chain_update).finalize().to_vec()
}
