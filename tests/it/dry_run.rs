//! `whk send --dry-run` and `--fault`: what is printed can be used, and what is wrong is refused.

use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::handler::TestHandler;
use crate::harness::http::{AHASEND, NOW_TEXT, STANDARD};

/// Bodies that are hard to write down.
fn bodies() -> Vec<Vec<u8>> {
    vec![
        b"{\"plain\":true}".to_vec(),
        Vec::new(),
        b"it's \"quoted\" $HOME `id` \\n %s %% !! ~ * \\".to_vec(),
        b"two\nlines\n\n".to_vec(),
        b"\r\n".to_vec(),
        b"@file".to_vec(),
        b"-".to_vec(),
        b"a\0b\0".to_vec(),
        vec![0xff, 0xfe, b'\'', b'\\', b'%', 0, b'7', 0x1b],
        "größe 😀 \u{2028}".into(),
        "é'\\%s\n".repeat(200 << 7).into_bytes(),
        (0..=255).cycle().take(200 << 10).collect(),
    ]
}

#[test]
fn the_request_is_printed_as_it_goes_over_the_wire() {
    let room = TestEnv::new();
    let output = room.send_dry_run(&["--type", "user.created", ":3000/hooks?x=1"]).redact("\r\n", "[CRLF]\n");
    output.assert_snapshot(r#"
exit 0
stdout:
POST /hooks?x=1 HTTP/1.1[CRLF]
host: 127.0.0.1:3000[CRLF]
content-type: application/json[CRLF]
user-agent: Standard-Webhooks/1.0[CRLF]
webhook-id: msg_zXypXgXhWmbuoCGLzxQiqkDEVP9[CRLF]
webhook-timestamp: 1772439333[CRLF]
webhook-signature: v1,RU7vJlv8TO2AOnh4mpncqMGZCdLaeybPs6y3xVgnwWE=[CRLF]
content-length: 146[CRLF]
[CRLF]
{"type":"user.created","timestamp":"2026-03-02T08:15:33Z","data":{"id":"usr_ZTmIsreZKXveU0Fv","email":"user612@example.com","name":"Noor Haddad"}}[no newline at the end]
"#);
}

#[test]
fn the_curl_line_and_the_json_line_are_whole() {
    let room = TestEnv::new();
    room.send_dry_run(&["-d", "it's", "--format", "curl"]).assert_snapshot(r"
exit 0
stdout:
curl -sS -X POST 'http://127.0.0.1:9450/' -H 'content-type: application/json' -H 'user-agent: Standard-Webhooks/1.0' -H 'webhook-id: msg_zXypXgXhWmbuoCGLzxQiqkDEVP9' -H 'webhook-timestamp: 1772439333' -H 'webhook-signature: v1,Ao7JAAXrlzHv3rSoDy3us+C5C5qvUSFaeP7phYltIf0=' --data-raw 'it'\''s'
");
    for flag in ["--json", "--format=json"] {
        room.send_dry_run(&["-d", "it's", flag]).assert_snapshot(r#"
exit 0
stdout:
{"v":1,"kind":"request","at":"2026-03-02T08:15:33.000000Z","event_type":null,"event_id":"msg_zXypXgXhWmbuoCGLzxQiqkDEVP9","url":"http://127.0.0.1:9450/","method":"POST","target":"/","headers":[["content-type","application/json"],["user-agent","Standard-Webhooks/1.0"],["webhook-id","msg_zXypXgXhWmbuoCGLzxQiqkDEVP9"],["webhook-timestamp","1772439333"],["webhook-signature","v1,Ao7JAAXrlzHv3rSoDy3us+C5C5qvUSFaeP7phYltIf0="]],"body":"it's","size":4}
"#);
    }
}

#[test]
fn nothing_is_sent() {
    let (room, handler) = (TestEnv::new(), TestHandler::never_called());
    for format in ["http", "curl", "json"] {
        room.send_dry_run(&["--type", "all", "--format", format, &handler.url()]).assert_exit(0);
    }
    room.send(&handler.url(), &["--type", "user.created", "--format", "curl"]).assert_exit(2);
}

#[test]
fn the_same_seed_and_time_give_the_same_bytes_and_another_seed_others() {
    let room = TestEnv::new();
    for provider in ["ahasend", "ahasend@2026-08", "standard"] {
        for format in ["http", "curl", "json"] {
            let run = |seed: &str, now: &str| {
                let flags = ["send", "--dry-run", "--type", "all", "-c", "2", "-p", provider, "--format", format];
                let more = ["--seed", seed, "--now", now];
                room.whk([flags.as_slice(), &more].concat()).run().assert_exit(0).bytes().to_vec()
            };
            let first = run("7", NOW_TEXT);
            assert!(first == run("7", NOW_TEXT), "{provider} as {format} differs between two runs");
            assert!(first != run("8", NOW_TEXT), "{provider} as {format} is the same for two seeds");
            assert!(first != run("7", "2026-03-02T08:15:34Z"), "{provider} as {format} is the same at two times");
        }
    }
}

#[test]
fn what_is_printed_verifies() {
    let room = TestEnv::new();
    for body in bodies() {
        room.write("body", &body);
        for format in ["http", "json"] {
            let printed = room.send_dry_run(&["-d", "@body", "--format", format]).assert_exit(0);
            let verify = ["verify", "-", "-p", "standard", "-s", STANDARD, "--at", NOW_TEXT];
            let output = room.whk(verify).stdin(printed.bytes()).run();
            assert_eq!(output.code(), Some(0), "{format} of {:?}\n{output}", String::from_utf8_lossy(&body));
        }
    }
    let printed = room.send_dry_run(&["--type", "all", "--format", "json"]).assert_exit(0);
    let verify = ["verify", "-", "-p", "standard", "-s", STANDARD, "--at", NOW_TEXT, "-q"];
    let output = room.whk(verify).stdin(printed.bytes()).run().assert_exit(0);
    assert_eq!(output.stdout().matches("✓ valid stdin:").count(), 6, "{output}");
}

#[test]
fn the_curl_line_really_runs_and_arrives_byte_for_byte() {
    let room = TestEnv::new();
    let found = room.program("sh", ["-c", "command -v curl"]).run();
    assert_eq!(found.code(), Some(0), "this test needs curl on the PATH\n{found}");
    let listener = room.listen(["-p", "standard", "-s", STANDARD, "--now", NOW_TEXT, "--json"]);
    let bodies = bodies();
    for body in &bodies {
        room.write("body", body);
        let line =
            room.send_dry_run(&["-d", "@body", "--format", "curl", "-H", "x-empty:", listener.url()]).assert_exit(0);
        room.write("line.sh", line.bytes());
        room.program("sh", ["line.sh"]).run().assert_snapshot(
            "
exit 0
stdout:
OK[no newline at the end]
",
        );
    }
    let lines = listener.stop().assert_exit(0).json();
    for (line, body) in lines[1..].iter().zip(&bodies) {
        assert_eq!(line["verdict"]["status"], "valid", "{line}");
        let (text, size) = (std::str::from_utf8(body).ok(), body.len());
        assert_eq!((line["body"].as_str(), &line["size"]), (text, &json!(size)));
        let headers = line["headers"].as_array().unwrap();
        assert!(headers.contains(&json!(["content-type", "application/json"])), "{line}");
        assert!(headers.contains(&json!(["x-empty", ""])), "{line}");
    }
    assert_eq!(lines.len(), bodies.len() + 2);
}

#[test]
fn every_fault_is_refused_with_its_cause() {
    let room = TestEnv::new();
    for (provider, secret) in [("standard", STANDARD), ("ahasend", AHASEND)] {
        let listener = room.listen(["-p", provider, "-s", secret, "--json", "--no-log"]);
        let faults = [
            ("tampered-body", "invalid", "secret-mismatch"),
            ("wrong-secret", "invalid", "secret-mismatch"),
            ("missing-signature", "unsigned", "missing-header"),
            ("missing-id", "invalid", "missing-header"),
            ("missing-timestamp", "invalid", "missing-header"),
            ("malformed-signature", "invalid", "malformed-header"),
            ("expired", "invalid", "timestamp-too-old"),
            ("future", "invalid", "timestamp-too-new"),
            ("reserialized-body", "invalid", "secret-mismatch"),
            ("truncated-body", "invalid", "secret-mismatch"),
        ];
        for (fault, ..) in faults {
            let flags = ["-p", provider, "-s", secret, "--type", "all", "--fault", fault];
            let output = room.send(listener.url(), &flags).assert_exit(0);
            assert_eq!(output.stdout().matches("✓ rejected  400").count(), output.stdout().lines().count(), "{output}");
        }
        let lines = listener.stop().assert_exit(0).json();
        let verdicts: Vec<&Value> = lines.iter().filter_map(|line| line.get("verdict")).collect();
        let each = verdicts.len() / faults.len();
        assert!(each > 5);
        for ((fault, status, cause), verdicts) in faults.into_iter().zip(verdicts.chunks(each)) {
            for verdict in verdicts {
                assert_eq!((&verdict["status"], &verdict["cause"]), (&json!(status), &json!(cause)), "{fault}");
            }
        }
    }
}

#[test]
fn a_fault_that_the_body_cannot_express_is_said() {
    let room = TestEnv::new();
    room.send_dry_run(&["-d", "no json", "--fault", "reserialized-body"]).assert_snapshot(
        "
exit 2
stderr:
error: `reserialized-body` does not apply to Standard Webhooks: the body is not JSON
",
    );
    room.send_dry_run(&["-d", "x", "--fault", "expird"])
        .redact_between("[possible values: ", "]", "[FAULTS]")
        .assert_snapshot(
            "
exit 2
stderr:
error: unknown value `expird` for --fault
available: all, tampered-body, wrong-secret, missing-signature, missing-id,
  missing-timestamp, malformed-signature, expired, future, reserialized-body,
  truncated-body
hint: did you mean `expired`?
",
        );
}
