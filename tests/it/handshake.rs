//! Handshakes that `whk listen` answers.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::harness::env::{ListenProcess, TestEnv};
use crate::harness::http::{Answer, exchange, request};

const BODY_OF_ZOOM: &str = r#"{"event":"endpoint.url_validation","event_ts":1,"payload":{"plainToken":"qgg8v"}}"#;

/// Sends a body of one's own through `whk send`, which signs it, and returns what was answered.
fn handshake(room: &TestEnv, listener: &ListenProcess, provider: &str, body: &str) -> Answer {
    let sent = room
        .whk(["send", listener.url(), "-p", provider, "--dry-run", "--format", "json", "-d", body])
        .run()
        .assert_exit(0)
        .json()
        .remove(0);
    let mut headers = String::new();
    for pair in sent["headers"].as_array().unwrap() {
        let _ = write!(headers, "{}: {}\r\n", pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
    }
    exchange(listener.address(), &request(&headers, sent["body"].as_str().unwrap().as_bytes()))
}

#[test]
fn slack_gets_its_challenge_back() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log"]);
    let body =
        r#"{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;
    let answer = handshake(&room, &listener, "slack", body);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
}

#[test]
fn zoom_gets_its_token_signed() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log"]);
    let answer = handshake(&room, &listener, "zoom", BODY_OF_ZOOM);
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    let secret = room.whk(["secret", "show", "-p", "zoom"]).run().assert_exit(0).stdout().trim_end().to_owned();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(b"qgg8v");
    let expected = whk::signing::Encoding::Hex.encode(&mac.finalize().into_bytes());
    assert_eq!(answer, serde_json::json!({"plainToken": "qgg8v", "encryptedToken": expected}));
}

#[test]
fn discord_gets_its_ping_back_and_a_bad_signature_401() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log"]);
    let answer = handshake(&room, &listener, "discord", r#"{"type":1}"#);
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"type":1}"#));
    assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    let bad = format!("x-signature-ed25519: {}\r\nx-signature-timestamp: 1\r\n", "00".repeat(64));
    assert_eq!(exchange(listener.address(), &request(&bad, br#"{"type":1}"#)).status, 401);
}

#[test]
fn a_signed_handshake_with_a_wrong_signature_is_not_answered() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log"]);
    let bad = format!("x-zm-signature: v0={}\r\nx-zm-request-timestamp: 1\r\n", "00".repeat(32));
    let answer = exchange(listener.address(), &request(&bad, BODY_OF_ZOOM.as_bytes()));
    assert!(answer.status >= 400 && !answer.body.contains("encryptedToken"), "{answer:?}");
}

#[test]
fn a_get_handshake_is_answered_without_a_signature() {
    let room = TestEnv::new();
    let listener = room.listen(["--json", "--no-log"]);
    let get =
        "GET /hooks?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=x HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let answer = exchange(listener.address(), get.as_bytes());
    assert_eq!((answer.status, answer.body.as_str()), (200, "1158201444"));
    let other = exchange(listener.address(), b"GET /hooks HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(other.status, 200);
    assert!(other.body.ends_with(" listens here for webhooks.\nSend them with POST, to any path.\n"), "{other:?}");
    let lines = listener.stop().json();
    assert_eq!(lines[1]["verdict"]["message"], "a verification handshake");
    assert_eq!(lines.len(), 3, "looking whether it is there is no webhook");
}
