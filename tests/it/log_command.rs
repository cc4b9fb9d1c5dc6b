//! `whk log`: the list, and a request in full.

use serde_json::{Value, json};

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{NOW, STANDARD};
use crate::harness::record::{RecordBuilder, log_of};

/// The signed body of the first record.
const BODY: &str = r#"{"type":"user.created","data":{"id":7,"name":"M\u00fcller"}}"#;

fn records() -> [RecordBuilder; 4] {
    let at = |second: u32| format!("2026-03-02T08:15:{second:02}.250000Z");
    let record = |seq: u64, second| {
        RecordBuilder::new()
            .seq(seq)
            .at(&at(second))
            .field("remote", "127.0.0.1:5000")
            .field("method", "POST")
            .field("size", 1)
    };
    [
        record(1, 1)
            .target("/hooks?x=1")
            .header("host", "localhost:3000")
            .signed(STANDARD, "msg_0001", NOW, BODY)
            .verdict("valid", Some("standard"), "user.created", "msg_0001")
            .field("duplicate", false)
            .response(Some(200)),
        record(2, 2)
            .target("/hooks")
            .signed(STANDARD, "msg_0002", NOW, BODY)
            .body(r#"{"type":"user.created","data":{"id":8}}"#)
            .verdict("invalid", Some("standard"), "user.created", "msg_0002")
            .field("duplicate", false)
            .response(Some(401)),
        record(3, 3)
            .target("/x\u{1b}[31m")
            .header("x-odd", "a\u{202e}b")
            .body([0xff, 0x00, 0x1b, b'a'])
            .field("verdict", json!({"status": "unsigned", "provider": null, "event_type": null, "event_id": null, "cause": "missing-header", "message": "no known signature header found"}))
            .field("duplicate", false)
            .response(Some(400)),
        record(4, 4)
            .target("/hooks?x=1")
            .header("host", "localhost:3000")
            .signed(STANDARD, "msg_0001", NOW, BODY)
            .verdict("valid", Some("standard"), "user.created", "msg_0001")
            .field("duplicate", true)
            .response(Some(200)),
    ]
}

fn room() -> TestEnv {
    let room = TestEnv::new();
    room.write("log.jsonl", log_of(records()));
    room
}

/// Runs `whk log` with the log, the secret and a fixed time.
#[track_caller]
fn log(room: &TestEnv, more: &[&str]) -> Output {
    let fixed = ["-p", "standard", "-s", STANDARD, "--now", "2026-03-02T09:00:00Z", "--log", "log.jsonl"];
    room.whk([["log"].as_slice(), more, &fixed].concat()).run()
}

/// The numbers of the requests that flags select.
#[track_caller]
fn selected(room: &TestEnv, flags: &[&str]) -> Vec<u64> {
    let lines = log(room, &[flags, &["--json"]].concat()).assert_exit(0).json();
    let (summary, records) = lines.split_last().unwrap();
    assert_eq!(summary["kind"], "summary");
    assert_eq!(summary["selected"], records.len());
    records.iter().map(|record| record["seq"].as_u64().unwrap()).collect()
}

#[test]
fn the_list_has_a_line_for_each_request_and_fits_80_columns() {
    let room = room();
    let list = |more: &[&str]| {
        let fixed = ["log", "log.jsonl", "--now", "2026-03-02T09:00:00Z"];
        room.whk([fixed.as_slice(), more].concat()).env("COLUMNS", "80").run()
    };
    list(&[]).assert_snapshot(
        r"
exit 0
stdout:
    1 08:15:01 ✓ valid     standard user.created        msg_0001 POST /hook… 200
    2 08:15:02 ✗ invalid   standard user.created        msg_0002 POST /hooks 401
    3 08:15:03 ? unsigned  -        -                   -        POST /x\u{… 400
    4 08:15:04 ✓ duplicate standard user.created        msg_0001 POST /hook… 200
stderr:
4 requests in log.jsonl: 2 valid, 1 invalid, 1 unsigned
hint: why request 3 is not valid: whk log show 3 --log log.jsonl
",
    );
    list(&["-v"]).assert_snapshot(
        r#"
exit 0
stdout:
    1 08:15:01 ✓ valid     standard user.created        msg_0001 POST /hook… 200
      {"type": "user.created", "data": {"id": 7, "name": "M\u00fcller"}}
    2 08:15:02 ✗ invalid   standard user.created        msg_0002 POST /hooks 401
      {"type": "user.created", "data": {"id": 8}}
    3 08:15:03 ? unsigned  -        -                   -        POST /x\u{… 400
      no known signature header found
      4 bytes that are not text: ff 00 1b 61
    4 08:15:04 ✓ duplicate standard user.created        msg_0001 POST /hook… 200
      {"type": "user.created", "data": {"id": 7, "name": "M\u00fcller"}}
stderr:
4 requests in log.jsonl: 2 valid, 1 invalid, 1 unsigned
hint: why request 3 is not valid: whk log show 3 --log log.jsonl
"#,
    );
    list(&["-q"]).assert_snapshot(
        r"
exit 0
stdout:
    2 08:15:02 ✗ invalid   standard user.created        msg_0002 POST /hooks 401
    3 08:15:03 ? unsigned  -        -                   -        POST /x\u{… 400
",
    );
    for output in [list(&[]), list(&["-v"]), list(&["--color", "always"])] {
        let shown = output.stdout();
        let plain = |line: &str| {
            line.split('\u{1b}').map(|part| part.split_once('m').map_or(part, |(_, text)| text)).collect::<String>()
        };
        let width =
            |line: &str| if shown.contains('\u{1b}') { plain(line).chars().count() } else { line.chars().count() };
        assert!(shown.lines().all(|line| width(line) <= 80), "{output}");
        assert!(!shown.contains("\u{1b}[31m\u{1b}") && !shown.contains('\u{202e}'), "{output}");
    }
    room.whk(["log", "log.jsonl"]).run().assert_snapshot(
        r"
exit 0
stdout:
    1 2026-03-02T08:15:01.250Z ✓ valid     standard user.created msg_0001 POST /hooks?x=1 200
    2 2026-03-02T08:15:02.250Z ✗ invalid   standard user.created msg_0002 POST /hooks 401
    3 2026-03-02T08:15:03.250Z ? unsigned  -        - - POST /x\u{1b}[31m 400
    4 2026-03-02T08:15:04.250Z ✓ duplicate standard user.created msg_0001 POST /hooks?x=1 200
stderr:
4 requests in log.jsonl: 2 valid, 1 invalid, 1 unsigned
hint: why request 3 is not valid: whk log show 3 --log log.jsonl
",
    );
}

#[test]
fn older_requests_are_listed_with_their_date() {
    let room = room();
    let first = |now: &str| {
        let output = room.whk(["log", "log.jsonl", "--last", "1", "--now", now]).env("COLUMNS", "80").run();
        output.stdout()[6..].split(" ✓").next().unwrap().to_owned()
    };
    assert_eq!(first("2026-03-02T23:00:00Z"), "08:15:04");
    assert_eq!(first("2026-03-03T00:00:00Z"), "02 Mar 08:15");
    assert_eq!(first("2027-03-02T09:00:00Z"), "2026-03-02");
}

#[test]
fn every_flag_selects() {
    let room = room();
    for (flags, expected) in [
        (&[][..], &[1, 2, 3, 4][..]),
        (&["--verdict", "valid"], &[1, 4]),
        (&["--verdict", "invalid,unsigned"], &[2, 3]),
        (&["--type", "user.*"], &[1, 2, 4]),
        (&["--type", "order.*"], &[]),
        (&["--status", "4xx"], &[2, 3]),
        (&["--id", "msg_0002", "--id", "msg_0001"], &[1, 2, 4]),
        (&["--since", "2026-03-02T08:15:02.25Z", "--until", "2026-03-02T08:15:04Z"], &[2, 3]),
        (&["--since", "-1h", "--last", "2"], &[3, 4]),
        (&["--last", "9"], &[1, 2, 3, 4]),
        (&["--where", "data.id=7"], &[1, 4]),
        (&["--where", "/data/id=8"], &[2]),
        (&["--where", "data.name=Müller", "--where", "type=user.created"], &[1, 4]),
        (&["--grep", "Müller"], &[1, 4]),
        (&["--grep", "KNOWN signature"], &[3]),
        (&["--grep", "host: localhost", "--last", "1"], &[4]),
        (&["--grep", "msg_0002", "--verdict", "valid"], &[]),
    ] {
        assert_eq!(selected(&room, flags), expected, "{flags:?}");
    }
}

#[test]
fn json_has_the_records_as_they_were_written() {
    let room = room();
    let output = log(&room, &["--json"]).assert_exit(0);
    let lines: Vec<String> = output.stdout().lines().map(str::to_owned).collect();
    let written: Vec<Value> = records().into_iter().map(RecordBuilder::build).collect();
    assert_eq!(output.json()[..4], written);
    assert_eq!(
        lines[4],
        r#"{"kind":"summary","requests":4,"selected":4,"valid":2,"invalid":1,"unsigned":1,"unchecked":0,"unreadable":0}"#
    );
    assert_eq!(output.stderr(), log(&room, &["-v", "--json"]).stderr(), "-v changes nothing in the JSON");
    assert_eq!(
        log(&room, &["show", "2", ":1", "--json"]).assert_exit(0).json(),
        [written[1].clone(), written[0].clone()]
    );
}

#[test]
fn a_log_without_requests_says_so_and_what_to_type() {
    let room = TestEnv::new();
    room.whk(["log"]).run().assert_snapshot(
        "
exit 2
stderr:
error: there is no log yet
  caused by: `whk listen` writes it to [ROOM]/data/events.jsonl
hint: whk listen
",
    );
    room.write("log.jsonl", "");
    room.whk(["log", "log.jsonl"]).run().assert_snapshot(
        "
exit 0
stderr:
there is no request in log.jsonl
hint: whk listen --log log.jsonl
",
    );
    let room = self::room();
    log(&room, &["--type", "order.*"]).assert_snapshot(
        "
exit 0
stderr:
none of the 4 requests in log.jsonl matches the selection
",
    );
    log(&room, &["show", "--type", "order.*"]).assert_snapshot(
        "
exit 2
stderr:
error: none of the 4 requests in log.jsonl matches the selection
",
    );
    room.whk(["log", "nothing.jsonl"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot read nothing.jsonl
  caused by: no such file or directory
hint: the log of `whk listen`: whk log
",
    );
}

#[test]
fn the_default_log_is_listed() {
    let room = TestEnv::new();
    let listener = room.listen::<&str>([]);
    room.send(listener.url(), &["--type", "message.delivered", "--seed", "1"]).assert_exit(0);
    let output = room.whk(["log", "--json"]).run().assert_exit(0);
    assert_eq!(output.json()[0]["verdict"]["event_id"], "wh_17eb9055861e0a8b");
    room.whk(["log", "show", "wh_17"]).run().assert_exit(0);
    listener.stop();
}

#[test]
fn a_request_is_shown_in_full() {
    let room = room();
    let show = |name: &str| log(&room, &["show", name]);
    show("msg_0001").assert_snapshot(
        r#"
exit 0
stdout:
request 4  2026-03-02 08:15:04.250 +00:00  from 127.0.0.1:5000  duplicate
✓ valid log.jsonl:4 standard user.created msg_0001

POST /hooks?x=1
host: localhost:3000
webhook-id: msg_0001
webhook-timestamp: 1772439333
webhook-signature: v1,e9TeGi0cNybUJox4n4bGcM2+lIdSDMmpIEZLcT5a8xU=

{
  "type": "user.created",
  "data": {
    "id": 7,
    "name": "M\u00fcller"
  }
}

response 200 by listen in 0.1 ms
stderr:
note: 2 requests match `msg_0001`; this is the last, on line 4 (:4)
"#,
    );
    show("2").assert_snapshot(r#"
exit 0
stdout:
request 2  2026-03-02 08:15:02.250 +00:00  from 127.0.0.1:5000
✗ invalid log.jsonl:2 standard user.created msg_0002
  why: signature mismatch: wrong secret, or the body was modified
  fix: check that the secret given with -s matches the secret in the provider's dashboard, and verify the raw request body, not re-serialized JSON

POST /hooks
webhook-id: msg_0002
webhook-timestamp: 1772439333
webhook-signature: v1,vWYm1NMvl8wgM3ueq6vGG1rLW31/wdpTnH+zLDAbR94=

{
  "type": "user.created",
  "data": {
    "id": 8
  }
}

response 401 by listen in 0.1 ms
"#);
    show("3").assert_snapshot(
        r"
exit 0
stdout:
request 3  2026-03-02 08:15:03.250 +00:00  from 127.0.0.1:5000
? unsigned log.jsonl:3 standard
  why: `webhook-signature`, `webhook-id` and `webhook-timestamp` are missing, so the request is not signed
  fix: check that the capture is complete and that no proxy strips `webhook-signature`

POST /x\u{1b}[31m
x-odd: a\u{202e}b

00000000  ff 00 1b 61                                       |...a|

response 400 by listen in 0.1 ms
",
    );
    let several = log(&room, &["show", "3", "2"]).assert_exit(0).stdout();
    assert_eq!(several, format!("{}\n{}", show("3").stdout(), show("2").stdout()));
}

#[test]
fn a_verdict_that_has_changed_is_shown_with_the_recorded_one() {
    let room = room();
    let another = ["-p", "standard", "-s", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "--now", "2026-03-02T09:00:00Z"];
    let output = room.whk([["log", "show", "1", "--log", "log.jsonl"].as_slice(), &another].concat()).run();
    let shown = output.assert_exit(0).stdout();
    let lines: Vec<&str> = shown.lines().skip(1).take(2).collect();
    assert_eq!(
        lines,
        [
            "✓ valid log.jsonl:1 standard user.created msg_0001",
            "  now: invalid: signature mismatch: wrong secret, or the body was modified"
        ]
    );
}

#[test]
fn an_unknown_request_is_an_error_with_the_nearest_one() {
    let room = room();
    log(&room, &["show", "9"]).assert_snapshot(
        "
exit 2
stderr:
error: there is no request `9` in log.jsonl
hint: whk log show 4 --log log.jsonl
",
    );
    log(&room, &["show", "msg_0003"]).assert_snapshot(
        "
exit 2
stderr:
error: there is no request `msg_0003` in log.jsonl
hint: whk log show msg_0001 --log log.jsonl
",
    );
    log(&room, &["show", "msg_"]).assert_snapshot(
        r#"
exit 0
stdout:
request 4  2026-03-02 08:15:04.250 +00:00  from 127.0.0.1:5000  duplicate
✓ valid log.jsonl:4 standard user.created msg_0001

POST /hooks?x=1
host: localhost:3000
webhook-id: msg_0001
webhook-timestamp: 1772439333
webhook-signature: v1,e9TeGi0cNybUJox4n4bGcM2+lIdSDMmpIEZLcT5a8xU=

{
  "type": "user.created",
  "data": {
    "id": 7,
    "name": "M\u00fcller"
  }
}

response 200 by listen in 0.1 ms
stderr:
note: 3 requests match `msg_`; this is the last, on line 4 (:4)
"#,
    );
    log(&room, &["show", "nothing-like-it"]).assert_snapshot(
        "
exit 2
stderr:
error: there is no request `nothing-like-it` in log.jsonl
hint: whk log show 4 --log log.jsonl
",
    );
    log(&room, &["show"]).assert_snapshot(
        "
exit 2
stderr:
error: `whk log show` needs SEQ or ID
  caused by: a request is named by its number in the list, or by its event id
hint: the last one: whk log show --last 1
",
    );
    let shown = log(&room, &["show", "msg…0002"]).assert_exit(0).stdout();
    assert!(shown.starts_with("request 2 "), "{shown}");
}

#[test]
fn captures_of_every_form_are_listed_with_a_verdict_of_now() {
    let room = room();
    let now = ["-p", "standard", "-s", STANDARD, "--now", "2026-03-02T08:15:33Z"];
    let headers = crate::harness::http::signed(STANDARD, "msg_1", NOW, BODY.as_bytes());
    room.write("request.http", crate::harness::http::request(&headers, BODY.as_bytes()));
    let output = room.whk([["log", "request.http"].as_slice(), &now].concat()).run();
    output.assert_snapshot(
        "
exit 0
stdout:
    1 - ✓ valid     standard user.created msg_1 POST /hooks -
stderr:
1 request in request.http: 1 valid
",
    );
    let json = room.whk([["log", "request.http", "--json"].as_slice(), &now].concat()).run().json();
    assert_eq!((&json[0]["verdict"]["status"], &json[0]["response"]), (&json!("valid"), &Value::Null));
    // Stdin as well, and what `--json` printed is a log again.
    let printed = log(&room, &["--json"]).bytes().to_vec();
    let again = room.whk(["log", "-", "--json"]).stdin(printed.clone()).run().assert_exit(0);
    assert_eq!(again.bytes(), printed);
}

#[test]
fn lines_that_cannot_be_read_are_named_and_the_rest_is_listed() {
    let room = TestEnv::new();
    let [first, second, ..] = records();
    room.write("log.jsonl", format!("{}{{\"v\":1,\"broken\n{}", first.line(), second.line()));
    log(&room, &[]).assert_snapshot(
        "
exit 2
stdout:
    1 2026-03-02T08:15:01.250Z ✓ valid     standard user.created msg_0001 POST /hooks?x=1 200
    2 2026-03-02T08:15:02.250Z ✗ invalid   standard user.created msg_0002 POST /hooks 401
stderr:
error: log.jsonl:2:14: the JSON is cut off here
skipped 1 line that cannot be read
2 requests in log.jsonl: 1 valid, 1 invalid
hint: why request 2 is not valid: whk log show 2 --log log.jsonl
",
    );
}

#[test]
fn a_long_log_is_listed_in_order_on_all_cores() {
    let room = TestEnv::new();
    let mut text = String::new();
    for seq in 1..=3000 {
        text.push_str(&records()[(seq % 2) as usize].clone().seq(seq).line());
    }
    assert!(text.len() > 1 << 20);
    room.write("log.jsonl", &text);
    assert_eq!(selected(&room, &[]), (1..=3000).collect::<Vec<u64>>());
    assert_eq!(selected(&room, &["--verdict", "valid"]), (1..=1500).map(|n| n * 2).collect::<Vec<u64>>());
    assert_eq!(selected(&room, &["--grep", "Müller", "--last", "2"]), [2998, 3000]);
    assert_eq!(selected(&room, &["--last", "1500"]), (1501..=3000).collect::<Vec<u64>>());
    let shown = log(&room, &["show", "1234"]).assert_exit(0).stdout();
    assert!(shown.starts_with("request 1234 "), "{shown}");
}

#[test]
fn two_requests_are_compared() {
    let room = room();
    let diff = |more: &[&str]| log(&room, &[["diff"].as_slice(), more].concat());
    diff(&["1", "2"]).assert_snapshot(
        r#"
exit 1
stdout:
- request 1  2026-03-02 08:15:01.250  ✓ valid standard user.created
+ request 2  2026-03-02 08:15:02.250  ✗ invalid standard user.created
target
  - /hooks?x=1
  + /hooks
header host
  - localhost:3000
header webhook-id
  - msg_0001
  + msg_0002
header webhook-signature
  - v1,e9TeGi0cNybUJox4n4bGcM2+lIdSDMmpIEZLcT5a8xU=
  + v1,vWYm1NMvl8wgM3ueq6vGG1rLW31/wdpTnH+zLDAbR94=
body data.id
  - 7
  + 8
body data.name
  - "Müller"
"#,
    );
    diff(&["1", "4"]).assert_snapshot(
        "
exit 0
stdout:
- request 1  2026-03-02 08:15:01.250  ✓ valid standard user.created
+ request 4  2026-03-02 08:15:04.250  ✓ valid standard user.created
the requests are the same, byte for byte
",
    );
    diff(&["2", "3", "-q"]).assert_snapshot(
        "
exit 1
",
    );
    diff(&["1", "3"]).assert_snapshot(
        r#"
exit 1
stdout:
- request 1  2026-03-02 08:15:01.250  ✓ valid standard user.created
+ request 3  2026-03-02 08:15:03.250  ? unsigned
target
  - /hooks?x=1
  + /x\u{1b}[31m
header host
  - localhost:3000
header webhook-id
  - msg_0001
header webhook-timestamp
  - 1772439333
header webhook-signature
  - v1,e9TeGi0cNybUJox4n4bGcM2+lIdSDMmpIEZLcT5a8xU=
header x-odd
  + a\u{202e}b
body from byte 0 (60 and 4 bytes)
  - {"type":"user.created","data":{"
  + \xff\u{0}\u{1b}a
"#,
    );
}

#[test]
fn a_comparison_has_a_form_for_scripts_and_names_unknown_requests() {
    let room = room();
    let diff = |more: &[&str]| log(&room, &[["diff"].as_slice(), more].concat());
    diff(&["1", "2", "--json"]).assert_snapshot(r#"
exit 1
stdout:
{"kind":"difference","part":"target","a":"/hooks?x=1","b":"/hooks"}
{"kind":"difference","part":"header","name":"host","a":"localhost:3000"}
{"kind":"difference","part":"header","name":"webhook-id","a":"msg_0001","b":"msg_0002"}
{"kind":"difference","part":"header","name":"webhook-signature","a":"v1,e9TeGi0cNybUJox4n4bGcM2+lIdSDMmpIEZLcT5a8xU=","b":"v1,vWYm1NMvl8wgM3ueq6vGG1rLW31/wdpTnH+zLDAbR94="}
{"kind":"difference","part":"json","name":"data.id","a":7,"b":8}
{"kind":"difference","part":"json","name":"data.name","a":"Müller"}
{"kind":"summary","a":1,"b":2,"same":false,"differences":6}
"#);
    diff(&["1", "4", "--json"]).assert_snapshot(
        r#"
exit 0
stdout:
{"kind":"summary","a":1,"b":4,"same":true,"differences":0}
"#,
    );
    diff(&["1", "9"]).assert_snapshot(
        "
exit 2
stderr:
error: there is no request `9` in log.jsonl
hint: whk log show 4 --log log.jsonl
",
    );
    diff(&["1"]).assert_snapshot(
        "
exit 2
stderr:
error: `whk log diff` needs B
hint: whk log diff --help
",
    );
}

#[test]
fn bytes_are_compared_if_the_json_of_both_bodies_is_equal() {
    let room = TestEnv::new();
    let diff = |more: &[&str]| log(&room, &[["diff"].as_slice(), more].concat());
    let spaced = |seq: u64, body: &str| RecordBuilder::new().seq(seq).at("2026-03-02T08:15:01Z").body(body);
    room.write("log.jsonl", log_of([spaced(1, r#"{"a":[1,2]}"#), spaced(2, "{\"a\": [1, 2]}\n")]));
    diff(&["1", "2"]).assert_snapshot(
        r#"
exit 1
stdout:
- request 1  2026-03-02 08:15:01.000  ? unsigned standard
+ request 2  2026-03-02 08:15:01.000  ? unsigned standard
body: the JSON is equal, its text differs from byte 5 (11 and 14 bytes)
  - {"a":[1,2]}
  + {"a": [1, 2]}\u{a}
"#,
    );
    diff(&["1", "2", "--json"]).assert_snapshot(
        r#"
exit 1
stdout:
{"kind":"difference","part":"bytes","offset":5,"json_equal":true,"a":"{\"a\":[1,2]}","b":"{\"a\": [1, 2]}\n"}
{"kind":"summary","a":1,"b":2,"same":false,"differences":1}
"#,
    );
}

/// A log with this many short records, from the first number on.
fn long_log(first: u64, count: u64) -> String {
    let record = |seq: u64| {
        RecordBuilder::new()
            .seq(seq)
            .at("2026-03-02T08:15:01Z")
            .field("method", "POST")
            .target("/")
            .field("size", 1)
            .body("x".repeat(300))
            .verdict(
                if seq.is_multiple_of(7) { "invalid" } else { "valid" },
                Some("standard"),
                "user.created",
                "msg_0001",
            )
            .field("duplicate", false)
            .response(Some(200))
    };
    log_of((first..first + count).map(record))
}

#[test]
fn the_last_requests_of_a_long_log_are_read_from_its_end() {
    let room = TestEnv::new();
    // What is before them is not even read.
    room.write("log.jsonl", format!("{{\"broken\n{}", long_log(1, 2000)));
    assert_eq!(selected(&room, &["--last", "3"]), [1998, 1999, 2000]);
    assert_eq!(selected(&room, &["--last", "2", "--verdict", "invalid"]), [1988, 1995]);
    assert_eq!(selected(&room, &["--last", "2", "--grep", "XXX", "--type", "user.*"]), [1999, 2000]);
    log(&room, &["--last", "2", "--verdict", "invalid"]).assert_snapshot(
        "
exit 0
stdout:
 1988 2026-03-02T08:15:01.000Z ✗ invalid   standard user.created msg_0001 POST / 200
 1995 2026-03-02T08:15:01.000Z ✗ invalid   standard user.created msg_0001 POST / 200
stderr:
the last 2 requests in log.jsonl: 2 invalid
hint: why request 1995 is not valid: whk log show 1995 --log log.jsonl
",
    );
    let lines = log(&room, &["export", "--last", "2"]).assert_exit(0).json();
    assert_eq!(lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [1999, 2000]);
    // With fewer of them, the whole log is read, and the broken line is named.
    let output = log(&room, &["--last", "3000", "--json"]).assert_exit(2);
    assert_eq!(output.json().len(), 2001);
    assert!(output.stderr().contains("log.jsonl:1:"), "{output}");
    // A log without numbers counts lines, so that it is read from its start.
    let unnumbered = RecordBuilder::new().body("x".repeat(400)).line().repeat(1000);
    room.write("log.jsonl", unnumbered);
    assert_eq!(selected(&room, &["--last", "1"]), [1000]);
}

#[test]
fn a_log_is_followed_through_its_rotation() {
    let room = TestEnv::new();
    let path = room.write("log.jsonl", long_log(1, 12));
    let append = |text: &str| {
        use std::io::Write as _;
        let mut file = std::fs::File::options().append(true).create(true).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let follow = ["log", "-f", "--log", "log.jsonl", "--verdict", "invalid,valid", "--json"];
    let following = room.whk(follow).start();
    following.wait_for_stderr("following log.jsonl; Ctrl-C stops");
    let seen = |seq: u64| move |so_far: &str| so_far.contains(&format!("\"seq\":{seq},"));
    let so_far = following.wait_for_stdout(seen(12));
    assert_eq!(so_far.lines().count(), 10);
    let next = long_log(13, 1);
    let (start, end) = next.split_at(40);
    append(start);
    append(end);
    following.wait_for_stdout(seen(13));
    std::fs::rename(&path, room.file("log.jsonl.1")).unwrap();
    append(&long_log(1, 2));
    let shown = |so_far: &str| so_far.lines().count() == 13;
    following.wait_for_stdout(shown);
    following.signal("INT");
    let lines = following.end().assert_exit(0).json();
    let numbers: Vec<u64> = lines[..13].iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 1, 2]);
    assert_eq!(
        lines[13],
        json!({"kind": "summary", "requests": 15, "selected": 13, "valid": 12, "invalid": 1, "unsigned": 0, "unchecked": 0, "unreadable": 0})
    );
}

#[test]
fn only_the_list_of_a_log_is_followed() {
    let room = TestEnv::new();
    room.write("session.har", "{\"log\":{\"entries\":[]}}");
    room.whk(["log", "-f", "session.har"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot follow session.har
  caused by: it is no log in a file
hint: whk log -f --log events.jsonl
",
    );
    room.whk(["log", "-f", "-"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot follow stdin
  caused by: it is no log in a file
hint: whk listen --json
",
    );
    room.write("log.jsonl", long_log(1, 1));
    room.whk(["log", "-f", "--log", "log.jsonl", "show", "1"]).run().assert_snapshot(
        "
exit 2
stderr:
error: `whk log -f` lists the requests that arrive
hint: whk log -f --log log.jsonl
",
    );
}
