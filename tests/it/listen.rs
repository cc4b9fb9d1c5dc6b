//! `whk listen`: what it answers, prints and records.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{AHASEND, Connection, NOW, NOW_TEXT, STANDARD, exchange, request, signed, valid};

const BODY: &[u8] = br#"{"type":"user.created","data":{"email":"a@example.com"}}"#;

fn masked(output: Output) -> Output {
    output
        .redact_between("\"pid\":", ",", "[PID]")
        .redact_between("\"remote\":\"127.0.0.1:", "\"", "[PORT]")
        .redact_between("\"duration_ms\":", "}", "[T]")
}

#[test]
fn json_says_ready_first_then_every_field_of_each_request_and_the_summary_last() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--json"]);
    let answer = exchange(listener.address(), &valid("msg_1", BODY));
    assert_eq!((answer.status, answer.body.as_str()), (200, "OK"));
    let pid = listener.id();
    let output = listener.stop();
    assert_eq!(output.json()[0]["pid"], pid);
    masked(output).assert_snapshot(r#"
exit 0
stdout:
{"kind":"ready","url":"http://[ADDRESS]","pid":[PID],"log":"log.jsonl"}
{"v":1,"kind":"request","seq":1,"at":"2026-03-02T08:15:33.000000Z","remote":"127.0.0.1:[PORT]","method":"POST","target":"/hooks","headers":[["host","localhost"],["webhook-id","msg_1"],["webhook-timestamp","1772439333"],["webhook-signature","v1,IgUQHmwmvSLPeZ9amdDZTVEN5REpop9lWOtQ+sD3rK4="],["content-length","56"]],"body":"{\"type\":\"user.created\",\"data\":{\"email\":\"a@example.com\"}}","size":56,"verdict":{"status":"valid","provider":"standard","event_type":"user.created","event_id":"msg_1","cause":null,"message":"the signature is right"},"duplicate":false,"response":{"status":200,"by":"listen","duration_ms":[T]}}
{"kind":"summary","received":1,"valid":1,"invalid":0,"unsigned":0,"duplicates":0,"refused":0}
stderr:
listening on http://[ADDRESS]  (standard, secret from the command line)
recording to log.jsonl
Press Ctrl-C to stop
1 received, 1 valid
"#);
}

#[test]
fn the_log_holds_the_same_lines_byte_for_byte() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--json"]);
    let mut connection = Connection::open(listener.address());
    connection.exchange(&valid("msg_1", BODY));
    connection.exchange(&request("x: y\r\n", b"\xff\x00"));
    connection.exchange(&request("x-raw: café\r\n", "\u{1b}[31m\u{2028}".as_bytes()));
    let output = listener.stop();
    let stdout = output.stdout();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{output}");
    assert_eq!(fs::read_to_string(room.file("log.jsonl")).unwrap(), lines[1..4].join("\n") + "\n");
}

#[test]
fn a_record_is_in_the_log_before_the_answer() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&[]);
    let mut connection = Connection::open(listener.address());
    for number in 1..=50 {
        connection.exchange(&valid(&format!("msg_{number}"), BODY));
        let records = room.log();
        assert_eq!(records.len(), number);
        assert_eq!(records[number - 1]["verdict"]["event_id"], format!("msg_{number}"));
    }
    listener.stop().assert_exit(0);
}

#[test]
fn a_bad_signature_is_answered_as_the_samples_do_and_counted() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--json"]);
    let headers = signed(STANDARD, "msg_1", NOW, BODY);
    let answer = exchange(listener.address(), &request(&headers, b"{}"));
    assert_eq!((answer.status, answer.body.as_str()), (400, "Invalid signature"));
    let unsigned = exchange(listener.address(), &request("", BODY));
    assert_eq!((unsigned.status, unsigned.body.as_str()), (400, "Invalid signature"));
    let lines = listener.stop().assert_exit(0).json();
    let verdict = &lines[1]["verdict"];
    assert_eq!((&verdict["status"], &verdict["cause"]), (&json!("invalid"), &json!("secret-mismatch")));
    let verdict = &lines[2]["verdict"];
    assert_eq!((&verdict["status"], &verdict["cause"]), (&json!("unsigned"), &json!("missing-header")));
    let summary = json!({"kind":"summary","received":2,"valid":0,"invalid":1,"unsigned":1,"duplicates":0,"refused":0});
    assert_eq!(lines[3], summary);
}

#[test]
fn whose_request_it_is_is_told_from_its_headers_and_secret() {
    let room = TestEnv::new();
    room.write("whk.toml", format!("[secrets]\nahasend = '{AHASEND}'\nstandard = '{STANDARD}'\n"));
    let listener = room.listen(["--json", "--no-log", "--now", NOW_TEXT]);
    for secret in [STANDARD, AHASEND] {
        assert_eq!(exchange(listener.address(), &request(&signed(secret, "m", NOW, BODY), BODY)).status, 200);
    }
    let lines = listener.stop().assert_exit(0).json();
    let providers: Vec<&Value> = lines[1..3].iter().map(|line| &line["verdict"]["provider"]).collect();
    assert_eq!(providers, ["standard", "ahasend"]);
    assert_eq!(lines[2]["duplicate"], false, "another provider's id is another id");
}

#[test]
fn only_a_valid_request_makes_its_id_known() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--json"]);
    let forged = request(&signed(STANDARD, "msg_1", NOW, b"other"), BODY);
    for (bytes, status) in [
        (&forged, 400),
        (&valid("msg_1", BODY), 200),
        (&valid("msg_1", BODY), 200),
        (&forged, 400),
        (&valid("msg_2", BODY), 200),
    ] {
        assert_eq!(exchange(listener.address(), bytes).status, status);
    }
    let lines = listener.stop().assert_exit(0).json();
    let duplicates: Vec<bool> = lines[1..6].iter().map(|line| line["duplicate"].as_bool().unwrap()).collect();
    assert_eq!(duplicates, [false, false, true, false, false]);
    assert_eq!(lines[6]["duplicates"], 1);
}

#[test]
fn a_body_over_the_limit_is_refused_and_the_listener_goes_on() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--max-body", "1KiB"]);
    let answer = Connection::open(listener.address()).exchange_unread(&request("", &[b'x'; 1025]));
    assert_eq!((answer.status, answer.body.as_str()), (413, "the body is larger than 1024 bytes\n"));
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    // Without a length beforehand it is counted as it comes.
    let chunk = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n401\r\n{}\r\n0\r\n\r\n",
        "x".repeat(1025)
    );
    assert_eq!(Connection::open(listener.address()).exchange_unread(chunk.as_bytes()).status, 413);
    assert_eq!(exchange(listener.address(), &request("", &[b'x'; 1024])).status, 400);
    assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
    let output = listener.stop().assert_exit(0);
    assert_eq!(output.stderr().matches("413 the body is larger than 1024 bytes").count(), 2, "{output}");
    assert!(output.stderr().ends_with("2 received, 1 valid, 1 unsigned, 2 rejected\n"), "{output}");
    assert_eq!(room.log().len(), 2);
}

#[test]
fn a_malformed_request_is_refused_and_the_listener_goes_on() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&[]);
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello over TLS\r\n\r\n"[..],
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n",
        b"hello\r\n\r\n",
    ] {
        assert_eq!(exchange(listener.address(), bytes).status, 400, "{:?}", String::from_utf8_lossy(bytes));
    }
    let cut = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nshort";
    assert_eq!(Connection::open(listener.address()).exchange_last(cut).status, 400);
    assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
    let output = listener.stop().assert_exit(0);
    assert_eq!(output.stderr().matches("rejected 127.0.0.1:").count(), 5, "{output}");
    assert_eq!(room.log().len(), 1);
}

#[test]
fn what_is_not_utf8_is_recorded_without_loss_and_verifies_again() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&[]);
    let body = b"\x00\xff\r\n{}";
    let mut bytes =
        format!("POST /hooks HTTP/1.1\r\nhost: localhost\r\n{}x-raw: ", signed(STANDARD, "msg_1", NOW, body))
            .into_bytes();
    bytes.extend_from_slice(b"caf\xe9\r\ncontent-length: 6\r\n\r\n");
    bytes.extend_from_slice(body);
    assert_eq!(exchange(listener.address(), &bytes).status, 200);
    listener.stop().assert_exit(0);
    let record = &room.log()[0];
    let headers = record["headers"].as_array().unwrap();
    let raw = headers.iter().find(|header| header[0] == "x-raw").unwrap();
    let standard = base64::engine::general_purpose::STANDARD;
    assert_eq!(raw, &json!(["x-raw", "caf\u{fffd}", standard.encode(b"caf\xe9")]));
    assert_eq!(
        (&record["body"], &record["body_b64"], &record["size"]),
        (&Value::Null, &json!(standard.encode(body)), &json!(6))
    );
    room.whk(["verify", "log.jsonl", "-p", "standard", "-s", STANDARD]).run().assert_snapshot(
        "
exit 0
stdout:
✓ valid log.jsonl:1 standard msg_1
",
    );
}

#[test]
fn headers_keep_their_order_and_repeats_and_a_chunked_body_is_put_together() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&[]);
    let bytes = b"POST /a%2Fb/../c?x=1&x=2&y=%00 HTTP/1.1\r\nz: 1\r\nhost: localhost\r\nz: 2\r\na:\r\ntransfer-encoding: chunked\r\nm:  3  \r\n\r\n3;e=1\r\n{\"a\r\n4\r\n\":1}\r\n0\r\nafter: x\r\n\r\n";
    exchange(listener.address(), bytes);
    listener.stop().assert_exit(0);
    let record = &room.log()[0];
    assert_eq!((&record["body"], &record["target"]), (&json!("{\"a\":1}"), &json!("/a%2Fb/../c?x=1&x=2&y=%00")));
    let headers = record["headers"].as_array().unwrap();
    let of = |name: &str| {
        headers.iter().filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((of("z"), of("a"), of("m")), (vec!["1", "2"], vec![""], vec!["3"]));
    let mut names: Vec<&str> = headers.iter().map(|pair| pair[0].as_str().unwrap()).collect();
    names.dedup();
    assert_eq!(names, ["z", "host", "a", "transfer-encoding", "m"]);
}

#[test]
fn no_log_keeps_none() {
    let room = TestEnv::new();
    let listener = room.listen(["-p", "standard", "-s", STANDARD, "--no-log", "--now", NOW_TEXT]);
    assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
    listener.stop().assert_snapshot(
        r#"
exit 0
stdout:
08:15:33.000 200 ✓ valid    standard user.created        msg_1 /hooks a@example.com
    {
      "type": "user.created",
      "data": {
        "email": "a@example.com"
      }
    }
stderr:
listening on http://[ADDRESS]  (standard, secret from the command line)
not recording (--no-log)
Press Ctrl-C to stop
1 received, 1 valid
"#,
    );
    assert!(!room.data("events.jsonl").exists());
}

#[test]
fn the_log_of_the_data_folder_is_for_its_owner_only() {
    let room = TestEnv::new();
    let listener = room.listen(["--now", NOW_TEXT]);
    exchange(listener.address(), &valid("msg_1", BODY));
    let output = listener.stop().assert_exit(0);
    assert!(output.to_string().contains("recording to [ROOM]/data/events.jsonl\n"), "{output}");
    let mode = |path: &str| fs::metadata(room.data(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("events.jsonl"), mode(""), mode("secrets"), mode("secrets/standard")),
        (0o600, 0o700, 0o700, 0o600)
    );
}

#[test]
fn a_log_that_cannot_be_written_keeps_it_from_starting() {
    let room = TestEnv::new();
    fs::create_dir(room.file("folder")).unwrap();
    room.whk(["listen", "0", "--log", "folder"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot write the log folder
  caused by: it is a folder
hint: use --log FILE, or --no-log
",
    );
    room.whk(["listen", "0", "--log", "missing/log"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot write the log missing/log
  caused by: no such file or directory
hint: use --log FILE, or --no-log
",
    );
}

#[test]
fn a_port_in_use_is_said_with_a_way_out() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&[]);
    let address = listener.address().to_owned();
    let (_, port) = address.rsplit_once(':').unwrap();
    room.whk(["listen", &address, "--no-log"])
        .run()
        .redact(&address, "[ADDRESS]")
        .redact(port, "[PORT]")
        .assert_snapshot(
            "
exit 2
stderr:
error: cannot listen on [ADDRESS]
  caused by: port [PORT] is in use
hint: for any free port: whk listen 0
",
        );
    assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
    listener.stop().assert_exit(0);
}

#[test]
fn the_ready_file_holds_the_address_and_goes_away() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&[]);
    let ready = room.path().join("ready");
    assert_eq!(fs::read_to_string(&ready).unwrap(), format!("{}\n", listener.url()));
    listener.stop_by("INT").assert_exit(0);
    assert!(!ready.exists());
    assert_eq!(fs::read_dir(room.path()).unwrap().count(), 3, "no draft is left");
    room.whk(["listen", "0", "--no-log", "--ready-file", "missing/ready"])
        .run()
        .redact_between("http://127.0.0.1:", " ", "[PORT]")
        .assert_snapshot(
            "
exit 2
stderr:
listening on http://127.0.0.1:[PORT]  (any provider, development secrets)
to see the secret: whk secret -p NAME
not recording (--no-log)
Press Ctrl-C to stop
error: cannot write the ready file missing/ready
  caused by: no such file or directory
",
        );
}

#[test]
fn an_interrupt_and_a_termination_end_it_with_the_summary() {
    for signal in ["INT", "TERM"] {
        let room = TestEnv::new();
        let listener = room.listen_fixed(&["--json", "-q"]);
        // A connection that is kept open does not hold it up.
        let mut kept = Connection::open(listener.address());
        kept.exchange(&valid("msg_1", BODY));
        masked(listener.stop_by(signal)).redact_between("{\"v\":1", "\n", "[REQUEST]").assert_snapshot(
            r#"
exit 0
stdout:
{"kind":"ready","url":"http://[ADDRESS]","pid":[PID],"log":"log.jsonl"}
{"v":1[REQUEST]
{"kind":"summary","received":1,"valid":1,"invalid":0,"unsigned":0,"duplicates":0,"refused":0}
"#,
        );
    }
}

#[test]
fn a_thousand_requests_over_parallel_connections_are_all_in_the_log() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--json"]);
    thread::scope(|scope| {
        for worker in 0..8 {
            let address = listener.address();
            scope.spawn(move || {
                let mut connection = Connection::open(address);
                for number in 0..125 {
                    assert_eq!(connection.exchange(&valid(&format!("msg_{worker}_{number}"), BODY)).status, 200);
                }
            });
        }
    });
    let lines = listener.stop().assert_exit(0).json();
    assert_eq!((lines.len(), &lines[1001]["valid"]), (1002, &json!(1000)));
    let records = room.log();
    let mut ids: Vec<&str> = records.iter().map(|record| record["verdict"]["event_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((records.len(), ids.len()), (1000, 1000));
    let seqs: Vec<u64> = records.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=1000).collect::<Vec<_>>());
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_recorded_is_not_acknowledged() {
    let room = TestEnv::new();
    let common = ["-p", "standard", "-s", STANDARD, "--now", NOW_TEXT, "--log", "/dev/full", "--json"];
    let listener = room.listen(common);
    for _ in 0..2 {
        let answer = exchange(listener.address(), &valid("msg_1", BODY));
        assert_eq!((answer.status, answer.body.as_str()), (503, "the request could not be recorded"));
    }
    let output = listener.stop().assert_exit(0);
    let lines = output.json();
    assert_eq!((&lines[1]["response"]["status"], &lines[2]["duplicate"]), (&json!(503), &json!(false)));
    masked(output).redact_between("{\"v\":1", "\n", "[REQUEST]").assert_snapshot(
        r#"
exit 0
stdout:
{"kind":"ready","url":"http://[ADDRESS]","pid":[PID],"log":"/dev/full"}
{"v":1[REQUEST]
{"v":1[REQUEST]
{"kind":"summary","received":2,"valid":2,"invalid":0,"unsigned":0,"duplicates":0,"refused":0}
stderr:
listening on http://[ADDRESS]  (standard, secret from the command line)
recording to /dev/full
Press Ctrl-C to stop
error: cannot write to the log /dev/full
  caused by: no space left on device
2 received, 2 valid
"#,
    );
}

#[test]
fn on_invalid_accept_answers_as_if_it_were_valid() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--on-invalid", "accept"]);
    let answer = exchange(listener.address(), &request("", BODY));
    assert_eq!((answer.status, answer.body.as_str()), (200, "OK"));
    listener.stop().assert_exit(0);
    assert_eq!(
        (&room.log()[0]["verdict"]["status"], &room.log()[0]["response"]["status"]),
        (&json!("unsigned"), &json!(200))
    );
}

#[test]
fn the_tolerance_is_the_flags() {
    let room = TestEnv::new();
    let old = request(&signed(STANDARD, "m", NOW - 3600, BODY), BODY);
    for (tolerance, status) in [("none", 200), ("1h", 200), ("3599s", 400)] {
        let listener = room.listen_fixed(&["--tolerance", tolerance]);
        assert_eq!(exchange(listener.address(), &old).status, status, "{tolerance}");
        listener.stop().assert_exit(0);
    }
    let causes: Vec<Value> = room.log().iter().map(|record| record["verdict"]["cause"].clone()).collect();
    assert_eq!(causes, [Value::Null, Value::Null, json!("timestamp-too-old")]);
}

#[test]
fn the_banner_shows_where_the_secret_comes_from_and_how_to_see_it() {
    let room = TestEnv::new();
    let banner = |arguments: &[&str]| room.listen([&["--no-log"], arguments].concat()).stop();
    banner(&[]).assert_snapshot(
        "
exit 0
stderr:
listening on http://[ADDRESS]  (any provider, development secrets)
to see the secret: whk secret -p NAME
not recording (--no-log)
Press Ctrl-C to stop
0 received
",
    );
    banner(&["-p", "ahasend"]).assert_snapshot(
        "
exit 0
stderr:
listening on http://[ADDRESS]  (ahasend, development secret)
to see the secret: whk secret -p ahasend
not recording (--no-log)
Press Ctrl-C to stop
0 received
",
    );
    room.write("whk.toml", "provider = 'svix'\n");
    banner(&[]).assert_snapshot(
        "
exit 0
stderr:
listening on http://[ADDRESS]  (any provider, development secrets)
default provider: svix (from the config)
to see the secret: whk secret -p svix
not recording (--no-log)
Press Ctrl-C to stop
0 received
",
    );
    room.write("whk.toml", format!("provider = 'ahasend'\nsecrets.ahasend = '{AHASEND}'\n"));
    banner(&[]).assert_snapshot(
        "
exit 0
stderr:
listening on http://[ADDRESS]  (any provider, secrets from the config)
default provider: ahasend (from the config)
not recording (--no-log)
Press Ctrl-C to stop
0 received
",
    );
    banner(&["-p", "ahasend"]).assert_snapshot(
        "
exit 0
stderr:
listening on http://[ADDRESS]  (ahasend, secret from [ROOM]/project/whk.toml)
not recording (--no-log)
Press Ctrl-C to stop
0 received
",
    );
    banner(&["-s", STANDARD, "-s", AHASEND]).assert_snapshot(
        "
exit 0
stderr:
listening on http://[ADDRESS]  (any provider, 2 secrets from the command line)
default provider: ahasend (from the config)
not recording (--no-log)
Press Ctrl-C to stop
0 received
",
    );
    // A default provider that does not exist would never be used: it is an error, as in every command.
    room.write("whk.toml", "provider = 'ahasned'\n");
    room.whk(["listen", "0"]).run().assert_snapshot(
        "
exit 2
stderr:
error: [ROOM]/project/whk.toml:1:12: there is no provider `ahasned`
available: ahasend, aisend, autosend, bitbucket, calendly, discord, gitea,
  github, gitlab, hubspot, intercom, lemonsqueezy, linear, mailgun, meta, mux,
  openai, paddle, pagerduty, razorpay, selfmx, sendgrid, sentry, shopify, slack,
  square, standard, stripe, svix, twilio, twitch, typeform, vercel, woocommerce,
  workos, zoom
hint: did you mean `ahasend`?
",
    );
    room.write("whk.toml", "provider = 'resend'\n");
    banner(&[]).assert_exit(0);
}

#[test]
fn a_request_of_another_provider_than_the_one_that_was_named_is_recognised() {
    let room = TestEnv::new();
    let listener = room.listen(["-p", "selfmx", "--no-log", "--json"]);
    room.send(listener.url(), &["-p", "ahasend", "--type", "message.delivered"]).assert_exit(1);
    let lines = listener.stop().assert_exit(0).json();
    let verdict = &lines[1]["verdict"];
    assert_eq!((&verdict["status"], &verdict["provider"]), (&json!("unsigned"), &json!("selfmx")));
    let message = verdict["message"].as_str().unwrap();
    assert!(message.ends_with("this looks like ahasend, but you said -p selfmx"), "{message}");
}
