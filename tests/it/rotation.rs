//! Several secrets at once: on sending, on checking, and the alias headers.

use serde_json::Value;

use crate::harness::env::TestEnv;

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn request(room: &TestEnv, secrets: &[&str]) -> Value {
    let mut arguments = vec!["send", "-p", "standard", "--type", "user.created", "--dry-run", "--format", "json"];
    for secret in secrets {
        arguments.extend(["-s", secret]);
    }
    room.whk(arguments).run().assert_exit(0).json().remove(0)
}

fn header(request: &Value, name: &str) -> String {
    let headers = request["headers"].as_array().unwrap();
    headers.iter().find(|pair| pair[0] == name).unwrap()[1].as_str().unwrap().to_owned()
}

#[test]
fn several_secrets_give_several_signatures_in_one_header() {
    let room = TestEnv::new();
    let both = request(&room, &[OLD, NEW]);
    let signatures = header(&both, "webhook-signature");
    assert_eq!(signatures.split(' ').count(), 2, "{signatures}");
    for (secrets, expected) in [([OLD], "1"), ([NEW], "1")] {
        let line = both.to_string();
        let arguments = ["verify", "-", "-p", "standard", "-s", secrets[0], "--json"];
        let verdict = room.whk(arguments).stdin(line).run().assert_exit(0).json().remove(0);
        assert_eq!(verdict["evidence"]["secret"].to_string(), expected);
    }
}

#[test]
fn the_secret_that_matched_is_named() {
    let room = TestEnv::new();
    let signed = request(&room, &[NEW]).to_string();
    let checked =
        room.whk(["verify", "-", "-p", "standard", "-s", OLD, "-s", NEW]).stdin(signed.clone()).run().assert_exit(0);
    assert!(checked.stdout().contains("made with secret 2 of 2"), "{checked}");
    let line = room
        .whk(["verify", "-", "-p", "standard", "-s", OLD, "-s", NEW, "--json"])
        .stdin(signed.clone())
        .run()
        .assert_exit(0)
        .json()
        .remove(0);
    assert_eq!(line["evidence"]["secret"], 2);
    let refused = room.whk(["verify", "-", "-p", "standard", "-s", OLD, "-s", OLD]).stdin(signed).run().assert_exit(1);
    assert!(refused.stdout().contains("none of the 2 secrets fits"), "{refused}");
}

#[test]
fn a_shared_secret_and_a_key_pair_may_stand_side_by_side() {
    let room = TestEnv::new();
    let pair =
        room.whk(["secret", "new", "-p", "standard", "--pair"]).run().assert_exit(0).stdout().trim_end().to_owned();
    let public = room
        .whk(["secret", "show", "-p", "standard", "-s", &pair, "--for", "public-key"])
        .run()
        .assert_exit(0)
        .stdout()
        .trim_end()
        .to_owned();
    assert!(public.starts_with("whpk_") && pair.starts_with("whsk_"));
    let both = request(&room, &[OLD, &pair]);
    let signatures = header(&both, "webhook-signature");
    assert!(signatures.starts_with("v1,") && signatures.contains(" v1a,"), "{signatures}");
    for secret in [OLD, public.as_str(), pair.as_str()] {
        room.whk(["verify", "-", "-p", "standard", "-s", secret]).stdin(both.to_string()).run().assert_exit(0);
    }
    let arguments = ["send", "-p", "standard", "--type", "user.created", "--dry-run", "-s", &public];
    let refused = room.whk(arguments).run().assert_exit(2);
    assert!(refused.stderr().contains("the secret is a public key: it can verify but not sign"), "{refused}");
    let tampered = both.to_string().replace("user.created", "user.creatad");
    room.whk(["verify", "-", "-p", "standard", "-s", &public]).stdin(tampered).run().assert_exit(1);
}

#[test]
fn alias_headers_verify() {
    let room = TestEnv::new();
    let signed = request(&room, &[OLD]).to_string();
    let aliased = signed.replace("\"webhook-", "\"svix-");
    room.whk(["verify", "-", "-p", "standard", "-s", OLD]).stdin(aliased).run().assert_exit(0);
}
