//! What people see of `whk listen`: every line, with colours and without, and nothing raw from outside.

use std::fs;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::thread;

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{AHASEND, Connection, NOW, NOW_TEXT, STANDARD, exchange, request, signed};

/// Listens, lets some events in, and gives all that was shown.
fn shown(flags: &[&str], events: &[&[&str]]) -> Output {
    let room = TestEnv::new();
    let fixed = ["--no-log", "--now", NOW_TEXT, "-p", "ahasend", "-s", AHASEND];
    let listener = room.listen([&fixed, flags].concat());
    for event in events {
        let fixed = ["-p", "ahasend", "-s", AHASEND, "--now", NOW_TEXT, "--seed", "1"];
        let output = room.send(listener.url(), &[&fixed, *event].concat());
        assert!(matches!(output.code(), Some(0 | 1)), "{output}");
    }
    listener.stop()
}

#[test]
fn every_line_without_colours() {
    let events = [
        &["--type", "message.delivered"][..],
        &["--type", "message.delivered"],
        &["--type", "message.delivered", "--fault", "tampered-body"],
        &["--type", "suppression.created", "--fault", "expired"],
        &["-d", "plain text\nin two lines", "--fault", "missing-signature"],
        &["-d", "", "--id", "empty"],
        &["-d", "[1.10,1e400,{},[],\"\\u003c\",null]", "--id", "tokens"],
    ];
    let output = shown(&[], &events);
    assert!(!output.to_string().contains('\u{1b}'));
    output.assert_snapshot(
        r#"
exit 0
stdout:
08:15:33.000 200 ✓ valid    ahasend  message.delivered   wh_17eb9055861e0a8b kim@example.com
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
08:15:33.000 200 ✓ valid    ahasend  message.delivered   wh_17eb9055861e0a8b kim@example.com duplicate
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
08:15:33.000 400 ✗ invalid  ahasend  message.delivered   wh_17eb9055861e0a8b kim@example.com
    signature mismatch: wrong secret, or the body was modified
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
        "id": "ahasend-message-13651"
      }
    }
08:15:33.000 400 ✗ invalid  ahasend  suppression.created wh_17eb9055861e0a8b sam@example.com
    the signature is right, but the timestamp is 600 s old (allowed: 300 s)
    {
      "type": "suppression.created",
      "timestamp": "2026-03-02T08:15:33.000000000Z",
      "data": {
        "account_id": "630bfdb7-a6a6-44a5-b1aa-2b57dad0bad0",
        "recipient": "sam@example.com",
        "created_at": "2026-03-02T08:15:33.000000000Z",
        "expires_at": "2026-04-01T08:15:33.000000000Z",
        "reason": "Too many hard bounces",
        "sending_domain": "mail.example.org"
      }
    }
08:15:33.000 400 ? unsigned ahasend  POST /              wh_17eb9055861e0a8b
    `webhook-signature` is missing, so the request is not signed
    plain text
    in two lines
08:15:33.000 200 ✓ valid    ahasend  POST /              empty
08:15:33.000 200 ✓ valid    ahasend  POST /              tokens
    [
      1.10,
      1e400,
      {},
      [],
      "\u003c",
      null
    ]
stderr:
listening on http://[ADDRESS]  (ahasend, secret from the command line)
not recording (--no-log)
Press Ctrl-C to stop
7 received, 4 valid, 2 invalid, 1 unsigned, 1 duplicate
"#,
    );
}

#[test]
fn colours_are_there_when_asked_for() {
    let output = shown(&["--color", "always"], &[&["-d", "{\"type\":\"a\",\"n\":1}", "--id", "one"]]);
    output.redact("\u{1b}", "[E]").assert_snapshot(r#"
exit 0
stdout:
[E][2m08:15:33.000[E][0m [E][32m200[E][0m [E][32m✓ valid[E][0m    ahasend  [E][1ma[E][0m                   [E][36mone[E][0m
    {
      [E][36m"type"[E][0m: [E][32m"a"[E][0m,
      [E][36m"n"[E][0m: [E][33m1[E][0m
    }
stderr:
[E][1mlistening on[E][0m [E][36mhttp://[ADDRESS][E][0m  (ahasend, secret from the command line)
[E][2mnot recording (--no-log)[E][0m
[E][2mPress Ctrl-C to stop[E][0m
1 received, 1 valid
"#);
}

#[test]
fn a_long_body_is_folded_unless_v_asks_for_all() {
    let body = format!("[{}0]", "0,".repeat(99));
    for (flags, lines, last) in
        [(&[][..], 25, "    … folded: 201 bytes in all (-v shows them)\n"), (&["-v"], 103, "    ]\n")]
    {
        let output = shown(flags, &[&["-d", &body]]);
        assert_eq!(output.stdout().lines().count(), lines, "{output}");
        assert!(output.stdout().ends_with(last), "{output}");
    }
}

#[test]
fn nothing_from_outside_reaches_the_terminal_raw() {
    let room = TestEnv::new();
    let fixed = ["--no-log", "--now", NOW_TEXT, "-p", "standard", "-s", STANDARD, "-v"];
    let listener = room.listen(fixed);
    let texts = [
        "{\"type\":\"\\u001b[31mred\\u0007\",\"data\":{\"email\":\"\\u001b]0;title\\u0007\"}}",
        "{\"type\":\"\u{9b}31m\u{202e}\u{200b}\",\"data\":{\"id\":\"\u{1b}\"}}",
        "not JSON \u{1b}[2J\u{1b}]52;c;x\u{7}\u{8}\r\nnext\u{85}line",
    ];
    for body in texts {
        let body = body.as_bytes();
        for headers in [signed(STANDARD, "id\u{9b}31m", NOW, body), "webhook-signature: \u{9b}2J\r\n".to_owned()] {
            exchange(listener.address(), &request(&headers, body));
        }
    }
    exchange(listener.address(), b"\x1b[31mPOST / HTTP/1.1\r\n\r\n");
    let output = listener.stop().assert_exit(0);
    let shown = output.stdout() + &output.stderr();
    let raw = |c: &char| c.is_control() && *c != '\n' || ('\u{200b}'..='\u{202e}').contains(c);
    assert_eq!(shown.chars().find(raw), None, "{output}");
    assert!(shown.contains("\\u{1b}[31mred\\u{7}") && shown.contains("\\u{9b}31m\\u{202e}"), "{output}");
    assert!(output.stderr().contains("6 received"), "{output}");
}

#[test]
fn a_reader_that_stops_reading_slows_nothing_down() {
    const MANY: usize = 3000;
    for json in [false, true] {
        let room = TestEnv::new();
        let (mut stdout, theirs) = std::io::pipe().unwrap();
        let ready = room.path().join("ready");
        let flags = ["listen", "0", "-p", "standard", "-s", STANDARD, "--now", NOW_TEXT, "--log", "log.jsonl"];
        let more = ["--ready-file", ready.to_str().unwrap(), if json { "--json" } else { "--color=never" }];
        let run = room.whk([&flags, more.as_slice()].concat()).stdout_to(fs::File::from(OwnedFd::from(theirs)));
        let listener = run.start_listening(&ready);
        let mut connection = Connection::open(listener.address());
        for number in 0..MANY {
            let body = format!(r#"{{"type":"user.created","n":{number}}}"#);
            let headers = signed(STANDARD, &format!("msg_{number}"), NOW, body.as_bytes());
            assert_eq!(connection.exchange(&request(&headers, body.as_bytes())).status, 200);
        }
        let log = fs::read_to_string(room.file("log.jsonl")).unwrap();
        assert_eq!(log.lines().count(), MANY);
        // Once it reads again it sees what was not too much, and how much that was.
        let reading = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let output = listener.stop().assert_exit(0);
        let text = reading.join().unwrap();
        if json {
            assert_eq!(text.lines().filter(|line| line.starts_with("{\"v\":1,")).count(), MANY);
            assert!(!output.stderr().contains("too slow"), "{output}");
        } else {
            let shown = text.matches("✓ valid").count();
            assert!((1024..2500).contains(&shown), "{shown}");
            let skipped = format!("{} requests were not shown: the terminal is too slow\n", MANY - shown);
            assert!(output.stderr().contains(&skipped), "{shown} {output}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_ends_nothing() {
    let room = TestEnv::new();
    let (stdout, theirs) = std::io::pipe().unwrap();
    let ready = room.path().join("ready");
    let flags = ["listen", "0", "-p", "standard", "-s", STANDARD, "--now", NOW_TEXT, "--log", "log.jsonl"];
    let run = room.whk([&flags, ["--ready-file", ready.to_str().unwrap()].as_slice()].concat());
    let listener = run.stdout_to(fs::File::from(OwnedFd::from(theirs))).start_listening(&ready);
    drop(stdout);
    let headers = signed(STANDARD, "msg_1", NOW, b"{}");
    for _ in 0..3 {
        assert_eq!(exchange(listener.address(), &request(&headers, b"{}")).status, 200);
    }
    listener.stop().assert_snapshot(
        "
exit 0
stderr:
listening on http://[ADDRESS]  (standard, secret from the command line)
recording to log.jsonl
Press Ctrl-C to stop
3 received, 3 valid, 2 duplicates
",
    );
    assert_eq!(fs::read_to_string(room.file("log.jsonl")).unwrap().lines().count(), 3);
}

#[test]
fn nobody_who_reads_holds_up_the_end() {
    let room = TestEnv::new();
    let (stdout, theirs) = std::io::pipe().unwrap();
    let ready = room.path().join("ready");
    let flags = ["listen", "0", "-p", "standard", "-s", STANDARD, "--now", NOW_TEXT, "--no-log", "-v"];
    let run = room
        .whk([&flags, ["--ready-file", ready.to_str().unwrap()].as_slice()].concat())
        .stdout_to(fs::File::from(OwnedFd::from(theirs)));
    let listener = run.start_listening(&ready);
    let body = format!("[{}0]", "0,".repeat(100_000));
    let headers = signed(STANDARD, "msg_1", NOW, body.as_bytes());
    assert_eq!(exchange(listener.address(), &request(&headers, body.as_bytes())).status, 200);
    let output = listener.stop().assert_exit(0);
    assert!(output.stderr().ends_with("1 received, 1 valid\n"), "{output}");
    drop(stdout);
}

#[test]
fn q_shows_what_needs_attention_only() {
    let events = [&["--type", "message.opened"][..], &["--type", "message.opened", "--fault", "expired"]];
    let output = shown(&["-q"], &events);
    let heads: Vec<String> =
        output.stdout().lines().filter(|line| line.contains("ahasend  m")).map(str::to_owned).collect();
    assert_eq!(heads.len(), 1, "{output}");
    assert!(heads[0].starts_with("08:15:33.000 400 ✗ invalid  ahasend  message.opened "), "{output}");
    assert_eq!(output.stderr(), "");
}

/// Listens on a screen of this size; lets in three valid events and what shows a problem each, and gives the run.
fn on_a_screen(columns: &str, lines: &str, flags: &[&str]) -> Output {
    let room = TestEnv::new();
    let ready = room.path().join("ready");
    let fixed = ["listen", "0", "--now", NOW_TEXT, "--ready-file", ready.to_str().unwrap()];
    let run = room.whk([&fixed, flags].concat()).env("COLUMNS", columns).env("LINES", lines);
    let listener = run.start_listening(&ready);
    let send = |more: &[&str]| {
        let common = ["-p", "ahasend", "--now", NOW_TEXT, "--seed", "1"];
        room.send(&format!("{}/hooks", listener.url()), &[&common, more].concat());
    };
    send(&["--type", "message.delivered", "--type", "message.opened", "--type", "message.transient_error"]);
    send(&["--type", "message.delivered", "--fault", "tampered-body"]);
    if flags.contains(&"-v") || columns != "80" {
        let unsigned = b"POST /a/rather/long/path?v=1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
        exchange(listener.address(), unsigned);
    }
    listener.stop()
}

#[test]
fn the_first_minute_fits_a_screen_of_80_by_24() {
    let output = on_a_screen("80", "24", &[]);
    output.assert_snapshot(
        r#"
exit 0
stdout:
08:15:33 200 ✓ valid    ahasend  message.delivered   wh_17eb9055861e0a8b /hooks
    {"type": "message.delivered", "timestamp": "2026-03-02T08:15:33.000000000Z",
    "data": {"account_id": "630bfdb7-a6a6-44a5-b1aa-2b57dad0bad0",
    "event": "on_delivered", "from": "hello@shop.examp… 317 bytes (-v shows all)
08:15:33 200 ✓ valid    ahasend  message.opened      wh_f62f9a97358ab6bd /hooks
    {"type": "message.opened", "timestamp": "2026-03-02T08:15:33.000000000Z",
    "data": {"account_id": "5b2394ee-edab-458c-85a8-18511f4f2b3f",
    "event": "on_opened", "from": "billing@mail.exampl… 397 bytes (-v shows all)
08:15:33 200 ✓ valid    ahasend  message.transient_error /hooks
    {"type": "message.transient_error",
    "timestamp": "2026-03-02T08:15:33.000000000Z", "data": {
    "account_id": "d3b01b98-b200-436f-a20c-ec72fdc7f61… 333 bytes (-v shows all)
08:15:33 400 ✗ invalid  ahasend  message.delivered   wh_17eb9055861e0a8b /hooks
    signature mismatch: wrong secret, or the body was modified (tried ahasend,
    openai and standard)
    {"type": "message.delivered", "timestamp": "2026-03-02T08:15:33.000000000Z",
    "data": {"account_id": "630bfdb7-a6a6-44a5-b1aa-2b57dad0bad0",
    "event": "on_delivered", "from": "hello@shop.examp… 317 bytes (-v shows all)
stderr:
listening on http://[ADDRESS]  (any provider, development secrets)
to see the secret: whk secret -p NAME
recording to [ROOM]/data/events.jsonl
Press Ctrl-C to stop
4 received, 3 valid, 1 invalid
"#,
    );
    let (stdout, stderr) = (output.stdout(), output.stderr());
    let lines: Vec<&str> = stdout.lines().chain(stderr.lines()).collect();
    assert_eq!(
        lines.iter().find(|line| line.chars().count() > 80 && !line.starts_with("recording to")),
        None,
        "{output}"
    );
    assert!(lines.len() <= 24, "{}: {output}", lines.len());
}

#[test]
fn columns_keep_their_shape_at_every_width_and_nothing_but_a_path_is_cut() {
    let heads = |columns| {
        let stdout = on_a_screen(columns, "24", &[]).stdout();
        stdout.lines().filter(|line| line.starts_with("08:15")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        heads("200"),
        [
            "08:15:33.000 200 ✓ valid    ahasend  message.delivered   wh_17eb9055861e0a8b /hooks kim@example.com",
            "08:15:33.000 200 ✓ valid    ahasend  message.opened      wh_f62f9a97358ab6bd /hooks noor@example.com",
            "08:15:33.000 200 ✓ valid    ahasend  message.transient_error wh_0789e474ee151b84 /hooks dana@example.com",
            "08:15:33.000 400 ✗ invalid  ahasend  message.delivered   wh_17eb9055861e0a8b /hooks kim@example.com",
            "08:15:33.000 400 ? unsigned          POST /a/rather/long/path?v=1",
        ]
    );
    assert_eq!(
        heads("100"),
        [
            "08:15:33 200 ✓ valid    ahasend  message.delivered   wh_17eb9055861e0a8b /hooks",
            "08:15:33 200 ✓ valid    ahasend  message.opened      wh_f62f9a97358ab6bd /hooks",
            "08:15:33 200 ✓ valid    ahasend  message.transient_error wh_0789e474ee151b84 /hooks",
            "08:15:33 400 ✗ invalid  ahasend  message.delivered   wh_17eb9055861e0a8b /hooks",
            "08:15:33 400 ? unsigned          POST /a/rather/long/path?v=1",
        ]
    );
    assert_eq!(
        heads("60"),
        [
            "08:15:33 200 ✓ valid    ahasend  message.delivered   /hooks",
            "08:15:33 200 ✓ valid    ahasend  message.opened      /hooks",
            "08:15:33 200 ✓ valid    ahasend  message.transient_error /h…",
            "08:15:33 400 ✗ invalid  ahasend  message.delivered   /hooks",
            "08:15:33 400 ? unsigned          POST /a/rather/long/path?v…",
        ]
    );
}

#[test]
fn how_a_provider_was_detected_is_wrapped() {
    let output = on_a_screen("60", "24", &["-v"]);
    let stdout = output.stdout();
    let detected: Vec<&str> = stdout.lines().filter(|line| line.contains("webhook-signature")).collect();
    assert!(!detected.is_empty(), "{output}");
    assert_eq!(detected.iter().find(|line| line.chars().count() > 60), None, "{output}");
}
