//! `whk events` and `whk providers`: tables that fit, samples, schedules.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::env::{Output, TestEnv};

#[track_caller]
fn fits_80_columns(output: &Output) {
    for line in output.stdout().lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
}

fn names(room: &TestEnv) -> Vec<String> {
    let listed = room.whk(["providers", "--json"]).run().assert_exit(0).json();
    listed.iter().map(|line| line["provider"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_event_is_listed_with_what_scripts_rely_on() {
    let room = TestEnv::new();
    let listed = room.whk(["events", "--json"]).run().assert_exit(0).json();
    for line in &listed {
        assert_eq!(line["kind"], "event");
        for field in ["provider", "edition", "type", "description"] {
            assert!(line[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {line}");
        }
    }
    let providers: BTreeSet<&str> = listed.iter().map(|line| line["provider"].as_str().unwrap()).collect();
    assert_eq!(providers, names(&room).iter().map(String::as_str).collect());
    let ahasend: Vec<&str> =
        listed.iter().filter(|line| line["provider"] == "ahasend").map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(
        ahasend,
        [
            "message.reception",
            "message.delivered",
            "message.transient_error",
            "message.failed",
            "message.bounced",
            "message.suppressed",
            "message.opened",
            "message.clicked",
            "suppression.created",
            "domain.dns_error"
        ]
    );
    let newer = room.whk(["events", "-p", "ahasend@2026-08", "--json"]).run().assert_exit(0).json();
    assert_eq!(newer.len(), 11);
    assert_eq!(newer[10]["type"], "message.routing");
}

#[test]
fn tables_fit_80_columns() {
    let room = TestEnv::new();
    for arguments in [vec!["events"], vec!["providers"]] {
        fits_80_columns(&room.whk(arguments).run().assert_exit(0));
    }
    for name in names(&room) {
        fits_80_columns(&room.whk(["providers", &name]).run().assert_exit(0));
        fits_80_columns(&room.whk(["events", "-p", &name]).run().assert_exit(0));
    }
}

#[test]
fn a_sample_is_the_body_that_would_be_sent() {
    let room = TestEnv::new();
    let arguments = ["--seed", "1", "--now", "2026-03-02T08:15:33Z"];
    let sample = room.whk([["events", "message.delivered"].as_slice(), &arguments].concat()).run().assert_exit(0);
    sample.assert_snapshot(
        r#"
exit 0
stdout:
{
  "type": "message.delivered",
  "timestamp": "2026-03-02T08:15:33.000000000Z",
  "data": {
    "account_id": "630bfdb7-a6a6-44a5-b1aa-2b57dad0bad0",
    "event": "on_delivered",
    "from": "hello@shop.example.com",
    "recipient": "kim@example.com",
    "subject": "Your receipt 7639",
    "message_id_header": "message-id-51146",
    "id": "ahasend-message-13650"
  }
}
stderr:
The recipient's server accepted the message.
"#,
    );
    let sent = room
        .whk([["send", "--type", "message.delivered", "--dry-run", "--format", "json"].as_slice(), &arguments].concat())
        .run()
        .assert_exit(0)
        .json();
    let sent: Value = serde_json::from_str(sent[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(sent, serde_json::from_str::<Value>(&sample.stdout()).unwrap());
}

#[test]
fn an_unknown_event_or_provider_names_the_nearest() {
    let room = TestEnv::new();
    room.whk(["events", "mesage.opened", "-p", "ahasend"]).run().assert_snapshot(
        "
exit 2
stderr:
error: ahasend@2024-05 has no event `mesage.opened`
hint: did you mean: whk events message.opened -p ahasend
",
    );
    let unknown = room.whk(["providers", "ahasent"]).run().assert_exit(2);
    assert!(unknown.stderr().contains("hint: did you mean `-p ahasend`?"), "{unknown}");
    let unknown = room.whk(["events", "-p", "ahasend@2026-09"]).run().assert_exit(2);
    assert!(unknown.stderr().contains("hint: did you mean `ahasend@2026-08`?"), "{unknown}");
    room.whk(["providers", "ahasend@2023"]).run().assert_snapshot(
        "
exit 2
stderr:
error: `ahasend` has no edition `2023`
available editions: 2024-05, 2026-08
hint: did you mean `ahasend@2024-05`?
",
    );
    room.whk(["events", "ahasned"]).run().assert_snapshot(
        "
exit 2
stderr:
error: `ahasned` is neither an event type nor a provider
hint: did you mean: whk events ahasend
",
    );
    room.whk(["events", "nope"]).run().assert_snapshot(
        "
exit 2
stderr:
error: `nope` is neither an event type nor a provider
available providers: ahasend, aisend, autosend, bitbucket, calendly, discord,
  gitea, github, gitlab, hubspot, intercom, lemonsqueezy, linear, mailgun, meta,
  mux, openai, paddle, pagerduty, razorpay, selfmx, sendgrid, sentry, shopify,
  slack, square, standard, stripe, svix, twilio, twitch, typeform, vercel,
  woocommerce, workos, zoom
hint: all event types: whk events
",
    );
}

#[test]
fn the_events_of_a_provider_are_listed_by_its_name() {
    let room = TestEnv::new();
    let named = room.whk(["events", "ahasend@2026-08"]).run().assert_exit(0);
    assert_eq!(named.stdout(), room.whk(["events", "-p", "ahasend@2026-08"]).run().assert_exit(0).stdout());
    let lines = room.whk(["events", "selfhosted", "--json"]).run().assert_exit(0).json();
    assert!(lines.iter().all(|line| line["kind"] == "event" && line["provider"] == "selfmx"), "{lines:?}");
    // A word that is both, such as a type of an own provider, is the type.
    room.whk(["events", "ahasend", "-p", "ahasend"]).run().assert_exit(2);
}

#[test]
fn a_provider_shows_its_schedule_with_its_times() {
    let room = TestEnv::new();
    let shown = room.whk(["providers", "ahasend"]).run().assert_exit(0).stdout();
    let schedule: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with("schedule")).take(7).collect();
    assert_eq!(
        schedule,
        [
            "schedule: first attempt + 6 retries, each wait ±10 %",
            "  retry 1   after     0s  at 0:00:00",
            "  retry 2   after     1s  at 0:00:01",
            "  retry 3   after    16s  at 0:00:17",
            "  retry 4   after    81s  at 0:01:38",
            "  retry 5   after   256s  at 0:05:54",
            "  retry 6   after   625s  at 0:16:19",
        ]
    );
    for part in [
        "signature format  v1,<base64 HMAC-SHA256>\n",
        "responds          200 if valid, else 400\n",
        "on retry          new timestamp and signature\n",
        "timestamp         webhook-timestamp (unix seconds; up to 300 s old, up to 300 s\n",
    ] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
    assert!(room.whk(["providers", "github"]).run().stdout().contains("\nno retries: one attempt\n"));
    let line = &room.whk(["providers", "standard", "--json"]).run().assert_exit(0).json()[0];
    assert_eq!(line["retries_s"], json!([5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0]));
    // The cumulative times of the specification's own table, the first attempt left out.
    assert_eq!(
        line["cumulative_s"],
        json!([5.0, 305.0, 2105.0, 9305.0, 27305.0, 63305.0, 113_705.0, 185_705.0, 272_105.0])
    );
    assert_eq!((line["timeout_s"].as_f64(), line["jitter"].as_f64()), (Some(20.0), Some(0.2)));
    assert_eq!((&line["gone_disables"], &line["retry_after"]), (&json!(true), &json!(true)));
}

#[test]
fn a_provider_shows_what_ends_its_retries_and_disables_an_endpoint() {
    let room = TestEnv::new();
    let shown = |name: &str| room.whk(["providers", name]).run().assert_exit(0).stdout();
    let svix = shown("svix");
    for part in [
        "disabled          after 5d without a success\n",
        "retry-after       honoured up to 2 times the wait\n",
        "least wait        1m after 429 or a timeout\n",
    ] {
        assert!(svix.contains(part), "{part:?} is not in:\n{svix}");
    }
    assert!(shown("slack").contains("not retried       after a failure with `x-slack-no-retry: 1`\n"));
    assert!(shown("pagerduty").contains("not retried       after 400-428,430-499\n"));
    let line = &room.whk(["providers", "svix", "--json"]).run().assert_exit(0).json()[0];
    assert_eq!([&line["retry_after_limit"], &line["least_wait_s"]], [&json!(2.0), &json!(60.0)]);
    assert_eq!([&line["disable_after_s"], &line["no_retry"]], [&json!(432_000.0), &Value::Null]);
}
