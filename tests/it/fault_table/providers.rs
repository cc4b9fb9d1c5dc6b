//! The signing of the providers in the table, independent of their files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use whk::signing::Encoding;

/// The way in which a provider signs.
pub(super) struct Signer {
    pub(super) provider: &'static str,
    pub(super) secret: &'static str,
    /// The key that the provider makes of the secret.
    pub(super) key: &'static [u8],
    /// The signed content.
    pub(super) content: &'static str,
    /// The header of the id.
    pub(super) id: Option<&'static str>,
    /// The header of the timestamp, or `t` for the entry of the signature header.
    pub(super) timestamp: Option<&'static str>,
    /// True if the timestamp is in milliseconds.
    pub(super) milliseconds: bool,
    /// True if a time in the future is rejected.
    pub(super) rejects_future: bool,
    /// The header of the signature.
    pub(super) signature: &'static str,
    /// Its value.
    pub(super) pattern: &'static str,
    pub(super) encode: fn(&[u8]) -> String,
}

pub(super) fn hex(bytes: &[u8]) -> String {
    Encoding::Hex.encode(bytes)
}

pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

const BODY_ALONE: Signer = Signer {
    provider: "",
    secret: "",
    key: b"",
    content: "{body}",
    id: None,
    timestamp: None,
    milliseconds: false,
    rejects_future: true,
    signature: "x-webhook-signature",
    pattern: "{sig}",
    encode: hex,
};

const STANDARD_WEBHOOKS: Signer = Signer {
    content: "{id}.{timestamp}.{body}",
    id: Some("webhook-id"),
    timestamp: Some("webhook-timestamp"),
    signature: "webhook-signature",
    pattern: "v1,{sig}",
    encode: base64,
    ..BODY_ALONE
};

pub(super) const PROVIDERS: [Signer; 10] = [
    Signer {
        provider: "ahasend",
        secret: "aha-whsec-EXAMPLEexample0123456789EXAMPLE",
        key: b"aha-whsec-EXAMPLEexample0123456789EXAMPLE",
        ..STANDARD_WEBHOOKS
    },
    Signer {
        provider: "standard",
        secret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        key: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23],
        ..STANDARD_WEBHOOKS
    },
    Signer {
        provider: "svix",
        secret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        key: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23],
        id: Some("svix-id"),
        timestamp: Some("svix-timestamp"),
        signature: "svix-signature",
        ..STANDARD_WEBHOOKS
    },
    Signer {
        provider: "aisend",
        secret: "whsec_00112233445566778899aabbccddeeff",
        key: b"whsec_00112233445566778899aabbccddeeff",
        ..BODY_ALONE
    },
    Signer {
        provider: "autosend",
        secret: "whsec_0123456789abcdef0123456789abcdef",
        key: b"whsec_0123456789abcdef0123456789abcdef",
        timestamp: Some("x-webhook-timestamp"),
        milliseconds: true,
        ..BODY_ALONE
    },
    Signer {
        provider: "selfmx",
        secret: "0123456789abcdef0123456789abcdef01234567",
        key: b"0123456789abcdef0123456789abcdef01234567",
        pattern: "sha256={sig}",
        ..BODY_ALONE
    },
    Signer {
        provider: "stripe",
        secret: "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH",
        key: b"whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH",
        content: "{timestamp}.{body}",
        timestamp: Some("t"),
        rejects_future: false,
        signature: "stripe-signature",
        pattern: "t={timestamp},v1={sig}",
        ..BODY_ALONE
    },
    Signer {
        provider: "github",
        secret: "It's a Secret to Everybody",
        key: b"It's a Secret to Everybody",
        signature: "x-hub-signature-256",
        pattern: "sha256={sig}",
        ..BODY_ALONE
    },
    Signer {
        provider: "slack",
        secret: "8f742231b10e8888abcd99yyyzzz85a5",
        key: b"8f742231b10e8888abcd99yyyzzz85a5",
        content: "v0:{timestamp}:{body}",
        timestamp: Some("x-slack-request-timestamp"),
        signature: "x-slack-signature",
        pattern: "v0={sig}",
        ..BODY_ALONE
    },
    Signer {
        provider: "shopify",
        secret: "shpss_0123456789abcdef0123456789abcdef",
        key: b"shpss_0123456789abcdef0123456789abcdef",
        signature: "x-shopify-hmac-sha256",
        encode: base64,
        ..BODY_ALONE
    },
];
