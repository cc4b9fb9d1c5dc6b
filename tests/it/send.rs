//! `whk send`: which events leave, how they can be changed, and what is refused before anything leaves.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::env::{Output, TestEnv};
use crate::harness::handler::{Received, TestHandler};
use crate::harness::http::{AHASEND, FIXED_SEND, NOW, STANDARD, signed};

/// The id that the seed gives to the first event.
const ID: &str = "msg_zXypXgXhWmbuoCGLzxQiqkDEVP9";

/// Sends to a handler that accepts, and gives what it received.
#[track_caller]
fn received(more: &[&str]) -> Received {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    room.send_fixed(&handler.url(), more).assert_exit(0);
    handler.only()
}

#[track_caller]
fn body(more: &[&str]) -> Value {
    serde_json::from_slice(&received(more).body).unwrap()
}

/// Sends what cannot be sent, and gives the run; a handler stands by to notice a request.
#[track_caller]
fn refused(more: &[&str]) -> Output {
    let (room, handler) = (TestEnv::new(), TestHandler::never_called());
    room.send_fixed(&handler.url(), more)
}

#[track_caller]
fn assert_signed(received: &Received, id: &str, at: i64) {
    let expected = signed(STANDARD, id, at, &received.body);
    let sent = |name: &str| format!("{name}: {}\r\n", received.header(name).join(" and "));
    let sent: String = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(sent).concat();
    assert_eq!(sent, expected);
}

fn types(handler: &TestHandler) -> String {
    let of = |received: &Received| serde_json::from_slice::<Value>(&received.body).unwrap()["type"].clone();
    handler.received().iter().map(|received| of(received).as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_event_arrives_signed_as_the_specification_says() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    room.send_fixed(&handler.url(), &["--type", "user.created"]).redact_durations().assert_snapshot(
        "
exit 0
stdout:
✓ 200  user.created  msg_zXypXgXhWmbuoCGLzxQiqkDEVP9  [T] ms
",
    );
    let received = handler.only();
    assert_signed(&received, ID, NOW);
    let address = handler.url().replace("http://", "").replace("/hooks", "");
    let length = received.body.len().to_string();
    let mut lines: Vec<&str> = received.head.lines().filter(|line| !line.starts_with("webhook-")).collect();
    assert_eq!(lines.remove(0), "POST /hooks HTTP/1.1");
    lines.sort_unstable();
    let expected = [
        String::new(),
        format!("content-length: {length}"),
        "content-type: application/json".to_owned(),
        format!("host: {address}"),
        "user-agent: Standard-Webhooks/1.0".to_owned(),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn types_are_sent_in_the_order_asked_for_and_patterns_in_the_catalogues() {
    for (asked, expected) in [
        (&["--type", "webhook.ping", "--type", "user.created"][..], "webhook.ping user.created"),
        (&["--type", "user.*"], "user.created user.updated user.deleted"),
        (&["--type", "*.created", "-t", "user.?reated"], "user.created order.created user.created"),
        (&["--type", "all"], "user.created user.updated user.deleted order.created invoice.paid webhook.ping"),
    ] {
        let (room, handler) = (TestEnv::new(), TestHandler::accepting());
        room.send_fixed(&handler.url(), asked).assert_exit(0);
        assert_eq!(types(&handler), expected);
        let received = handler.received();
        let ids: BTreeSet<&str> = received.iter().map(|received| received.header("webhook-id")[0]).collect();
        assert_eq!(ids.len(), received.len(), "every event has an id of its own");
    }
}

#[test]
fn an_unknown_type_is_refused_and_the_nearest_is_suggested() {
    refused(&["--type", "user.craeted"]).assert_snapshot(
        "
exit 2
stderr:
error: standard@1.0 has no event `user.craeted`
available events: user.created, user.updated, user.deleted, order.created,
  invoice.paid, webhook.ping
hint: did you mean --type user.created?
",
    );
    refused(&["--type", "user.created", "--type", "zzz*"]).assert_snapshot(
        "
exit 2
stderr:
error: standard@1.0 has no event `zzz*`
available events: user.created, user.updated, user.deleted, order.created,
  invoice.paid, webhook.ping
hint: to send your own body: -d @body.json
",
    );
    let (room, handler) = (TestEnv::new(), TestHandler::never_called());
    room.send(&handler.url(), &["--type", "message.delivred"])
        .redact_between("the events are: ", "\n", "[EVENTS]")
        .assert_snapshot(
            "
exit 2
stderr:
error: no known provider has an event `message.delivred`
hint: did you mean --type message.delivered?
",
        );
}

#[test]
fn whose_event_it_is_is_told_from_its_type() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    room.send(&handler.url(), &["-s", AHASEND, "--type", "domain.dns_error"]).assert_exit(0);
    let received = handler.only();
    assert_eq!(received.header("user-agent"), ["AhaSend-Webhooks/1.0"]);
    let at: i64 = received.header("webhook-timestamp")[0].parse().unwrap();
    let expected = signed(AHASEND, received.header("webhook-id")[0], at, &received.body);
    assert!(expected.contains(received.header("webhook-signature")[0]), "{}", received.head);
}

#[test]
fn whose_event_it_is_must_be_said_where_several_or_none_fit() {
    let (room, handler) = (TestEnv::new(), TestHandler::never_called());
    let several = room.send(&handler.url(), &["--type", "*.created"]);
    several.redact_between("several providers have such events: ", "\n", "[PROVIDERS]").assert_snapshot(
        "
exit 2
stderr:
error: `*.created` matches events of more than one provider: ahasend, autosend, calendly, intercom, mux, paddle, square, standard, svix, vercel, woocommerce, workos
hint: choose one: -p ahasend
",
    );
    for asked in [&["--type", "all"][..], &["-d", "text"]] {
        room.send(&handler.url(), asked).redact_between("known providers are: ", "\n", "[PROVIDERS]").assert_snapshot(
            "
exit 2
stderr:
error: cannot tell which provider this is
available providers: ahasend, aisend, autosend, bitbucket, calendly, discord,
  gitea, github, gitlab, hubspot, intercom, lemonsqueezy, linear, mailgun, meta,
  mux, openai, paddle, pagerduty, razorpay, selfmx, sendgrid, sentry, shopify,
  slack, square, standard, stripe, svix, twilio, twitch, typeform, vercel,
  woocommerce, workos, zoom
hint: choose one: -p ahasend
",
        );
    }
    room.send(&handler.url(), &["-p", "standart", "--type", "all"])
        .redact_between("known are: ", "\n", "[PROVIDERS]")
        .assert_snapshot(
            "
exit 2
stderr:
error: there is no provider `standart`
available: ahasend, aisend, autosend, bitbucket, calendly, discord, gitea,
  github, gitlab, hubspot, intercom, lemonsqueezy, linear, mailgun, meta, mux,
  openai, paddle, pagerduty, razorpay, selfmx, sendgrid, sentry, shopify, slack,
  square, standard, stripe, svix, twilio, twitch, typeform, vercel, woocommerce,
  workos, zoom
hint: did you mean `-p standard`?
",
        );
    room.send(&handler.url(), &["-p", "ahasend@2026-09", "--type", "all"]).assert_snapshot(
        "
exit 2
stderr:
error: `ahasend` has no edition `2026-09`
available editions: 2024-05, 2026-08
hint: did you mean `ahasend@2026-08`?
",
    );
}

#[test]
fn an_own_body_tells_whose_it_is() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    let output = room.send(&handler.url(), &["-d", r#"{"type":"user.updated"}"#, "--json"]).assert_exit(0);
    assert_eq!(output.json()[0]["event_type"], "user.updated");
    assert_eq!(handler.only().header("user-agent"), ["Standard-Webhooks/1.0"]);
}

#[test]
fn an_edition_has_its_own_events() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    room.send(&handler.url(), &["-p", "ahasend@2026-08", "--type", "message.routing"]).assert_exit(0);
    room.send(&handler.url(), &["-p", "ahasend@2024-05", "--type", "message.routing"]).assert_exit(2);
    assert_eq!(types(&handler), "message.routing");
}

#[test]
fn set_and_unset_change_the_sample() {
    let plain = body(&["--type", "user.created"]);
    let set = ["--set", "data.email=me@example.com", "--set", "data.id:={\"a\":[1,null]}"];
    let changed = body(&[["--type", "user.created", "--unset", "data.name"].as_slice(), &set].concat());
    let mut expected = plain;
    expected["data"] = json!({"id": {"a": [1, null]}, "email": "me@example.com"});
    assert_eq!(changed, expected);
    assert_eq!(body(&["--type", "user.created", "--set", "data.name:=12.50"])["data"]["name"], json!(12.5));
    assert_eq!(body(&["--type", "user.created", "--set", "data.name=12=50"])["data"]["name"], "12=50");
    assert_eq!(body(&["--type", "order.created", "--set", "data.items[0].sku="])["data"]["items"][0]["sku"], "");
    assert_signed(&received(&["--type", "user.created", "--set", "data.name=a < b & \"c\" é\u{2028}"]), ID, NOW);
}

#[test]
fn a_path_that_does_not_exist_lists_those_that_do_and_nothing_is_sent() {
    refused(&["--type", "user.created", "--set", "data.emial=x"]).assert_snapshot(
        "
exit 2
stderr:
error: there is no `data.emial` in user.created
available fields: type, timestamp, data, data.id, data.email, data.name
hint: did you mean `data.email`?
",
    );
    refused(&["--type", "user.created", "--unset", "zzz"]).assert_snapshot(
        "
exit 2
stderr:
error: there is no `zzz` in user.created
available fields: type, timestamp, data, data.id, data.email, data.name
",
    );
    refused(&["--type", "user.created", "--set", "data.id:=oops"])
        .redact_between(" is not JSON: ", ";", "[WHY]")
        .assert_snapshot(
            "
exit 2
stderr:
error: --set: what follows `:=` is not JSON: [WHY]; for plain text use `data.id=oops`
",
        );
}

#[test]
fn a_path_that_only_some_events_have_is_said() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    let all = ["--type", "user.*", "--set", "data.email=x@y.z"];
    room.send_fixed(&handler.url(), &all).redact_durations().redact_between(" msg_", " ", "[ID]").assert_snapshot(
        "
exit 0
stdout:
✓ 200  user.created  msg_[ID]  [T] ms
✓ 200  user.updated  msg_[ID]  [T] ms
✓ 200  user.deleted  msg_[ID]  [T] ms
stderr:
note: `data.email` is not in user.deleted
3 sent, 3 delivered, 0 failed
",
    );
}

#[test]
fn an_own_body_arrives_byte_for_byte() {
    let bodies: [Vec<u8>; 8] = [
        b"plain text".to_vec(),
        Vec::new(),
        b"\0".to_vec(),
        b"{\"a\": 1}\r\n".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        vec![0xff, 0xfe, 0, 10, 13],
        "é \u{2028} 😀".into(),
        (0..1_u32 << 20).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect(),
    ];
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    for body in &bodies {
        room.write("body", body);
        room.send_fixed(&handler.url(), &["-d", "@body"]).assert_exit(0);
        let run = room.whk([["send", &handler.url(), "--data", "-"].as_slice(), &FIXED_SEND].concat());
        run.stdin(body.clone()).run().assert_exit(0);
    }
    let received = handler.received();
    assert_eq!(received.len(), 16);
    for (at, received) in received.iter().enumerate() {
        assert!(received.body == bodies[at / 2], "body {at} is another");
        assert_signed(received, ID, NOW);
    }
}

#[test]
fn an_own_body_may_be_text() {
    for text in ["{\"a\":1}", "", "-1"] {
        assert_eq!(received(&["--data", text]).body, text.as_bytes());
    }
    refused(&["-d", "@missing"]).assert_snapshot(
        "
exit 2
stderr:
error: cannot read the body from missing
  caused by: no such file or directory
",
    );
    refused(&["-d", "@."]).assert_snapshot(
        "
exit 2
stderr:
error: cannot read the body from .
  caused by: is a directory
",
    );
    refused(&["-d", "x", "--type", "user.*"]).assert_snapshot(
        "
exit 2
stderr:
error: --data takes at most one --type, and no pattern
",
    );
}

#[test]
fn headers_are_added_or_replaced() {
    let more = ["-H", "X-A: 1", "-H", "x-a: 2", "-H", "Content-Type: text/plain", "-H", "x-empty:"];
    let received = received(&[["-d", "x"].as_slice(), &more].concat());
    assert_eq!((received.header("x-a"), received.header("content-type")), (vec!["1", "2"], vec!["text/plain"]));
    assert!(received.head.contains("x-empty: \r\n"), "{}", received.head);
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    room.send_fixed(&handler.url(), &["-d", "x", "-H", "Webhook-Id: mine"]).redact_durations().assert_snapshot(
        "
exit 0
stdout:
✓ 200  msg_zXypXgXhWmbuoCGLzxQiqkDEVP9  [T] ms
stderr:
note: -H replaces `webhook-id`, which belongs to the signature
",
    );
    assert_eq!(handler.only().header("webhook-id"), ["mine"]);
    refused(&["-d", "x", "-H", "no colon"]).assert_snapshot(
        "
exit 2
stderr:
error: --header: `no colon` is not a header, expected `Name: value`
",
    );
}

#[test]
fn the_id_is_the_flags_unless_it_cannot_be_signed_or_sent() {
    assert_signed(&received(&["--type", "user.created", "--id", "evt_1"]), "evt_1", NOW);
    refused(&["--type", "user.created", "--id", "a.b"]).assert_snapshot(
        "
exit 2
stderr:
error: cannot sign
  caused by: the id `a.b` must not contain `.`
",
    );
    for (id, why) in [
        ("", "it is empty"),
        (" a", "the white space around it would be lost on the way"),
        ("a\u{1b}\nb", "it has a control character"),
    ] {
        let output = refused(&["--type", "user.created", "--id", id]).assert_exit(2);
        assert!(!output.stderr().contains('\u{1b}'), "{output}");
        assert!(output.stderr().ends_with(&format!("  caused by: {why}\n")), "{output}");
    }
}

#[test]
fn the_signed_time_is_the_flags() {
    for (time, expected) in [
        ("now", NOW),
        ("-10m", NOW - 600),
        ("+6m", NOW + 360),
        ("1700000000", 1_700_000_000),
        ("2026-03-02T09:15:33+01:00", NOW),
    ] {
        assert_signed(&received(&["--type", "user.created", "--timestamp", time]), ID, expected);
    }
    refused(&["--type", "user.created", "--timestamp", "yesterday"]).assert_snapshot(
        "
exit 2
stderr:
error: --timestamp: `yesterday` is not a time, expected RFC 3339, unix seconds, `now`, `-10m` or `+6m`
",
    );
}

#[test]
fn a_count_sends_each_event_that_often_with_ids_of_their_own() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    let output = room
        .send_fixed(&handler.url(), &["--type", "user.created", "--type", "webhook.ping", "-c", "3"])
        .assert_exit(0);
    assert!(output.stderr().ends_with("6 sent, 6 delivered, 0 failed\n"), "{output}");
    let received = handler.received();
    let ids: BTreeSet<&str> = received.iter().map(|received| received.header("webhook-id")[0]).collect();
    assert_eq!((received.len(), ids.len()), (6, 6));
    assert_eq!(types(&handler).matches("webhook.ping").count(), 3);
    refused(&["--type", "user.created", "-c", "0"]).assert_exit(2);
}

#[test]
fn json_lines_have_exactly_the_promised_fields() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    let output =
        room.send_fixed(&handler.url(), &["--type", "user.created", "--type", "webhook.ping", "--json"]).assert_exit(0);
    let lines = output.json();
    let keys = |line: &Value| line.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let attempt = "kind event_type event_id attempt url at status error duration_ms wait_s";
    let delivery = "kind event_type event_id outcome attempts";
    let summary = "kind sent delivered failed attempts held_back p50_ms p95_ms p99_ms max_ms per_second";
    let found: Vec<String> = lines.iter().map(keys).collect();
    assert_eq!(found, [attempt, delivery, attempt, delivery, summary]);
    let mut first = lines[0].clone();
    assert!(first["duration_ms"].take().as_f64().unwrap() > 0.0);
    let expected = json!({
        "kind": "attempt", "event_type": "user.created", "event_id": ID, "attempt": 1, "url": handler.url(),
        "at": "2026-03-02T08:15:33.000000Z", "status": 200, "error": null, "duration_ms": null,
        "wait_s": 0.0,
    });
    assert_eq!(first, expected);
    let expected = json!({
        "kind": "delivery", "event_type": "user.created", "event_id": ID, "outcome": "delivered", "attempts": 1,
    });
    assert_eq!(lines[1], expected);
    assert_eq!((&lines[4]["sent"], &lines[4]["delivered"], &lines[4]["failed"]), (&json!(2), &json!(2), &json!(0)));
    assert_eq!(output.stderr(), "2 sent, 2 delivered, 0 failed\n");
}
