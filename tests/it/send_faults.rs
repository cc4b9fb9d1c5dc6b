//! `whk send --fault`: a handler is expected to reject what was broken on purpose.

use serde_json::{Value, json};
use whk::provider::{Catalog, ProviderRef};

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, Received, TestHandler};
use crate::harness::http::STANDARD;

/// A handler that accepts requests with `webhook-id` and crashes without a signature; all others are rejected.
fn flawed() -> TestHandler {
    TestHandler::deciding(|request: &Received| {
        let has = |name: &str| !request.header(name).is_empty();
        match (has("webhook-id"), has("webhook-signature")) {
            (_, false) => HandlerResponse::text(500, "TypeError: undefined\n    at verify\n"),
            (false, _) => HandlerResponse::text(200, "ok"),
            _ => HandlerResponse::text(401, "Invalid signature"),
        }
    })
}

#[test]
fn a_correct_handler_rejects_every_fault() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log", "-p", "standard", "-s", STANDARD]);
    // By the real clock, which the listener reads.
    let flags = ["-p", "standard", "-s", STANDARD, "--seed", "1", "-t", "user.created", "--fault", "all"];
    room.send(listener.url(), &flags).redact_durations().assert_snapshot(
        "
exit 0
stdout:
✓ rejected  400  user.created  tampered-body        [T] ms
✓ rejected  400  user.created  wrong-secret         [T] ms
✓ rejected  400  user.created  missing-signature    [T] ms
✓ rejected  400  user.created  missing-id           [T] ms
✓ rejected  400  user.created  missing-timestamp    [T] ms
✓ rejected  400  user.created  malformed-signature  [T] ms
✓ rejected  400  user.created  expired              [T] ms
✓ rejected  400  user.created  future               [T] ms
✓ rejected  400  user.created  reserialized-body    [T] ms
✓ rejected  400  user.created  truncated-body       [T] ms
stderr:
10 sent, 10 rejected, 0 accepted
",
    );
    listener.stop().assert_exit(0);
}

#[test]
fn a_vulnerable_and_crashing_handler_is_told_apart() {
    let (room, handler) = (TestEnv::new(), flawed());
    let faults = ["--fault", "missing-id", "--fault", "missing-signature", "--fault", "expired"];
    room.send_fixed(&handler.url(), &[["-t", "user.created", "-t", "webhook.ping"].as_slice(), &faults].concat())
        .redact_durations()
        .assert_snapshot(
            "
exit 1
stdout:
✗ accepted: anyone could have sent this event  200  user.created  missing-id         [T] ms
✗ accepted: anyone could have sent this event  200  webhook.ping  missing-id         [T] ms
✗ crashed   500  user.created  missing-signature  [T] ms
    TypeError: undefined
        at verify
✗ crashed   500  webhook.ping  missing-signature  [T] ms
    TypeError: undefined
        at verify
✓ rejected  401  user.created  expired            [T] ms
✓ rejected  401  webhook.ping  expired            [T] ms
stderr:
6 sent, 2 rejected, 2 accepted, 2 crashed
",
        );
    let quiet = [["-t", "user.created", "-q"].as_slice(), &faults].concat();
    room.send_fixed(&handler.url(), &quiet).redact_durations().assert_snapshot(
        "
exit 1
stdout:
✗ accepted: anyone could have sent this event  200  user.created  missing-id         [T] ms
✗ crashed   500  user.created  missing-signature  [T] ms
    TypeError: undefined
        at verify
",
    );
}

#[test]
fn the_json_lines_carry_the_fault_and_its_outcome() {
    let (room, handler) = (TestEnv::new(), flawed());
    let faults = ["--fault", "missing-id", "--fault", "missing-signature", "--fault", "expired"];
    let output = room
        .send_fixed(&handler.url(), &[["-t", "user.created", "--json"].as_slice(), &faults].concat())
        .redact_durations();
    let lines = output.assert_exit(1).json();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let outcomes: Vec<(&Value, &Value)> =
        of("delivery").into_iter().map(|line| (&line["fault"], &line["outcome"])).collect();
    assert_eq!(
        outcomes,
        [
            (&json!("missing-id"), &json!("accepted")),
            (&json!("missing-signature"), &json!("crashed")),
            (&json!("expired"), &json!("rejected")),
        ]
    );
    let attempts: Vec<&Value> = of("attempt").into_iter().map(|line| &line["fault"]).collect();
    assert_eq!(attempts, ["missing-id", "missing-signature", "expired"]);
    let summary = of("summary")[0].as_object().unwrap();
    let counts: Vec<(&str, u64)> = ["sent", "rejected", "accepted", "crashed", "skipped"]
        .into_iter()
        .map(|name| (name, summary[name].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [("sent", 3), ("rejected", 1), ("accepted", 1), ("crashed", 1), ("skipped", 0)]);
    assert!(!summary.contains_key("delivered") && !summary.contains_key("failed"), "{summary:?}");
    let plain =
        room.send_fixed(&handler.url(), &["-t", "user.created", "--json"]).redact_durations().assert_exit(1).json();
    assert!(plain.iter().all(|line| line.get("fault").is_none()), "{plain:?}");
}

#[test]
fn whatever_is_neither_4xx_nor_2xx_is_a_crash() {
    for reply in [
        HandlerResponse::text(500, ""),
        HandlerResponse::Status(302, "location: /\r\n", Vec::new()),
        HandlerResponse::Hangup,
        HandlerResponse::Silence,
        HandlerResponse::Raw(b"HTTP/1.1 100\r\n\r\n"),
    ] {
        let (room, handler) = (TestEnv::new(), TestHandler::answering([reply.clone()]));
        let flags = ["-t", "user.created", "--fault", "expired", "--json", "--timeout", "100ms"];
        let lines = room.send_fixed(&handler.url(), &flags).redact_durations().assert_exit(1).json();
        assert_eq!(lines[1]["outcome"], "crashed", "{reply:?}");
    }
    for status in [400, 401, 403, 404, 410, 422, 429] {
        let (room, handler) = (TestEnv::new(), TestHandler::answering([HandlerResponse::text(status, "")]));
        let flags = ["-t", "user.created", "--fault", "expired", "--json"];
        let lines = room.send_fixed(&handler.url(), &flags).redact_durations().assert_exit(0).json();
        assert_eq!(lines[1]["outcome"], "rejected", "{status}");
    }
}

#[test]
fn a_fault_that_does_not_apply_is_an_error_alone_and_skipped_in_a_list() {
    let (room, nobody) = (TestEnv::new(), TestHandler::never_called());
    let selfmx =
        |faults: &[&str]| room.send(&nobody.url(), &[["-p", "selfmx", "-t", "delivered"].as_slice(), faults].concat());
    selfmx(&["--fault", "missing-id"]).assert_snapshot(
        "
exit 2
stderr:
error: `missing-id` does not apply to SelfMX: it has no id header
",
    );
    selfmx(&["--fault", "missing-id", "--fault", "expired"]).assert_snapshot(
        "
exit 2
stderr:
error: none of these faults applies to SelfMX
  caused by: `missing-id`: it has no id header
  caused by: `expired`: it does not limit the age of a request
",
    );
    let handler = TestHandler::answering([HandlerResponse::text(401, "")]);
    let flags = ["-p", "selfmx", "-t", "delivered", "--seed", "1", "--fault", "missing-id", "--fault", "wrong-secret"];
    room.send(&handler.url(), &flags).redact_durations().assert_snapshot(
        "
exit 0
stdout:
- skipped   missing-id: it has no id header
✓ rejected  401  delivered  wrong-secret  [T] ms
",
    );
    let lines = room.send(&handler.url(), &[flags.as_slice(), &["--json"]].concat()).assert_exit(0).json();
    let reason = "it has no id header";
    assert_eq!(lines[0], json!({"kind": "skipped", "fault": "missing-id", "reason": reason}));
    assert_eq!(lines.last().unwrap()["skipped"], 1);
}

#[test]
fn under_all_a_fault_about_an_optional_header_is_skipped_and_named_alone_it_is_sent() {
    let (room, handler) = (TestEnv::new(), TestHandler::answering([HandlerResponse::text(401, "")]));
    let event = ["-p", "autosend", "-t", "email.delivered", "--json"];
    let skipped = |faults: &[&str]| {
        let lines = room.send(&handler.url(), &[event.as_slice(), faults].concat()).assert_exit(0).json();
        let skipped = lines.iter().filter(|line| line["kind"] == "skipped");
        skipped.map(|line| line["fault"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(skipped(&["--fault", "all"]), ["missing-id", "missing-timestamp", "expired", "future"]);
    assert_eq!(skipped(&["--fault", "all", "--fault", "expired"]), ["missing-id", "missing-timestamp", "future"]);
    assert!(skipped(&["--fault", "missing-timestamp"]).is_empty());
    let output =
        room.send(&handler.url(), &["-p", "autosend", "-t", "email.delivered", "--fault", "all"]).assert_exit(0);
    assert!(
        output.stdout().contains("- skipped   expired: AutoSend treats its timestamp header as optional\n"),
        "{output}"
    );
}

#[test]
fn every_chosen_event_is_sent_with_every_fault_of_every_provider() {
    for provider in Catalog::default().names() {
        let (room, handler) = (TestEnv::new(), TestHandler::answering([HandlerResponse::text(403, "")]));
        let provider = Catalog::default().load(&ProviderRef::default_edition(provider)).unwrap();
        let flags = ["-p", &provider.name, "-t", "all", "--fault", "all", "--json"];
        let lines = room.send(&handler.url(), &flags).assert_exit(0).json();
        let summary = lines.last().unwrap();
        let number = |name: &str| usize::try_from(summary[name].as_u64().unwrap()).unwrap();
        let applicable = 10 - number("skipped");
        assert_eq!(number("sent"), provider.events.len() * applicable, "{}: {summary}", provider.name);
        assert_eq!(number("rejected"), number("sent"), "{summary}");
        assert_eq!(handler.received().len(), number("sent"));
    }
}

#[test]
fn a_handler_that_is_not_there_is_no_rejection() {
    let room = TestEnv::new();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = room.send_fixed(&address, &["-t", "all", "--fault", "all"]).redact_durations().assert_exit(3);
    assert_eq!(output.stdout(), "");
    assert!(output.stderr().starts_with("error: cannot reach"), "{output}");
}

#[test]
fn faults_exclude_an_expectation_and_retries() {
    let (room, nobody) = (TestEnv::new(), TestHandler::never_called());
    for other in [&["--expect", "4xx"][..], &["--retry"]] {
        let output = room
            .send_fixed(&nobody.url(), &[["-t", "user.created", "--fault", "expired"].as_slice(), other].concat())
            .redact_durations();
        let output = output.assert_exit(2);
        assert!(output.stderr().contains("cannot be used with"), "{output}");
    }
}

#[test]
fn a_body_of_ones_own_is_broken_only_as_far_as_it_can_be() {
    let (room, handler) = (TestEnv::new(), TestHandler::answering([HandlerResponse::text(400, "")]));
    let skipped = |body: &str| {
        let lines = room
            .send_fixed(&handler.url(), &["-d", body, "--fault", "all", "--json"])
            .redact_durations()
            .assert_exit(0)
            .json();
        let skipped = lines.iter().filter(|line| line["kind"] == "skipped");
        skipped.map(|line| line["fault"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(skipped(r#"{"a":1}"#), Vec::<String>::new());
    assert_eq!(skipped("{}"), ["reserialized-body"]);
    assert_eq!(skipped("no json"), ["reserialized-body"]);
    assert_eq!(skipped(""), ["reserialized-body", "truncated-body"]);
}

#[test]
fn a_dry_run_prints_every_fault_and_says_what_is_skipped() {
    let room = TestEnv::new();
    let flags = ["send", "-p", "selfmx", "-t", "delivered", "--dry-run", "--fault", "all"];
    let output = room.whk(flags).run().assert_exit(0);
    assert_eq!(output.stdout().matches("POST / HTTP/1.1").count(), 6);
    assert_eq!(output.stderr().lines().next(), Some("skipped missing-id: it has no id header"));
}
