//! The verdict of `whk verify` on every case of the published verify matrix: stable, and explained.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::harness::env::TestEnv;
use crate::harness::record::RecordBuilder;

/// What is said of each case: status, cause, and the reason where there is one.
#[test]
fn every_case_of_the_verify_matrix_has_its_verdict_and_its_reason() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/standard-webhooks.json")).unwrap();
    let matrix = &vectors["verify_matrix"];
    let mut log = String::new();
    for case in matrix["cases"].as_array().unwrap() {
        let at = jiff::Timestamp::from_second(case["clock"].as_i64().unwrap()).unwrap().to_string();
        let body = BASE64.decode(case["payload_b64"].as_str().unwrap()).unwrap();
        log.push_str(&RecordBuilder::new().at(&at).field("headers", case["headers"].clone()).body(body).line());
    }
    let room = TestEnv::new();
    let secret = matrix["secret"].as_str().unwrap();
    let lines =
        room.whk(["verify", "-", "--json", "-p", "standard", "-s", secret]).stdin(log).run().assert_exit(1).json();
    let mut found = String::new();
    for (case, verdict) in matrix["cases"].as_array().unwrap().iter().zip(&lines) {
        let name = case["name"].as_str().unwrap();
        match verdict["cause"].as_str() {
            None => {
                let _ = writeln!(found, "{name}: {}", verdict["status"].as_str().unwrap());
            }
            Some(cause) => {
                let _ = writeln!(found, "{name}: {cause}: {}", verdict["message"].as_str().unwrap());
                assert!(verdict["fix"].is_string(), "{name}: {verdict}");
            }
        }
    }
    let expected = include_str!("vectors/verify-matrix.txt");
    assert!(found == expected, "tests/it/vectors/verify-matrix.txt should be:\n{found}");
}
