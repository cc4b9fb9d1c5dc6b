//! One published-by-us vector for each email provider, and what must not verify: `AhaSend` (A), `AutoSend` (B), `SelfMX`
//! (C) and `AISend` (D). The signatures were made with Python's `hmac`.

use sha2::{Digest as _, Sha256};
use whk::provider::BodyFormat;
use whk::signing::{
    Encoding, FailureCause, Header, Keyring, Request, Scheme, Secret, SignInput, Tolerance, VerificationFailure, sign,
    to_standard_webhooks, verify,
};

use crate::harness::provider::provider;

struct Vector {
    provider: &'static str,
    secret: &'static str,
    body: &'static str,
    /// The body's bytes and their SHA-256, where it is known.
    length: usize,
    sha256: Option<&'static str>,
    header: &'static str,
    signature: &'static str,
}

const AT: i64 = 1_772_439_333;
const AHASEND_ID: &str = "wh_0123456789abcdef";

const A: Vector = Vector {
    provider: "ahasend",
    secret: "aha-whsec-EXAMPLEexample0123456789EXAMPLEexample0123456789EXAMPLEexample0123",
    body: r#"{"type":"message.delivered","timestamp":"2026-03-02T08:15:33Z","webhook_id":"5f0c1d52-7a0e-4c7b-9a55-0f2d6c1b8e11","data":{"account_id":"0b7f4c1e-93d4-4d0a-8a41-6d2f1c55e0aa","event":"on_delivered","from":"billing@shop.example.com","recipient":"dana@example.com","subject":"Größe \u0026 Preis","message_id_header":"\u003c9c1f2a7e@shop.example.com\u003e","is_bot":false,"id":"7d3b1f0e5a6c4b2d8e9f00112233aabb"}}"#,
    length: 412,
    sha256: Some("42fe5e34fd4aba927e5f15c3c627d78b6bdda9b90126d7ffd58944a38736530a"),
    header: "webhook-signature",
    signature: "v1,dvgptvd8NN6kC2A48slN9okExqSVAZxF1yNWJnmHOB4=",
};

const B: Vector = Vector {
    provider: "autosend",
    secret: "whsec_0123456789abcdef0123456789abcdef",
    body: r#"{"event":"email.opened","timestamp":"2026-03-02T09:01:12.000Z","data":{"emailId":"65e2d0a1b2c3d4e5f6a7b801","subject":"Grüße – 50% off"}}"#,
    length: 141,
    sha256: Some("4a49057d547fecaef7ff1e7c2908efde07b01f7a92bc3aaff155823b05cfd433"),
    header: "x-webhook-signature",
    signature: "917e218799edf4cc145d1b3374887e4bcb2dc0bce8ec0730fa0f84d92bf7f6d4",
};

const C: Vector = Vector {
    provider: "selfmx",
    secret: "your-webhook-secret",
    body: r#"{"id":"evt_q7w8eb","type":"delivered","created_at":"2026-03-02T08:15:33Z","data":{"email_id":"msg_k2m4p6","from":"billing@shop.example.com","to":"dana@example.com","subject":"Hello","delivered_at":"2026-03-02T08:15:33Z"}}"#,
    length: 221,
    sha256: None,
    header: "x-webhook-signature",
    signature: "sha256=627e9ab5982c1c05bfbda774679565f1b87728a5ff9927fa1a0d6b0f79f8bf9e",
};

const D: Vector = Vector {
    provider: "aisend",
    secret: "whsec_00112233445566778899aabbccddeeff",
    body: r#"{"id":"evt_0123456789abcdef0123456a","type":"delivered","timestamp":"2026-03-02T08:15:33.000Z","data":{"email_id":"3c6f7a8e-2b41-4f0d-9a77-1de2c3b4a5f6"}}"#,
    length: 154,
    sha256: None,
    header: "x-webhook-signature",
    signature: "50b3748f8844a7fab21a1073fe6ec725026755e6e4b24a86f166b94acdaad97c",
};

const STOCK: &str =
    "whsec_YWhhLXdoc2VjLUVYQU1QTEVleGFtcGxlMDEyMzQ1Njc4OUVYQU1QTEVleGFtcGxlMDEyMzQ1Njc4OUVYQU1QTEVleGFtcGxlMDEyMw==";

fn scheme(name: &str) -> Scheme {
    provider(name).scheme
}

impl Vector {
    /// The headers that signing this body gives with another secret, or its own.
    fn signed(&self, secret: &str) -> Vec<(String, String)> {
        let scheme = scheme(self.provider);
        let keyring = Keyring::new(&scheme, &[Secret::new(secret)]).unwrap();
        let what = SignInput {
            id: AHASEND_ID,
            at: AT * 1000,
            method: "POST",
            body: self.body.as_bytes(),
            url: "/",
            headers: &[],
        };
        sign(&scheme, &keyring, &what).unwrap().headers
    }

    /// The verdict on a body with a signature, of `provider` and with `secret`, at a time.
    fn judged(
        &self,
        provider: &str,
        secret: &str,
        body: &[u8],
        signature: &str,
        now: i64,
    ) -> (Result<(), VerificationFailure>, Vec<String>) {
        let scheme = scheme(provider);
        let keyring = Keyring::new(&scheme, &[Secret::new(secret)]).unwrap();
        let at = AT.to_string();
        let mut headers = vec![Header { name: self.header, value: signature.as_bytes() }];
        if self.header == "webhook-signature" {
            headers.push(Header { name: "webhook-id", value: AHASEND_ID.as_bytes() });
            headers.push(Header { name: "webhook-timestamp", value: at.as_bytes() });
        }
        let request = Request { method: "POST", url: "/", headers: &headers, body };
        let verification = verify(&scheme, &keyring, &request, now, Tolerance::Scheme);
        (verification.outcome.map(drop), verification.ignored_entries)
    }

    fn cause(&self, secret: &str, body: &[u8], signature: &str, now: i64) -> Option<FailureCause> {
        self.judged(self.provider, secret, body, signature, now).0.err().map(|failure| failure.cause)
    }
}

#[test]
fn every_vector_is_reproduced_and_verifies() {
    for vector in [A, B, C, D] {
        let name = vector.provider;
        assert_eq!(vector.body.len(), vector.length, "{name}");
        if let Some(expected) = vector.sha256 {
            assert_eq!(Encoding::Hex.encode(&Sha256::digest(vector.body)), expected, "{name}");
        }
        let headers = vector.signed(vector.secret);
        let (_, signature) = headers.iter().find(|(header, _)| header == vector.header).unwrap();
        assert_eq!(signature, vector.signature, "{name}");
        assert_eq!(vector.cause(vector.secret, vector.body.as_bytes(), vector.signature, AT), None, "{name}");
    }
}

#[test]
fn the_stock_form_of_the_ahasend_secret_is_the_same_key_to_a_stock_library() {
    assert_eq!(to_standard_webhooks(A.secret.as_bytes()), STOCK);
    for provider in ["ahasend", "standard"] {
        let (outcome, _) = A.judged(provider, STOCK, A.body.as_bytes(), A.signature, AT);
        assert_eq!(outcome, Ok(()), "{provider}");
    }
}

#[test]
fn a_body_that_javascript_wrote_again_is_another_one() {
    let value: serde_json::Value = serde_json::from_str(A.body).unwrap();
    let again = BodyFormat::Javascript.write(&value);
    // Three escapes of six bytes become one byte each, and nothing else changes.
    assert_eq!(again.len(), A.length - 3 * 5);
    assert_eq!(A.cause(A.secret, &again, A.signature, AT), Some(FailureCause::SecretMismatch));
    assert_eq!(BodyFormat::Go.write(&value), A.body.as_bytes());
    for vector in [B, C, D] {
        assert_eq!(
            BodyFormat::Javascript.is_stable_when_reserialized(vector.body.as_bytes()),
            Some(true),
            "{}",
            vector.provider
        );
    }
}

#[test]
fn a_key_that_was_read_in_another_way_does_not_verify() {
    use base64::Engine as _;
    use base64::alphabet;
    use base64::engine::DecodePaddingMode;
    use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

    let stripped = A.secret.strip_prefix("aha-whsec-").unwrap();
    assert_eq!(A.cause(stripped, A.body.as_bytes(), A.signature, AT), Some(FailureCause::SecretMismatch));
    // As a lenient decoder reads it: what is not of the alphabet is dropped.
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let key = GeneralPurpose::new(&alphabet::STANDARD, config).decode(A.secret.replace('-', "")).unwrap();
    assert_eq!(
        A.cause(&to_standard_webhooks(&key), A.body.as_bytes(), A.signature, AT),
        Some(FailureCause::SecretMismatch)
    );
    for vector in [B, D] {
        let bare = vector.secret.strip_prefix("whsec_").unwrap();
        assert_eq!(
            vector.cause(bare, vector.body.as_bytes(), vector.signature, AT),
            Some(FailureCause::SecretMismatch)
        );
    }
}

#[test]
fn a_second_past_the_tolerance_is_too_late() {
    for (now, expected) in [
        (AT + 300, None),
        (AT + 301, Some(FailureCause::TimestampTooOld)),
        (AT - 301, Some(FailureCause::TimestampTooNew)),
    ] {
        assert_eq!(A.cause(A.secret, A.body.as_bytes(), A.signature, now), expected, "{}", now - AT);
    }
    // The others do not sign a time, and a request without one has no age.
    for vector in [B, C, D] {
        assert_eq!(vector.cause(vector.secret, vector.body.as_bytes(), vector.signature, AT * 2), None);
    }
}

#[test]
fn the_time_that_autosend_does_not_sign_is_heeded_where_it_is_sent() {
    let scheme = scheme("autosend");
    let keyring = Keyring::new(&scheme, &[Secret::new(B.secret)]).unwrap();
    for (milliseconds, expected) in [
        (AT * 1000, None),
        ((AT - 300) * 1000, None),
        ((AT - 301) * 1000, Some(FailureCause::TimestampTooOld)),
        ((AT + 60) * 1000, None),
        ((AT + 61) * 1000, Some(FailureCause::TimestampTooNew)),
    ] {
        let at = milliseconds.to_string();
        let headers = [
            Header { name: "X-Webhook-Timestamp", value: at.as_bytes() },
            Header { name: "X-Webhook-Signature", value: B.signature.as_bytes() },
        ];
        let request = Request { method: "POST", url: "/", headers: &headers, body: B.body.as_bytes() };
        let outcome = verify(&scheme, &keyring, &request, AT, Tolerance::Scheme).outcome;
        assert_eq!(outcome.err().map(|failure| failure.cause), expected, "{at}");
    }
}

#[test]
fn a_signature_among_versions_that_nobody_knows_is_found() {
    let list = format!("v1a,xxx {}", A.signature);
    let (outcome, passed_over) = A.judged("ahasend", A.secret, A.body.as_bytes(), &list, AT);
    assert_eq!(outcome, Ok(()));
    assert_eq!(passed_over, ["v1a,xxx"]);
}

#[test]
fn hex_in_upper_case_is_refused_and_the_case_is_named() {
    for vector in [B, C, D] {
        let hex = vector.signature.trim_start_matches("sha256=");
        let upper = vector.signature.replace(hex, &hex.to_uppercase());
        assert_ne!(upper, vector.signature);
        let (outcome, _) = vector.judged(vector.provider, vector.secret, vector.body.as_bytes(), &upper, AT);
        let failure = outcome.unwrap_err();
        assert_eq!(failure.cause, FailureCause::MalformedHeader, "{}", vector.provider);
        assert!(failure.message.contains("lower-case hex"), "{}", failure.message);
    }
}

#[test]
fn a_prefix_that_is_missing_or_too_much_is_refused() {
    let bare = C.signature.trim_start_matches("sha256=");
    let failure = C.judged("selfmx", C.secret, C.body.as_bytes(), bare, AT).0.unwrap_err();
    assert_eq!(failure.cause, FailureCause::MalformedHeader);
    assert!(failure.message.contains("`sha256=…`"), "{}", failure.message);
    let prefixed = format!("sha256={}", B.signature);
    assert_eq!(B.cause(B.secret, B.body.as_bytes(), &prefixed, AT), Some(FailureCause::MalformedHeader));
}
