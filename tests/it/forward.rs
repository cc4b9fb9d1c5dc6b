//! `whk listen --forward-to`: what the handler gets, what the sender gets back, and what is said of it.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::env::{ListenProcess, Output, TestEnv};
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::http::{Connection, NOW, NOW_TEXT, STANDARD, exchange, request, signed, valid};

const BODY: &[u8] = br#"{"type":"user.created"}"#;

fn forward(room: &TestEnv, handler: &str, more: &[&str]) -> ListenProcess {
    room.listen_fixed(&[&["-f", handler], more].concat())
}

/// The first line of what a handler got.
fn line(head: &str) -> &str {
    head.lines().next().unwrap()
}

fn masked(output: Output, handler: &TestHandler) -> Output {
    output.redact_durations().redact(&handler.url(), "[HANDLER]")
}

#[test]
fn the_handlers_answer_goes_back_and_is_shown_and_recorded() {
    let room = TestEnv::new();
    let refusal = r#"{"error":"no such user","trace":"\u001b[31m"}"#;
    let handler = TestHandler::answering([
        HandlerResponse::Status(
            201,
            "X-Made: 1\r\nx-made: 2\r\nKeep-Alive: timeout=5\r\nConnection: x-gone\r\nx-gone: 1\r\n",
            b"made".to_vec(),
        ),
        HandlerResponse::text(422, refusal),
    ]);
    let listener = forward(&room, &handler.url(), &[]);
    let answer = exchange(listener.address(), &valid("msg_1", BODY));
    assert_eq!((answer.status, answer.body.as_str()), (201, "made"));
    assert_eq!(answer.head, "HTTP/1.1 201 Status\r\nX-Made: 1\r\nx-made: 2\r\ncontent-length: 4\r\n\r\n");
    let answer = exchange(listener.address(), &valid("msg_2", BODY));
    assert_eq!((answer.status, answer.body.as_str()), (422, refusal));
    masked(listener.stop(), &handler).assert_snapshot(
        r#"
exit 0
stdout:
08:15:33.000 201 ✓ valid    standard user.created        msg_1 /hooks
    <-- 201 [HANDLER]/hooks in [T] ms
    {
      "type": "user.created"
    }
08:15:33.000 422 ✓ valid    standard user.created        msg_2 /hooks
    <-- 422 [HANDLER]/hooks in [T] ms
    < {
    <   "error": "no such user",
    <   "trace": "\u001b[31m"
    < }
    {
      "type": "user.created"
    }
stderr:
listening on http://[ADDRESS]  (standard, secret from the command line)
forwarding to [HANDLER]
recording to log.jsonl
Press Ctrl-C to stop
2 received, 2 valid
"#,
    );
    let responses: Vec<Value> = room.log().iter().map(|record| record["response"].clone()).collect();
    assert_eq!((&responses[0]["status"], &responses[0]["by"]), (&json!(201), &json!("forward")));
    assert_eq!(responses[0].as_object().unwrap().len(), 3, "there is nothing to remark: {}", responses[0]);
    assert_eq!((&responses[1]["status"], &responses[1]["body"]), (&json!(422), &json!(refusal)));
}

#[test]
fn the_handler_gets_the_request_as_it_came() {
    let room = TestEnv::new();
    let handler = TestHandler::accepting();
    let listener = forward(&room, &handler.url(), &["--on-invalid", "accept"]);
    let bytes = b"PUT /a%2Fb//../c?x=1&x=2&y=%00 HTTP/1.1\r\nHost: localhost\r\nX-One: 1\r\nConnection: keep-alive, x-hop\r\nx-two:  2  \r\nx-hop: 1\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nx-ONE: 3\r\nExpect: 100-continue\r\nUpgrade: h2c\r\nProxy-Authorization: x\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
    let mut connection = Connection::open(listener.address());
    connection.write(bytes);
    assert_eq!(connection.answer().status, 100);
    assert_eq!(connection.answer().status, 200);
    let received = handler.only();
    let port = handler.url().rsplit_once(':').unwrap().1.replace("/hooks", "");
    assert_eq!(
        received.head,
        format!(
            "PUT /hooks/a%2Fb//../c?x=1&x=2&y=%00 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-One: 1\r\nx-ONE: 3\r\nx-two: 2\r\ncontent-length: 7\r\n\r\n"
        )
    );
    assert_eq!(received.body, b"{\"a\":1}");
    listener.stop().assert_exit(0);
}

#[test]
fn what_is_not_valid_reaches_the_handler_only_on_request() {
    for (what, forwarded) in [("reject", false), ("accept", true), ("forward", true)] {
        let room = TestEnv::new();
        let handler = if forwarded {
            TestHandler::answering([HandlerResponse::text(418, "tea")])
        } else {
            TestHandler::never_called()
        };
        let listener = forward(&room, &handler.url(), &["--on-invalid", what]);
        let answer = exchange(listener.address(), &request("", BODY));
        let expected = if forwarded { (418, "tea", "forward") } else { (400, "Invalid signature", "listen") };
        listener.stop().assert_exit(0);
        let response = &room.log()[0]["response"];
        assert_eq!((answer.status, answer.body.as_str()), (expected.0, expected.1), "{what}");
        assert_eq!((&response["status"], &response["by"]), (&json!(expected.0), &json!(expected.2)), "{what}");
    }
}

#[test]
fn looking_and_shaking_hands_are_the_handlers_as_well() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::text(200, "handler")]);
    let listener = room.listen(["--log", "log.jsonl", "-f", &handler.url()]);
    for target in ["/?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x", "/health"] {
        let get = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        assert_eq!(exchange(listener.address(), get.as_bytes()).body, "handler");
    }
    listener.stop().assert_exit(0);
    let targets: Vec<String> = handler.received().iter().map(|one| line(&one.head).to_owned()).collect();
    assert_eq!(
        targets,
        ["GET /hooks?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x HTTP/1.1", "GET /hooks/health HTTP/1.1"]
    );
    assert_eq!(room.log()[0]["verdict"]["message"], "a verification handshake, forwarded");
}

#[test]
fn routes_lead_elsewhere_by_the_type() {
    let room = TestEnv::new();
    let (handler, other) = (TestHandler::accepting(), TestHandler::accepting());
    let routes = [
        "--route",
        "user.d*=/gone?a=1",
        "--route",
        &format!("user.updated={}/all", other.url()),
        "--route",
        "user.*=/never",
    ];
    let listener = forward(&room, &handler.url(), &routes);
    for kind in ["order.created", "user.deleted", "user.updated"] {
        let body = format!(r#"{{"type":"{kind}"}}"#).into_bytes();
        let headers = signed(STANDARD, &kind.replace('.', "_"), NOW, &body);
        let bytes = request(&headers, &body);
        let bytes = String::from_utf8(bytes).unwrap().replace("POST /hooks", "POST /in?b=2");
        assert_eq!(exchange(listener.address(), bytes.as_bytes()).status, 200);
    }
    listener.stop().assert_exit(0);
    let lines: Vec<String> = handler.received().iter().map(|one| line(&one.head).to_owned()).collect();
    assert_eq!(lines, ["POST /hooks/in?b=2 HTTP/1.1", "POST /gone?a=1&b=2 HTTP/1.1"]);
    assert_eq!(line(&other.only().head), "POST /hooks/all?b=2 HTTP/1.1");
}

#[test]
fn one_at_a_time_in_order_and_a_handler_that_is_silent_is_answered_for() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::Silence, HandlerResponse::text(200, "OK")]);
    let listener = forward(&room, &handler.url(), &["--forward-timeout", "500ms"]);
    let mut first = Connection::open(listener.address());
    first.write(&valid("msg_1", BODY));
    handler.wait_for(1);
    let mut second = Connection::open(listener.address());
    second.write(&valid("msg_2", BODY));
    let answer = first.answer();
    assert_eq!((answer.status, answer.body.as_str()), (504, "the handler did not respond within 500ms\n"));
    assert_eq!(second.answer().status, 200);
    listener.stop().assert_exit(0);
    let ids: Vec<String> = handler.received().iter().map(|one| one.header("webhook-id")[0].to_owned()).collect();
    assert_eq!(ids, ["msg_1", "msg_2"]);
    let records = room.log();
    assert_eq!(records[0]["response"]["error"], "the handler did not respond within 500ms");
    assert_eq!(records[1]["response"]["status"], 200);
}

#[test]
fn concurrency_lets_several_go_on_and_the_end_answers_those_that_are_left() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::Silence]);
    let listener = forward(&room, &handler.url(), &["--concurrency", "2", "--forward-timeout", "0"]);
    let mut senders: Vec<Connection> = Vec::new();
    for number in 1..=3 {
        let mut sender = Connection::open(listener.address());
        sender.write(&valid(&format!("msg_{number}"), BODY));
        senders.push(sender);
    }
    handler.wait_for(2);
    // One of them left; it was received all the same.
    senders.pop();
    let output = listener.stop();
    for sender in &mut senders {
        assert_eq!(sender.answer().status, 503);
    }
    assert!(output.stderr().ends_with("3 received, 3 valid\n"), "{output}");
    assert_eq!(handler.received().len(), 2);
    assert_eq!(room.log().len(), 3);
    assert_eq!(room.log()[0]["response"]["error"], "whk listen stopped before the handler responded");
}

#[test]
fn a_sender_that_left_is_recorded_all_the_same() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::Silence, HandlerResponse::text(200, "OK")]);
    let listener = forward(&room, &handler.url(), &["--forward-timeout", "300ms"]);
    let mut sender = Connection::open(listener.address());
    sender.write(&valid("msg_1", BODY));
    handler.wait_for(1);
    drop(sender);
    assert_eq!(exchange(listener.address(), &valid("msg_2", BODY)).status, 200);
    listener.stop().assert_exit(0);
    let statuses: Vec<Value> = room.log().iter().map(|record| record["response"]["status"].clone()).collect();
    assert_eq!(statuses, [504, 200]);
}

#[test]
fn a_handler_that_is_down_is_said_once_and_so_is_that_it_is_back() {
    let room = TestEnv::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listener = forward(&room, &format!("http://{free}/hooks"), &[]);
    for number in 1..=3 {
        let answer = exchange(listener.address(), &valid(&format!("msg_{number}"), BODY));
        let refused = "handler unreachable: connection refused\n";
        assert_eq!((answer.status, answer.body.as_str()), (502, refused));
    }
    let handler = TestHandler::at(free, [HandlerResponse::text(200, "OK")]);
    for number in 4..=5 {
        assert_eq!(exchange(listener.address(), &valid(&format!("msg_{number}"), BODY)).status, 200);
    }
    let stderr = listener.stop().assert_exit(0).stderr().replace(&free.to_string(), "[FREE]");
    let lines: Vec<&str> = stderr.lines().skip(4).collect();
    assert_eq!(
        lines,
        [
            "handler http://[FREE]/ unreachable: connection refused; responding 502 until it is back",
            "handler http://[FREE]/ is back",
            "5 received, 5 valid"
        ]
    );
    assert_eq!(handler.received().len(), 2);
}

#[test]
fn a_handler_that_closes_its_connections_loses_nothing() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::Last(200)]);
    let listener = forward(&room, &handler.url(), &["-q"]);
    let mut connection = Connection::open(listener.address());
    for number in 0..50 {
        let answer = connection.exchange(&valid(&format!("msg_{number}"), BODY));
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
    }
    listener.stop().assert_exit(0);
    assert_eq!(handler.received().len(), 50);
}

#[test]
fn an_answer_that_breaks_off_is_none() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([
        HandlerResponse::Hangup,
        HandlerResponse::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"),
        HandlerResponse::Raw(b"nonsense\r\n\r\n"),
    ]);
    let listener = forward(&room, &handler.url(), &["-q"]);
    let answers: Vec<(u16, String)> = (0..3)
        .map(|number| exchange(listener.address(), &valid(&format!("msg_{number}"), BODY)))
        .map(|answer| (answer.status, answer.body))
        .collect();
    listener.stop().assert_exit(0);
    let broken = |reason: &str| (502, format!("no response from the handler: {reason}\n"));
    assert_eq!(answers[0], broken("the connection was closed before the response"));
    assert_eq!(answers[1], broken("the response ended before it was complete"));
    assert_eq!(answers[2].0, 502);
}

#[test]
fn a_handler_of_http_1_0_is_one_like_any_other() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::Raw(b"HTTP/1.0 200 Fine\r\nX-A: 1\r\n\r\nuntil the end")]);
    let listener = forward(&room, &handler.url(), &["-q"]);
    let mut connection = Connection::open(listener.address());
    for number in 0..3 {
        let answer = connection.exchange(&valid(&format!("msg_{number}"), BODY));
        assert_eq!(answer.head, "HTTP/1.1 200 Fine\r\nX-A: 1\r\ncontent-length: 13\r\n\r\n");
        assert_eq!(answer.body, "until the end");
    }
    listener.stop().assert_exit(0);
}

#[test]
fn a_redirect_is_passed_back_and_a_slow_answer_is_marked() {
    let room = TestEnv::new();
    let handler =
        TestHandler::answering([HandlerResponse::Status(302, "location: http://localhost:1/\r\n", Vec::new())]);
    let listener = forward(&room, &handler.url(), &["--slow-after", "0"]);
    let answer = exchange(listener.address(), &valid("msg_1", BODY));
    assert_eq!(answer.status, 302);
    assert!(answer.head.contains("location: http://localhost:1/\r\n"), "{answer:?}");
    let output = listener.stop().assert_exit(0).redact_durations();
    let expected = format!("    <-- 302 {}/hooks in [T] ms (slower than --slow-after 0s)\n", handler.url());
    assert!(output.to_string().contains(&expected), "{output}");
    assert_eq!(room.log()[0]["response"]["slow"], true);
}

#[test]
fn flags_about_a_handler_need_one() {
    let room = TestEnv::new();
    for (flags, named) in [
        (&["--on-invalid", "forward"][..], "--on-invalid forward"),
        (&["--route", "x=/y"], "--route"),
        (&["--concurrency", "2"], "--concurrency"),
        (&["--slow-after", "1s"], "--slow-after"),
    ] {
        room.whk([["listen", "0", "--no-log"].as_slice(), flags].concat()).run().assert_snapshot(&format!(
            "exit 2\nstderr:\nerror: `{named}` needs a handler to forward to\nhint: whk listen --forward-to 3000 …\n"
        ));
    }
    // The config may name it.
    let handler = TestHandler::accepting();
    room.write("whk.toml", format!("[listen]\nforward-to = '{}'\n[secrets]\nstandard = '{STANDARD}'\n", handler.url()));
    let listener = room.listen(["--no-log", "--concurrency", "2", "--now", NOW_TEXT]);
    assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
    listener.stop().assert_exit(0);
}

#[test]
fn a_handler_that_does_not_know_the_development_secret_gets_a_hint_once() {
    let room = TestEnv::new();
    let hints = |handler: &TestHandler, flags: &[&str]| {
        let listener = room.listen([&["--no-log", "-f", &handler.url()], flags].concat());
        room.send(listener.url(), &["-p", "ahasend", "--type", "message.opened", "-c", "3"]).assert_exit(1);
        listener.stop().assert_exit(0).stderr()
    };
    for status in [400, 401, 403] {
        let handler = TestHandler::answering([HandlerResponse::text(status, "no")]);
        let stderr = hints(&handler, &[]);
        assert!(stderr.contains(HINT), "{stderr}");
        assert_eq!(stderr.matches("hint:").count(), 1, "{stderr}");
    }
    let broken = TestHandler::answering([HandlerResponse::text(500, "no")]);
    assert!(!hints(&broken, &[]).contains("hint:"));
    // The secret is the user's own here: there is nothing to tell.
    let secret = room.whk(["secret", "-p", "ahasend"]).run().stdout();
    room.write("secret.txt", secret);
    let rejecting = TestHandler::answering([HandlerResponse::text(400, "no")]);
    let stderr = hints(&rejecting, &["-s", "file:secret.txt"]);
    assert!(!stderr.contains("hint:"), "{stderr}");
}

const HINT: &str = "hint: signed with whk's development secret. Give it to your handler:
        export WEBHOOK_SECRET=$(whk secret -p ahasend)
      or use your handler's own: whk listen -s env:WEBHOOK_SECRET …
";
