//! Secrets: explicit encodings, both readings of `whsec_` with `AhaSend`, and the usual mistakes in giving one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{AHASEND, NOW, NOW_TEXT, STANDARD, request, signed};

const BODY: &[u8] = br#"{"type":"message.opened"}"#;
/// 24 bytes of text, and the same in other encodings.
const TEXT: &str = "abcdefghijklmnopqrstuvwx";
const TEXT_BASE64: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4";
const TEXT_HEX: &str = "6162636465666768696a6B6C6D6e6f707172737475767778";

/// A request signed with exactly these bytes as the key.
fn signed_with(key: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(&[format!("wh_1.{NOW}.").as_bytes(), BODY].concat());
    let signature = BASE64.encode(mac.finalize().into_bytes());
    let headers = format!("webhook-id: wh_1\r\nwebhook-timestamp: {NOW}\r\nwebhook-signature: v1,{signature}\r\n");
    request(&headers, BODY)
}

fn verify(room: &TestEnv, provider: &str, secret: &str, capture: Vec<u8>, more: &[&str]) -> Output {
    let common = ["verify", "-", "-p", provider, "-s", secret, "--now", NOW_TEXT];
    room.whk([&common, more].concat()).env("QUOTED", format!("'{AHASEND}'")).stdin(capture).run()
}

#[test]
fn an_explicit_encoding_is_the_key_with_every_provider_and_from_every_source() {
    let room = TestEnv::new();
    room.write("hex", format!("hex:{TEXT_HEX}\n"));
    room.write("whk.toml", format!("[secrets]\nstandard = \"base64:{TEXT_BASE64}\"\n"));
    for provider in ["ahasend", "standard"] {
        for secret in [format!("text:{TEXT}"), format!("base64:{TEXT_BASE64}"), format!("hex:{TEXT_HEX}")] {
            verify(&room, provider, &secret, signed_with(TEXT.as_bytes()), &[]).assert_exit(0);
            let run = room.whk(["verify", "-", "-p", provider, "-s", "env:S", "--now", NOW_TEXT]);
            run.env("S", &secret).stdin(signed_with(TEXT.as_bytes())).run().assert_exit(0);
            let run = room.whk(["verify", "-", "-p", provider, "--now", NOW_TEXT]);
            run.env("WHK_SECRET", &secret).stdin(signed_with(TEXT.as_bytes())).run().assert_exit(0);
        }
        verify(&room, provider, "file:hex", signed_with(TEXT.as_bytes()), &[]).assert_exit(0);
    }
    room.whk(["verify", "-", "-p", "standard", "--now", NOW_TEXT])
        .stdin(signed_with(TEXT.as_bytes()))
        .run()
        .assert_exit(0);
    // `send` signs with the same key, and the prefix is part of a text only behind `text:`.
    let sent = ["send", "-p", "standard", "--type", "user.created", "--dry-run", "--format", "http", "--now", NOW_TEXT];
    let sent = room.whk([&sent[..], &["-s", &format!("hex:{TEXT_HEX}")]].concat()).run().assert_exit(0);
    verify(&room, "standard", &format!("text:{TEXT}"), sent.bytes().to_vec(), &[]).assert_exit(0);
    verify(&room, "ahasend", &format!("text:{STANDARD}"), signed_with(STANDARD.as_bytes()), &[]).assert_exit(0);
    verify(&room, "ahasend", &format!("text:{STANDARD}"), signed(STANDARD, "wh_1", NOW, BODY).into(), &[])
        .assert_exit(1);
}

#[test]
fn what_does_not_have_its_explicit_encoding_is_an_error_that_does_not_show_it() {
    let room = TestEnv::new();
    for (secret, cause) in [
        ("hex:HUSH", "it is not hexadecimal"),
        ("base64:HUSH!", "it contains a character that is not base64"),
        ("text:", "it is empty, so anyone could forge a signature"),
    ] {
        verify(&room, "ahasend", secret, signed_with(b"x"), &[]).assert_snapshot(&format!(
            "exit 2\nstderr:\nerror: cannot read the secret given with -s\n  caused by: {cause}\n"
        ));
    }
    room.write("s", "hex:HUSH");
    verify(&room, "ahasend", "file:s", signed_with(b"x"), &[]).assert_snapshot(
        "
exit 2
stderr:
error: cannot read file:s
  caused by: it is not hexadecimal
",
    );
}

#[test]
fn an_ahasend_secret_with_the_standard_prefix_works_both_ways_and_verify_says_which() {
    let room = TestEnv::new();
    let decoded = BASE64.decode(&STANDARD["whsec_".len()..]).unwrap();
    verify(&room, "ahasend", STANDARD, signed_with(STANDARD.as_bytes()), &[]).assert_snapshot(
        "
exit 0
stdout:
✓ valid stdin ahasend message.opened wh_1
  note: the signature is right (the secret works as literal text, prefix included)
",
    );
    verify(&room, "ahasend", STANDARD, signed_with(&decoded), &[]).assert_snapshot(
        "
exit 0
stdout:
✓ valid stdin ahasend message.opened wh_1
  note: the signature is right (the secret works decoded from base64 after `whsec_`)
",
    );
    let line = verify(&room, "ahasend", STANDARD, signed_with(&decoded), &["--json"]).assert_exit(0).json().remove(0);
    assert_eq!(line["evidence"]["works_as"], "base64-without-prefix");
    // A secret in AhaSend's own form has one reading, and nothing is said.
    verify(&room, "ahasend", AHASEND, signed(AHASEND, "wh_1", NOW, BODY).into_bytes(), &[]).assert_exit(1);
    verify(&room, "ahasend", AHASEND, request(&signed(AHASEND, "wh_1", NOW, BODY), BODY), &[]).assert_snapshot(
        "
exit 0
stdout:
✓ valid stdin ahasend message.opened wh_1
",
    );
}

#[test]
fn listen_accepts_both_readings_and_send_says_which_one_it_uses() {
    let room = TestEnv::new();
    let listener = room.listen(["-p", "ahasend", "-s", STANDARD, "--json", "--no-log"]);
    for secret in [STANDARD.to_owned(), format!("text:{STANDARD}")] {
        let sent =
            room.send(listener.url(), &["-p", "ahasend", "-s", &secret, "--type", "message.opened"]).assert_exit(0);
        let note = "note: the secret is decoded from base64 after `whsec_`; to use it as literal text: -s text:…\n";
        assert_eq!(sent.stderr().contains(note), secret == STANDARD, "{sent}");
    }
    let messages: Vec<String> = listener.stop().json()[1..3]
        .iter()
        .map(|line| line["verdict"]["message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        messages,
        [
            "the signature is right (the secret works decoded from base64 after `whsec_`)",
            "the signature is right (the secret works as literal text, prefix included)",
        ]
    );
}

#[test]
fn quotes_and_spaces_around_a_secret_are_named_as_exactly_that() {
    let room = TestEnv::new();
    let capture = || request(&signed(AHASEND, "wh_1", NOW, BODY), BODY);
    room.write("s.txt", format!("\"{AHASEND}\""));
    verify(&room, "ahasend", "file:s.txt", capture(), &[]).assert_snapshot(
        "
exit 1
stdout:
✗ invalid stdin ahasend message.opened wh_1
  why: the secret you passed has quotes around it; it works without them
  fix: remove the quotes around file:s.txt
",
    );
    verify(&room, "ahasend", "env:QUOTED", capture(), &[]).assert_snapshot(
        "
exit 1
stdout:
✗ invalid stdin ahasend message.opened wh_1
  why: the secret you passed has quotes around it; it works without them
  fix: remove the quotes around env:QUOTED
",
    );
    verify(&room, "ahasend", &format!(" {AHASEND}"), capture(), &[]).assert_snapshot(
        "
exit 1
stdout:
✗ invalid stdin ahasend message.opened wh_1
  why: the secret you passed has white space around it; it works without it
  fix: remove the white space around the secret given with -s
",
    );
    // A form that has no place for quotes says the same before anything is checked.
    verify(&room, "standard", &format!("\"{STANDARD}\""), capture(), &[]).assert_snapshot(
        "
exit 2
stderr:
error: no secret of `standard` can be used
  caused by: the secret cannot be read: it has quotes around it: remove them
",
    );
    // Behind `text:` the quotes are part of the secret, and still the likely mistake.
    let output = verify(&room, "ahasend", &format!("text:'{AHASEND}'"), capture(), &[]).assert_exit(1);
    assert!(output.stdout().contains("has quotes around it; it works without them"), "{output}");
}

#[test]
fn the_name_of_a_variable_in_place_of_its_value_is_noticed() {
    let room = TestEnv::new();
    let run = || {
        let run = room.whk(["verify", "-", "-s", "AHASEND_SECRET", "--now", NOW_TEXT]);
        run.stdin(request(&signed(AHASEND, "wh_1", NOW, BODY), BODY))
    };
    let hint = "hint: did you mean -s env:AHASEND_SECRET? (the secret is the text `AHASEND_SECRET`, and a variable of this name is set)\n";
    assert_eq!(run().env("AHASEND_SECRET", AHASEND).run().assert_exit(1).stderr().matches(hint).count(), 1);
    assert!(!run().run().assert_exit(1).stderr().contains("did you mean"), "no such variable is set");
    let send = room.whk(["send", "-p", "ahasend", "--type", "message.opened", "--dry-run", "-s", "AHASEND_SECRET"]);
    assert!(send.env("AHASEND_SECRET", AHASEND).run().assert_exit(0).stderr().starts_with(hint));
}

#[test]
fn one_secret_has_no_number() {
    let room = TestEnv::new();
    let output = verify(&room, "standard", "HUSH HUSH", signed_with(b"x"), &[]).assert_exit(2);
    assert!(output.stderr().contains("caused by: the secret cannot be read: it contains white space"), "{output}");
    let output = verify(&room, "standard", "HUSH HUSH", signed_with(b"x"), &["-s", STANDARD]).assert_exit(2);
    assert!(output.stderr().contains("caused by: secret 1 cannot be read: it contains white space"), "{output}");
}
