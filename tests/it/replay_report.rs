//! The page that `whk replay --report` writes, as a browser shows it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::guides::setting;
use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::record::{RecordBuilder, log_of};

/// Opens the page in headless Chromium; screenshots go beside it.
fn open(room: &TestEnv, page: &Path) -> Value {
    let script = format!("{}/page.mjs", setting("WHK_INTEROP_NODE_DIR"));
    let folder = page.parent().unwrap().display().to_string();
    let arguments = [script, page.display().to_string(), folder];
    let output = room.program(setting("WHK_INTEROP_NODE"), arguments).run().assert_exit(0);
    output.json().remove(0)
}

/// A log of three events with odd ids.
fn log(room: &TestEnv) {
    let record = |number: u64, provider: &str, event_type: &str, id: &str| {
        let record = RecordBuilder::new().seq(number).header("webhook-id", id);
        record.verdict("invalid", Some(provider), event_type, id)
    };
    let long = "x".repeat(120);
    let records = [
        record(1, "ahasend", "message.delivered", "<script>document.title='broken'</script>"),
        record(2, "ahasend", "message.bounced", "id\u{202e}2"),
        record(3, "selfmx", "opened", &long),
    ];
    room.write("log.jsonl", log_of(records));
}

#[test]
fn a_browser_shows_every_attempt_without_loading_anything() {
    let room = TestEnv::new();
    log(&room);
    // The first is delivered at its fourth attempt, the second never, the third at once.
    let handler = TestHandler::deciding(|received| {
        let bad = |id: &str| {
            HandlerResponse::text(
                if received.header("webhook-id")[0].contains(id) { 500 } else { 200 },
                "no <db>\n  here",
            )
        };
        bad("id")
    });
    let page = room.file("report.html");
    let more = [
        "replay",
        "log.jsonl",
        &handler.url(),
        "--speed",
        "max",
        "--seed",
        "1",
        "--report",
        "report.html",
        "--now",
        "2026-03-02T08:15:33Z",
    ];
    let output = room.whk(more).run().assert_exit(1);
    assert!(output.stderr().contains("report written to report.html\n"), "{output}");
    let shown = open(&room, &page);
    assert_eq!(shown["problems"], json!([]));
    assert_eq!(shown["others"], json!([]), "nothing is loaded");
    let content = &shown["content"];
    assert_eq!(content["title"], "Replay of log.jsonl");
    let facts = content["facts"].as_array().unwrap();
    assert!(facts.contains(&json!("delivered 2")) && facts.contains(&json!("failed 1")), "{facts:?}");
    for (fact, value) in
        [("speed", "max (no waiting)"), ("date", "2026-03-02 08:15 UTC"), ("whk", env!("CARGO_PKG_VERSION"))]
    {
        assert!(facts.contains(&json!(format!("{fact} {value}"))), "{fact}: {facts:?}");
    }
    assert!(facts.iter().any(|fact| fact.as_str().unwrap().starts_with("would have taken 1")), "{facts:?}");
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("title=\"500 at 0 s: no &lt;db&gt; here\""), "the handler's own words are on hover");
    let source = "<strong>AhaSend</strong> makes attempts at: now, 0 s, 1 s, 17 s, 1 min 38 s, 5 min 54 s, 16 min 19 s (±10 %) \
                  (<a href=\"https://github.com/AhaSend/docs\" rel=\"noreferrer\">source</a>)";
    assert!(html.contains(source), "{html}");
    let rows = content["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["outcome"], "failed", "failures come first");
    assert_eq!(rows[0]["event"], "message.bounced AhaSend id\\u{202e}2");
    assert_eq!(rows[1]["event"], "message.delivered AhaSend <script>document.title='broken'</script>");
    assert_eq!(rows[1]["outcome"], "delivered");
    assert!(rows[2]["event"].as_str().unwrap().starts_with("opened SelfMX xxx"), "{}", rows[2]["event"]);
    let (good, bad) = (&rows[1]["signs"], rows[0]["signs"].as_array().unwrap());
    assert_eq!(bad.len(), 7, "a mark for each attempt");
    // The sign and the roundness of its corners: they tell the outcomes apart without colour.
    assert_eq!((good, &bad[0]), (&json!(["✓50%"]), &json!("✗3px")));
    let attempts = rows[0]["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]), (7, &json!("500 at 0 s")));
    assert!(attempts[6].as_str().unwrap().contains(" min"), "{attempts:?}");
    for row in rows {
        assert_eq!(row["apart"], true, "{row}");
    }
    all_views_are_legible(&shown);
    for view in ["1280-light", "1280-dark", "400-light", "400-dark"] {
        assert!(fs::metadata(room.file(&format!("{view}.png"))).unwrap().len() > 5000, "{view}");
    }
}

/// Checks that nothing is cut off, and that every text has the contrast that WCAG asks for.
#[track_caller]
fn all_views_are_legible(shown: &Value) {
    for view in shown["views"].as_array().unwrap() {
        assert_eq!(view["outside"], json!([]), "{view}");
        assert!(view["least"]["contrast"].as_f64().unwrap() >= 4.5, "{view}");
    }
}

#[test]
fn a_browser_shows_the_planned_schedule_of_a_dry_run() {
    let (room, handler) = (TestEnv::new(), TestHandler::never_called());
    log(&room);
    let more = ["--dry-run", "--speed", "300", "--seed", "1", "--report", "plan.html", "--now", "2026-03-02T08:15:33Z"];
    let output = room.whk([["replay", "log.jsonl", &handler.url()].as_slice(), &more].concat()).run().assert_exit(0);
    assert!(output.stderr().ends_with("report written to plan.html\n"), "{output}");
    let shown = open(&room, &room.file("plan.html"));
    assert_eq!((&shown["problems"], &shown["others"]), (&json!([]), &json!([])));
    let content = &shown["content"];
    assert_eq!(content["title"], "Planned replay of log.jsonl");
    let facts = content["facts"].as_array().unwrap();
    assert!(facts.contains(&json!("events 3")) && facts.contains(&json!("speed 300×")), "{facts:?}");
    let rows = content["rows"].as_array().unwrap();
    assert_eq!(rows[0]["outcome"], "7 attempts");
    assert_eq!(rows[2]["outcome"], "4 attempts");
    assert_eq!(rows[2]["attempts"], json!(["at 0 s", "at 1 min", "at 6 min", "at 36 min"]));
    assert_eq!(rows[2]["signs"][3].as_str().unwrap().split('5').next(), Some("4"), "a mark shows its number");
    all_views_are_legible(&shown);
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_before_anything_is_sent() {
    let (room, handler) = (TestEnv::new(), TestHandler::never_called());
    log(&room);
    let more = ["replay", "log.jsonl", &handler.url(), "--report", "missing/report.html"];
    room.whk(more).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot write the report missing/report.html
  caused by: no such file or directory
",
    );
    room.write("log.json", fs::read(room.file("log.jsonl")).unwrap());
    let own = ["replay", "log.json", &handler.url(), "--state", "state.html", "--report"];
    for name in ["log.json", "./log.json", "state.html"] {
        let output = room.whk([own.as_slice(), &[name]].concat()).run().assert_exit(2);
        assert!(
            output.stderr().contains("caused by: the same file is used for something else in this run"),
            "{output}"
        );
    }
}
