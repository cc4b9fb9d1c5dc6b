//! Requests with `webhook-*` and `svix-*` headers at once: those that verify decide, and a difference is a note.

use serde_json::Value;

use crate::harness::env::TestEnv;
use crate::harness::http::{NOW, NOW_TEXT, STANDARD, exchange, pairs, request, signed};
use crate::harness::record::RecordBuilder;

const BODY: &str = r#"{"type":"user.created"}"#;

/// A family of headers: its prefix, the id, the age of the timestamp, and the body that its signature is over.
type Family<'a> = (&'a str, &'a str, i64, &'a str);

const GOOD: Family<'_> = ("webhook-", "msg_1", 0, BODY);

/// A record with these families, without the headers in `without`, and with those in `with`.
fn record(families: &[Family<'_>], without: &[&str], with: &[(&str, &str)]) -> String {
    let mut record = RecordBuilder::new().at(NOW_TEXT).body(BODY);
    for (prefix, id, age, body) in families {
        let headers = signed(STANDARD, id, NOW - age, body.as_bytes());
        for (name, value) in pairs(&headers) {
            let name = name.replace("webhook-", prefix);
            if !without.contains(&name.as_str()) {
                record = record.header(&name, value);
            }
        }
    }
    with.iter().fold(record, |record, (name, value)| record.header(name, value)).line()
}

/// The verdicts under `-p standard` and `-p svix`.
#[track_caller]
fn verdicts(line: &str) -> [Value; 2] {
    let room = TestEnv::new();
    ["standard", "svix"].map(|provider| {
        let arguments = ["verify", "-", "--json", "-p", provider, "-s", STANDARD];
        let output = room.whk(arguments).stdin(line.to_owned()).run();
        let verdict = output.json().into_iter().next();
        verdict.unwrap_or_else(|| panic!("{provider}: {line} {output}"))
    })
}

#[test]
fn the_headers_that_verify_decide_and_a_difference_is_a_note() {
    let svix = |id, age, body| ("svix-", id, age, body);
    let cases: [(&str, String, &[&str]); 9] = [
        ("the same twice", record(&[GOOD, svix("msg_1", 0, BODY)], &[], &[]), &[]),
        (
            "another signature in svix-*",
            record(&[GOOD, svix("msg_1", 0, "{}")], &[], &[]),
            &["`svix-signature`", "`webhook-signature`", "differs from"],
        ),
        (
            "another signature in webhook-*",
            record(&[("webhook-", "msg_1", 0, "{}"), svix("msg_1", 0, BODY)], &[], &[]),
            &["; `svix-signature` verifies"],
        ),
        (
            "both verify, each with its own id",
            record(&[GOOD, svix("msg_2", 0, BODY)], &[], &[]),
            &["`svix-signature`", "`svix-id`", "`webhook-id`"],
        ),
        (
            "an old webhook-* and a new svix-*",
            record(&[("webhook-", "msg_1", 4000, BODY), svix("msg_1", 0, BODY)], &[], &[]),
            &["; `svix-signature` verifies"],
        ),
        (
            "a malformed webhook-*",
            record(&[GOOD, svix("msg_1", 0, BODY)], &["webhook-signature"], &[("webhook-signature", "garbage")]),
            &["; `svix-signature` verifies"],
        ),
        ("a part of svix-*", record(&[GOOD], &[], &[("svix-id", "other")]), &["`svix-id` differs from `webhook-id`"]),
        (
            "a repeated svix-*",
            record(&[GOOD, svix("msg_1", 0, BODY)], &[], &[("svix-id", "msg_1")]),
            &["`svix-id` differs from `webhook-id`"],
        ),
        ("an incomplete webhook-*", record(&[GOOD, svix("msg_1", 0, BODY)], &["webhook-id"], &[]), &[]),
    ];
    for (what, line, note) in cases {
        for verdict in verdicts(&line) {
            assert_eq!(verdict["status"], "valid", "{what}: {verdict}");
            let found = verdict["evidence"]["notes"][0].as_str();
            assert_eq!(found.is_some(), !note.is_empty(), "{what}: {verdict}");
            let names = |name: &&str| found.is_some_and(|found| found.contains(*name));
            assert!(note.iter().all(names), "{what}: {verdict}");
        }
    }
}

#[test]
fn headers_that_do_not_verify_by_themselves_are_not_completed_by_others() {
    let forged: Family<'_> = ("svix-", "msg_1", 0, "{}");
    for (what, line, cause, message) in [
        (
            "the signature of one family, the id and the time of the other",
            record(&[GOOD, ("svix-", "msg_1", 0, BODY)], &["webhook-id", "webhook-timestamp", "svix-signature"], &[]),
            "missing-header",
            "`webhook-id` and `webhook-timestamp` are missing",
        ),
        (
            "a signature over the other family's id",
            record(
                &[("webhook-", "msg_2", 0, BODY), ("svix-", "msg_1", 0, BODY)],
                &["webhook-id", "svix-signature"],
                &[("webhook-id", "msg_1")],
            ),
            "secret-mismatch",
            "signature mismatch",
        ),
        (
            "a signature over the other family's time",
            record(
                &[("webhook-", "msg_1", 4000, BODY), ("svix-", "msg_1", 0, BODY)],
                &["svix-signature"],
                &[("svix-signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")],
            ),
            "timestamp-too-old",
            "66 min old",
        ),
        ("two forgeries", record(&[("webhook-", "msg_1", 0, "{}"), forged], &[], &[]), "secret-mismatch", "mismatch"),
    ] {
        let [verdict, svix] = verdicts(&line);
        assert!(svix["status"] != "valid", "{what}: {svix}");
        assert_eq!((&verdict["status"], &verdict["cause"]), (&"invalid".into(), &cause.into()), "{what}: {verdict}");
        assert!(verdict["message"].as_str().unwrap().contains(message), "{what}: {verdict}");
    }
}

#[test]
fn the_note_names_both_headers_for_people() {
    let room = TestEnv::new();
    let line = record(&[GOOD, ("svix-", "msg_1", 0, "{}")], &[], &[]);
    room.whk(["verify", "-", "-p", "standard", "-s", STANDARD]).stdin(line).run().assert_snapshot("
exit 0
stdout:
✓ valid stdin:1 standard user.created msg_1
  note: `svix-signature` differs from `webhook-signature`; `webhook-signature` verifies, but receivers differ on which one counts
");
}

#[test]
fn listen_shows_the_note_and_records_it() {
    let room = TestEnv::new();
    let ours = signed(STANDARD, "msg_1", NOW, BODY.as_bytes());
    let theirs = signed(STANDARD, "msg_1", NOW, b"{}").replace("webhook-", "svix-");
    let note = "`svix-signature` differs from `webhook-signature`; `webhook-signature` verifies, but receivers differ on \
                which one counts";
    for (headers, noted) in [(format!("{ours}{theirs}"), true), (ours.clone(), false)] {
        let listener = room.listen_without_log(&[]);
        assert_eq!(exchange(listener.address(), &request(&headers, BODY.as_bytes())).status, 200);
        let output = listener.stop().assert_exit(0);
        assert_eq!(output.stdout().contains(&format!("\n    note: {note}\n")), noted, "{output}");
        let listener = room.listen_without_log(&["--json"]);
        assert_eq!(exchange(listener.address(), &request(&headers, BODY.as_bytes())).status, 200);
        let lines = listener.stop().assert_exit(0).json();
        let record = lines.iter().find(|line| line["kind"] == "request").unwrap();
        assert_eq!(record["verdict"]["status"], "valid", "{record}");
        assert_eq!(record["verdict"]["note"].as_str(), noted.then_some(note), "{record}");
    }
}
