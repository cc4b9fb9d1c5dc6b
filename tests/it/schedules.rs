//! Deliveries as a handler sees them: how many attempts, how far apart, what changes between them, and what ends them.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::env::{Output, TestEnv};
use crate::harness::handler::{HandlerResponse, Received, TestHandler};
use crate::harness::record::{RecordBuilder, log_of};

/// The schedules as the facts on the providers state them, in seconds, with the share of jitter. They are written here
/// once more, so that a slip in a provider's file is found.
const SCHEDULES: [(&str, &[f64], f64); 11] = [
    ("ahasend@2024-05", &[0.0, 1.0, 16.0, 81.0, 256.0, 625.0], 0.1),
    ("ahasend@2026-08", &[0.0, 1.0, 16.0, 81.0, 256.0, 625.0], 0.1),
    ("aisend@1", &[60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3840.0, 7680.0, 15360.0, 30720.0, 25020.0], 0.0),
    ("autosend@2025-11", &[60.0, 300.0, 900.0], 0.0),
    ("autosend@2026-01", &[5.0, 10.0, 20.0], 0.0),
    ("selfmx", &[60.0, 300.0, 1800.0], 0.0),
    ("standard", &[5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0], 0.2),
    ("stripe", &[300.0, 3600.0, 7200.0], 0.0),
    ("stripe@live", &[300.0, 1800.0, 7200.0, 18000.0, 36000.0, 43200.0, 43200.0, 54000.0, 54000.0], 0.0),
    ("whatsapp", &[0.0, 60.0, 600.0, 3600.0, 14400.0, 43200.0, 86400.0, 172_800.0, 283_740.0], 0.0),
    ("svix", &[5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0], 0.2),
];

/// The first event of a provider as a log of one record, signed with the room's development secret.
fn log(room: &TestEnv, provider: &str) {
    let output = room.whk(["events", "-p", provider, "--json"]).run().assert_exit(0);
    let kind = output.json()[0]["type"].as_str().unwrap().to_owned();
    // From another time, so that one that is not renewed shows.
    let send = ["send", "-p", provider, "--type", &kind, "--now=-5m", "--dry-run", "--format", "json"];
    let output = room.whk(send).run().assert_exit(0);
    room.write("log.jsonl", output.bytes());
}

fn replay(room: &TestEnv, provider: &str, url: &str, more: &[&str]) -> Output {
    room.replay(&[["log.jsonl", url, "-p", provider].as_slice(), more].concat())
}

fn attempts(output: &Output) -> Vec<(u64, f64, Value)> {
    let lines = output.json();
    let attempts = lines.iter().filter(|line| line["kind"] == "attempt");
    attempts
        .map(|line| (line["attempt"].as_u64().unwrap(), line["wait_s"].as_f64().unwrap(), line["status"].clone()))
        .collect()
}

#[test]
fn every_schedule_is_the_providers_own_at_every_speed() {
    // Each takes a second, nearly all of it waiting.
    thread::scope(|scope| {
        for (provider, waits, jitter) in SCHEDULES {
            scope.spawn(move || a_schedule_is_the_providers_own(provider, waits, jitter));
        }
    });
}

fn a_schedule_is_the_providers_own(provider: &str, waits: &[f64], jitter: f64) {
    let room = TestEnv::new();
    log(&room, provider);
    let handler = TestHandler::answering([HandlerResponse::text(500, "")]);
    let fast = replay(&room, provider, &handler.url(), &["--speed", "max", "--seed", "7", "--json"]).assert_exit(1);
    let made = attempts(&fast);
    assert_eq!(made.len(), waits.len() + 1, "{provider}");
    assert_eq!(handler.received().len(), waits.len() + 1, "{provider}");
    let mut drawn = 0;
    for ((number, wait, _), (index, expected)) in made[1..].iter().zip(waits.iter().enumerate()) {
        assert_eq!(*number, index as u64 + 2);
        assert!((wait - expected).abs() <= expected * jitter + 0.001, "{provider}: {wait} instead of {expected}");
        drawn += usize::from((wait - expected).abs() > 0.001);
    }
    assert_eq!(drawn > 0, jitter > 0.0, "{provider}: whether there is jitter");
    // The whole schedule within about a second: the same attempts after the same waits.
    let speed = format!("{}", waits.iter().sum::<f64>().max(1.0));
    let handler = TestHandler::answering([HandlerResponse::text(500, "")]);
    let more = ["--speed", &speed, "--seed", "7", "--json", "--fresh"];
    let scaled = replay(&room, provider, &handler.url(), &more).assert_exit(1);
    assert_eq!(attempts(&scaled), made, "{provider}");
    let speed: f64 = speed.parse().unwrap();
    let times: Vec<f64> = handler.received().iter().map(|received| received.at.as_secs_f64() * speed).collect();
    let elapsed = times.last().unwrap();
    let total: f64 = made.iter().map(|(_, wait, _)| wait).sum();
    assert!(*elapsed >= total, "{provider}: the last came {elapsed} s after the start, and not after {total} s");
    let other = replay(&room, provider, &handler.url(), &["--speed", "max", "--seed", "8", "--json", "--fresh"]);
    assert_eq!(attempts(&other) == made, jitter == 0.0, "{provider}: another seed draws another jitter");
}

#[test]
fn every_other_preset_is_retried_as_its_file_says() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    for folder in fs::read_dir(fixtures).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let file: toml::Table = fs::read_to_string(folder.join("provider.toml")).unwrap().parse().unwrap();
        let retries = file["delivery"]["retries"].as_array().unwrap().len();
        let room = TestEnv::new();
        log(&room, &name);
        let handler = TestHandler::answering([HandlerResponse::text(500, "")]);
        let output = replay(&room, &name, &handler.url(), &["--speed", "max", "--json"]).assert_exit(1);
        assert_eq!(attempts(&output).len(), retries + 1, "{name}");
        assert_eq!(handler.received().len(), retries + 1, "{name}");
        let paths: Vec<String> = handler.received().iter().map(|received| received.head.clone()).collect();
        assert!(paths.iter().all(|head| head.starts_with("POST /hooks HTTP/1.1\r\n")), "{name}");
    }
}

/// The headers of two attempts that are not the same, or that only one has, by name; and whether the bodies are.
fn changed(first: &Received, second: &Received) -> (Vec<String>, bool) {
    let names = |received: &Received| {
        let lines = received.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.map(|(name, _)| name.to_lowercase()).collect::<Vec<_>>()
    };
    let all = names(first).into_iter().chain(names(second));
    let mut changed: Vec<String> = all.filter(|name| first.header(name) != second.header(name)).collect();
    changed.sort();
    changed.dedup();
    (changed, first.body == second.body)
}

#[test]
fn a_retry_carries_anew_what_the_provider_renews_and_nothing_else() {
    let cases: Vec<(&str, &[&str], bool)> = vec![
        ("ahasend@2024-05", &["webhook-signature", "webhook-timestamp"], true),
        ("ahasend@2026-08", &["webhook-signature", "webhook-timestamp"], true),
        ("aisend", &[], true),
        ("autosend@2025-11", &["x-webhook-timestamp"], true),
        ("autosend@2026-01", &["x-webhook-timestamp"], true),
        ("selfmx", &[], true),
        ("standard", &["webhook-signature", "webhook-timestamp"], true),
        ("svix", &["svix-signature", "svix-timestamp"], true),
        ("stripe", &["stripe-signature"], true),
        (
            "slack",
            &["x-slack-request-timestamp", "x-slack-retry-num", "x-slack-retry-reason", "x-slack-signature"],
            true,
        ),
        ("square", &["square-retry-number", "square-retry-reason"], true),
        ("bitbucket", &["x-attempt-number"], true),
        ("linear", &["linear-signature", "linear-timestamp"], false),
        ("mailgun", &[], false),
        ("hubspot", &["x-hubspot-request-timestamp", "x-hubspot-signature", "x-hubspot-signature-v3"], false),
        ("hubspot@v2", &["x-hubspot-signature"], false),
        ("github", &[], true),
    ];
    let cases: Vec<_> = cases
        .into_iter()
        .map(|(provider, expected, same_body)| {
            thread::spawn(move || {
                let room = TestEnv::new();
                log(&room, provider);
                let handler = TestHandler::answering([HandlerResponse::text(500, ""), HandlerResponse::text(200, "")]);
                // More than a second, so that a time in seconds is another one.
                let output =
                    replay(&room, provider, &handler.url(), &["--schedule", "1100ms", "--json"]).assert_exit(0);
                assert_eq!(attempts(&output).len(), 2, "{provider}: {output}");
                let received = handler.received();
                assert!(received[1].at >= received[0].at + Duration::from_millis(1100), "{provider}");
                let found = changed(&received[0], &received[1]);
                assert_eq!(found, (expected.iter().map(|name| (*name).to_owned()).collect(), same_body), "{provider}");
                // Both are valid to a receiver with the same secret.
                for attempt in &received {
                    let file = room.write("attempt.http", [attempt.head.as_bytes(), &attempt.body].concat());
                    room.whk(["verify".as_ref(), file.as_os_str(), "-p".as_ref(), provider.as_ref()])
                        .run()
                        .assert_exit(0);
                }
            })
        })
        .collect();
    for case in cases {
        case.join().unwrap();
    }
}

#[test]
fn an_attempt_ends_with_the_providers_own_time_out() {
    // Those of up to ten seconds; all at once, because nothing else can be done meanwhile.
    let cases = [("ahasend", 10), ("autosend", 10), ("selfmx", 10), ("aisend", 10), ("paddle", 5), ("slack", 3)];
    let cases = cases.map(|(provider, seconds)| {
        thread::spawn(move || {
            let room = TestEnv::new();
            log(&room, provider);
            let handler = TestHandler::answering([HandlerResponse::Silence]);
            let output = replay(&room, provider, &handler.url(), &["--schedule", "none", "--json"]).assert_exit(1);
            let line = &output.json()[0];
            assert_eq!(line["error"], format!("no response within {seconds}s"), "{provider}: {output}");
            let took = line["duration_ms"].as_f64().unwrap() / 1e3;
            assert!((f64::from(seconds)..f64::from(seconds) + 10.0).contains(&took), "{provider}: {took}");
        })
    });
    for case in cases {
        case.join().unwrap();
    }
}

#[test]
fn a_time_out_of_ones_own_and_a_redirect_are_failures_like_any_other() {
    let room = TestEnv::new();
    log(&room, "standard");
    let moved = HandlerResponse::Status(302, "location: /elsewhere\r\n", Vec::new());
    let handler = TestHandler::answering([
        HandlerResponse::Silence,
        HandlerResponse::Hangup,
        moved,
        HandlerResponse::text(200, ""),
    ]);
    let more = ["--speed", "max", "--timeout", "200ms", "--json"];
    let output = replay(&room, "standard", &handler.url(), &more).assert_exit(0);
    let lines = output.json();
    let said: Vec<String> = lines
        .iter()
        .filter(|line| line["kind"] == "attempt")
        .map(|line| line["error"].as_str().map_or(line["status"].to_string(), str::to_owned))
        .collect();
    assert_eq!(said, ["no response within 200ms", "the connection was closed before the response", "302", "200"]);
}

#[test]
fn retry_after_is_heeded_where_the_provider_does_and_only_there() {
    let busy = || {
        TestHandler::answering([
            HandlerResponse::Status(503, "retry-after: 4000\r\n", Vec::new()),
            HandlerResponse::text(200, ""),
        ])
    };
    for (provider, waits) in [("standard", 4000.0..4001.0), ("ahasend", 0.0..1.0)] {
        let room = TestEnv::new();
        log(&room, provider);
        let handler = busy();
        let output = replay(&room, provider, &handler.url(), &["--speed", "max", "--json"]).assert_exit(0);
        assert!(waits.contains(&attempts(&output)[1].1), "{provider}: {output}");
    }
}

/// The waits before the retries of a delivery that fails so often, and then succeeds.
fn waits_after(provider: &str, failures: &[HandlerResponse], more: &[&str]) -> Vec<f64> {
    let room = TestEnv::new();
    log(&room, provider);
    let responses = failures.iter().cloned().chain([HandlerResponse::text(200, "")]);
    let handler = TestHandler::answering(responses);
    let more = [&["--speed", "max", "--json"], more].concat();
    let output = replay(&room, provider, &handler.url(), &more);
    attempts(&output)[1..].iter().map(|(_, wait, _)| *wait).collect()
}

#[test]
fn svix_bounds_retry_after_and_waits_a_minute_after_429_and_a_timeout() {
    let status = |status, headers| HandlerResponse::Status(status, headers, Vec::new());
    // 5 s and 5 min, ±20 %.
    let busy = [status(503, "retry-after: 4000\r\n"), status(503, "retry-after: 4000\r\n")];
    let waits = waits_after("svix", &busy, &[]);
    assert!((8.0..=12.0).contains(&waits[0]) && (480.0..=720.0).contains(&waits[1]), "{waits:?}");
    assert!(waits_after("svix", &[status(429, "")], &[]) == [60.0]);
    assert!(waits_after("svix", &[HandlerResponse::Silence], &["--timeout", "200ms"]) == [60.0]);
    let waits = waits_after("svix", &[status(429, ""), status(429, "retry-after: 4000\r\n")], &[]);
    assert!((480.0..=720.0).contains(&waits[1]), "{waits:?}");
}

#[test]
fn a_response_that_the_provider_takes_as_final_is_not_retried() {
    let status = |status, headers| HandlerResponse::Status(status, headers, Vec::new());
    for (provider, response, retries) in [
        ("mailgun", status(406, ""), 0),
        ("mailgun", status(400, ""), 1),
        ("slack", status(500, "X-Slack-No-Retry: 1\r\n"), 0),
        ("slack", status(500, "X-Slack-No-Retry: 0\r\n"), 1),
        ("pagerduty", status(404, ""), 0),
        ("pagerduty", status(429, ""), 1),
        ("pagerduty", HandlerResponse::Hangup, 1),
        ("bitbucket", status(404, ""), 0),
        ("bitbucket", status(503, ""), 1),
    ] {
        assert_eq!(waits_after(provider, &[response], &[]).len(), retries, "{provider}");
    }
    let room = TestEnv::new();
    let handler = TestHandler::answering([status(406, "")]);
    let send = ["send", &handler.url(), "-p", "mailgun", "--type", "delivered", "--retry", "--speed", "max"];
    let output = room.whk(send).run().assert_exit(1);
    assert!(output.stdout().contains("1 of 7, not retried"), "{output}");
    assert_eq!(handler.received().len(), 1);
}

#[test]
fn failures_for_as_long_as_the_provider_says_disable_an_endpoint() {
    let room = TestEnv::new();
    // An event each day, none of which is retried.
    let record = |day: u64| {
        let (id, at) = (format!("m{day}"), format!("2026-03-{:02}T08:00:00Z", day + 1));
        RecordBuilder::new().seq(day + 1).at(&at).header("svix-id", &id).verdict("valid", Some("svix"), "x", &id)
    };
    room.write("log.jsonl", log_of((0..8).map(record)));
    let more = ["--speed", "max", "--pace", "original", "--schedule", "none", "--json"];
    let handler = TestHandler::answering([HandlerResponse::text(500, "")]);
    let output = replay(&room, "svix", &handler.url(), &more).assert_exit(1);
    let lines = output.json();
    let disabled: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "disabled").collect();
    assert_eq!(disabled.len(), 1, "{output}");
    assert_eq!((&disabled[0]["after"], &disabled[0]["reason"]), (&6.into(), &"time".into()));
    assert!(output.stderr().contains("is disabled after 5d without a success; skipping the rest"), "{output}");
    assert_eq!(handler.received().len(), 6);
    // A success on the third day starts the time again.
    let responses = (1..=8).map(|number| HandlerResponse::text(if number == 3 { 200 } else { 500 }, ""));
    let handler = TestHandler::answering(responses);
    let output = replay(&room, "svix", &handler.url(), &[more.as_slice(), &["--fresh"]].concat()).assert_exit(1);
    assert_eq!(handler.received().len(), 8, "{output}");
}

/// The values of a header in each attempt; nothing where it was not sent.
fn header_of_each(received: &[Received], name: &str) -> Vec<String> {
    received.iter().map(|attempt| attempt.header(name).join("|")).collect()
}

#[test]
fn a_retry_carries_its_number_and_the_reason_of_the_failure_before_it() {
    let failures = || {
        TestHandler::answering([
            HandlerResponse::text(500, ""),
            HandlerResponse::Silence,
            HandlerResponse::Hangup,
            HandlerResponse::text(200, ""),
        ])
    };
    let common = ["--speed", "max", "--timeout", "200ms"];
    for (provider, event, expected) in [
        (
            "slack",
            "message",
            [
                ("x-slack-retry-num", ["", "1", "2", "3"]),
                ("x-slack-retry-reason", ["", "http_error", "http_timeout", "unknown_error"]),
            ]
            .as_slice(),
        ),
        (
            "square",
            "payment.created",
            &[
                ("square-retry-number", ["", "1", "2", "3"]),
                ("square-retry-reason", ["", "http_error", "http_timeout", "other_error"]),
            ],
        ),
        ("twitch", "stream.online", &[("twitch-eventsub-message-retry", ["0", "1", "2", "3"])]),
    ] {
        let room = TestEnv::new();
        let handler = failures();
        let send = ["send", &handler.url(), "-p", provider, "--type", event, "--retry"];
        room.whk([send.as_slice(), &common].concat()).run().assert_exit(0);
        for (name, values) in expected {
            assert_eq!(header_of_each(&handler.received(), name), *values, "send: {name}");
        }
        // A recorded retry is the first attempt of its replay.
        let last = &handler.received()[3];
        room.write("retry.http", [last.head.as_bytes(), &last.body].concat());
        let handler = failures();
        let url = handler.url();
        let again = ["retry.http", &url, "-p", provider, "--resign"];
        room.replay(&[again.as_slice(), &common].concat()).assert_exit(0);
        for (name, values) in expected {
            assert_eq!(header_of_each(&handler.received(), name), *values, "replay: {name}");
        }
        // Verbatim, it stays what it was.
        let handler = TestHandler::accepting();
        room.replay(&["retry.http", &handler.url(), "-p", provider, "--verbatim", "--fresh"]).assert_exit(0);
        for (name, values) in expected {
            assert_eq!(header_of_each(&handler.received(), name), [values[3]], "verbatim: {name}");
        }
    }
}

#[test]
fn a_retry_carries_its_number_in_the_body_if_the_provider_counts_there() {
    let failures = || TestHandler::answering([500, 500, 200].map(|status| HandlerResponse::text(status, "")));
    let counts = |handler: &TestHandler| -> Vec<Value> {
        let received = handler.received();
        let bodies = received.iter().map(|attempt| serde_json::from_slice::<Value>(&attempt.body).unwrap());
        bodies.map(|body| body[0]["attemptNumber"].clone()).collect()
    };
    let room = TestEnv::new();
    let handler = failures();
    let common = ["-p", "hubspot", "--speed", "max"];
    let (url, send) = (handler.url(), ["--type", "contact.creation", "--retry"]);
    room.whk([["send", &url].as_slice(), &send, &common].concat()).run().assert_exit(0);
    assert_eq!(counts(&handler), [0, 1, 2], "send");
    // A recorded retry is the first attempt of its replay; verbatim, it stays what it was.
    let last = &handler.received()[2];
    room.write("retry.http", [last.head.as_bytes(), &last.body].concat());
    let handler = failures();
    room.replay(&[["retry.http", &handler.url(), "--resign"].as_slice(), &common].concat()).assert_exit(0);
    assert_eq!(counts(&handler), [0, 1, 2], "replay");
    let handler = failures();
    let verbatim = ["retry.http", &handler.url(), "--verbatim", "--fresh"];
    room.replay(&[verbatim.as_slice(), &common].concat()).assert_exit(0);
    assert_eq!(counts(&handler), [2, 2, 2], "verbatim");
    // A body without the number stays as it is.
    let handler = failures();
    let url = handler.url();
    let send = ["send", &url, "--data", "[{\"n\": 1}]", "--retry"];
    room.whk([send.as_slice(), &common].concat()).run().assert_exit(0);
    assert!(handler.received().iter().all(|attempt| attempt.body == b"[{\"n\": 1}]"));
}

#[test]
fn a_replay_that_resumes_knows_the_reason_of_a_retry() {
    let room = TestEnv::new();
    log(&room, "slack");
    let handler = TestHandler::answering([HandlerResponse::Silence, HandlerResponse::text(200, "")]);
    let url = handler.url();
    let arguments = ["replay", "log.jsonl", &url, "-p", "slack", "--schedule", "1d", "--timeout", "100ms"];
    let running = room.whk([arguments.as_slice(), &["--json"]].concat()).start();
    let state = room.file("log.jsonl.replay");
    // It ends while it waits for the retry: the state file says how the attempt before it failed.
    while !fs::read_to_string(&state).is_ok_and(|text| text.contains("\"failure\":\"timeout\"")) {
        thread::yield_now();
    }
    running.signal("KILL");
    running.end();
    room.whk([arguments.as_slice(), &["--speed", "max"]].concat()).run().assert_exit(0);
    assert_eq!(header_of_each(&handler.received(), "x-slack-retry-reason"), ["", "http_timeout"]);
}

/// A log of many events of `ahasend`.
fn many(room: &TestEnv, count: usize) {
    let count = count.to_string();
    let send = ["send", "-p", "ahasend", "--type", "message.delivered", "-c", &count, "--dry-run", "--format", "json"];
    let output = room.whk(send).run().assert_exit(0);
    room.write("log.jsonl", output.bytes());
}

#[test]
fn a_hundred_failures_in_a_row_disable_an_ahasend_endpoint_and_the_rest_is_held_back() {
    let room = TestEnv::new();
    many(&room, 150);
    let handler = TestHandler::answering([HandlerResponse::text(500, "")]);
    let output = replay(&room, "ahasend", &handler.url(), &["--speed", "max", "--json"]).assert_exit(1);
    assert_eq!(handler.received().len(), 100);
    let lines = output.json();
    let disabled: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "disabled").collect();
    assert_eq!(disabled.len(), 1);
    assert_eq!(disabled[0]["after"], 100);
    let summary = lines.last().unwrap();
    assert_eq!(summary["held_back"].as_u64().unwrap() + summary["failed"].as_u64().unwrap(), 150, "{summary}");
    let said = "is disabled after 100 failures in a row; skipping the rest";
    assert!(output.stderr().contains(said), "{output}");
    // A success in between, as the 100th answer, resets the count.
    let answers = (1..=199).map(|number| HandlerResponse::text(if number == 100 { 200 } else { 500 }, ""));
    let handler = TestHandler::answering(answers);
    let more = ["--speed", "max", "--schedule", "none", "--json", "--fresh"];
    let output = replay(&room, "ahasend", &handler.url(), &more).assert_exit(1);
    assert_eq!(handler.received().len(), 150, "{output}");
    assert!(!output.json().iter().any(|line| line["kind"] == "disabled"));
}

#[test]
fn endpoints_are_disabled_each_for_itself() {
    let room = TestEnv::new();
    let record = |number: u64| {
        let (id, target) = (format!("m{number}"), if number.is_multiple_of(2) { "/good?a" } else { "/bad?b" });
        let record = RecordBuilder::new().seq(number).target(target).header("webhook-id", &id);
        record.verdict("valid", Some("ahasend"), "x", &id)
    };
    room.write("log.jsonl", log_of((0..300).map(record)));
    let handler = TestHandler::deciding(|received| {
        HandlerResponse::text(if received.head.starts_with("POST /bad") { 500 } else { 200 }, "")
    });
    let origin = handler.url().replace("/hooks", "");
    let output = replay(&room, "ahasend", &origin, &["--speed", "max", "--schedule", "none", "--json"]).assert_exit(1);
    let lines = output.json();
    let disabled: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "disabled").collect();
    assert_eq!(disabled.len(), 1);
    assert_eq!(disabled[0]["url"], format!("{origin}/bad"));
    let bad = handler.received().iter().filter(|received| received.head.starts_with("POST /bad")).count();
    assert_eq!((bad, handler.received().len()), (100, 250));
}

#[test]
fn gone_disables_where_the_provider_says_so() {
    let room = TestEnv::new();
    let send = ["send", "-p", "standard", "--type", "user.created", "-c", "3", "--dry-run", "--format", "json"];
    let output = room.whk(send).run().assert_exit(0);
    room.write("log.jsonl", output.bytes());
    let handler = TestHandler::answering([HandlerResponse::text(410, "gone")]);
    let output = replay(&room, "standard", &handler.url(), &["--speed", "max"]).assert_exit(1);
    assert_eq!(handler.received().len(), 1);
    assert!(
        output.stderr().contains("is disabled because it said that it is gone (410); skipping the rest"),
        "{output}"
    );
    let handler = TestHandler::answering([HandlerResponse::text(410, "gone"), HandlerResponse::text(200, "")]);
    replay(&room, "standard", &handler.url(), &["--speed", "max", "--schedule", "stripe", "--fresh"]).assert_exit(0);
    assert_eq!(handler.received().len(), 4, "to others 410 is a failure like any other");
}

#[test]
fn retries_do_not_hold_up_the_others() {
    let room = TestEnv::new();
    many(&room, 20);
    let first = std::sync::atomic::AtomicBool::new(true);
    let handler = TestHandler::deciding(move |_| {
        HandlerResponse::text(if first.swap(false, std::sync::atomic::Ordering::SeqCst) { 500 } else { 200 }, "")
    });
    let more = ["--schedule", "10s", "--speed", "10", "--json"];
    let output = replay(&room, "ahasend", &handler.url(), &more).assert_exit(0);
    let lines = output.json();
    let order: Vec<u64> =
        lines.iter().filter(|line| line["kind"] == "attempt").map(|line| line["seq"].as_u64().unwrap()).collect();
    let expected: Vec<u64> = (1..=20).chain([1]).collect();
    assert_eq!(order, expected);
}

#[test]
fn send_retries_with_the_same_engine() {
    let (room, handler) =
        (TestEnv::new(), TestHandler::answering([HandlerResponse::text(500, "busy"), HandlerResponse::text(200, "")]));
    let send = ["send", &handler.url(), "-p", "ahasend", "--type", "message.delivered", "--retry", "--speed", "max"];
    let output = room.whk([send.as_slice(), &["--seed", "1"]].concat()).run().redact_durations();
    output.assert_snapshot(
        "
exit 0
stdout:
✗ 500  message.delivered  wh_17eb9055861e0a8b  [T] ms  1 of 7, next in 0 s (no waiting)
    busy
✓ 200  message.delivered  wh_17eb9055861e0a8b  [T] ms  attempt 2
",
    );
    let handler = TestHandler::answering([HandlerResponse::text(500, "")]);
    let send = ["send", &handler.url(), "-p", "autosend@2026-01", "--type", "email.opened", "--retry", "--json"];
    let output = room.whk([send.as_slice(), &["--speed", "100"]].concat()).run().assert_exit(1);
    let waits: Vec<f64> = attempts(&output).iter().map(|(_, wait, _)| *wait).collect();
    assert_eq!(waits, [0.0, 5.0, 10.0, 20.0]);
    let ids: Vec<String> =
        handler.received().iter().map(|received| received.header("x-webhook-delivery-id")[0].to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn send_keeps_a_rate_for_a_time_with_several_under_way() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    let send = ["send", &handler.url(), "-p", "standard", "--type", "user.created", "--json"];
    let more = ["--duration", "700ms", "--rate", "20/s", "--concurrency", "4"];
    let output = room.whk([send.as_slice(), &more].concat()).run().assert_exit(0);
    let count = output.json().last().unwrap()["sent"].as_u64().unwrap();
    assert!((2..=15).contains(&count), "20 a second for 0.7 s: {count}");
    assert_eq!(handler.received().len() as u64, count);
}
