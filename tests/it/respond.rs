//! `whk listen --respond`: answers by a script, those included that no sender would like.

use std::io::ErrorKind;

use serde_json::{Value, json};

use crate::harness::env::{ListenProcess, TestEnv};
use crate::harness::handler::TestHandler;
use crate::harness::http::{Connection, exchange, request, until_it_ends, valid};

const BODY: &[u8] = br#"{"type":"user.created"}"#;

fn of_type(kind: &str) -> Vec<u8> {
    valid("msg_1", format!(r#"{{"type":"{kind}"}}"#))
}

fn responses(room: &TestEnv) -> Vec<Value> {
    room.log().iter().map(|record| record["response"].clone()).collect()
}

fn statuses(listener: &ListenProcess, requests: &[Vec<u8>]) -> Vec<u16> {
    requests.iter().map(|bytes| exchange(listener.address(), bytes).status).collect()
}

#[test]
fn steps_follow_each_other_and_the_last_repeats_for_valid_and_invalid_alike() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--respond", "500x2,429,204,200"]);
    let (valid, invalid) = (of_type("user.created"), request("", BODY));
    let look = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    let requests = [valid.clone(), invalid.clone(), valid.clone(), look, invalid, valid.clone(), valid];
    assert_eq!(statuses(&listener, &requests), [500, 500, 429, 200, 204, 200, 200]);
    let answer = exchange(listener.address(), &requests[0]);
    assert_eq!((answer.body.as_str(), answer.head.contains("connection:")), ("OK", false));
    listener.stop().assert_exit(0);
    let first = &responses(&room)[0];
    assert_eq!((&first["status"], &first["by"], &first["error"]), (&json!(500), &json!("script"), &Value::Null));
}

#[test]
fn some_types_have_a_script_of_their_own() {
    let room = TestEnv::new();
    let script = [
        "--respond-for",
        "user.deleted=410,404",
        "--respond-for",
        "user.*=500",
        "--respond",
        "202",
        "--respond-body",
        "{}",
    ];
    let listener = room.listen_fixed(&script);
    let requests = ["user.deleted", "user.updated", "order.created", "user.deleted", "user.deleted"].map(of_type);
    assert_eq!(statuses(&listener, &requests), [410, 500, 202, 404, 404]);
    assert_eq!(exchange(listener.address(), &requests[1]).body, "{}");
    listener.stop().assert_exit(0);
}

#[test]
fn the_script_goes_before_the_handler() {
    let room = TestEnv::new();
    let handler = TestHandler::accepting();
    let listener = room.listen_fixed(&["-f", &handler.url(), "--respond-for", "user.deleted=503"]);
    assert_eq!(statuses(&listener, &["user.deleted", "user.created"].map(of_type)), [503, 200]);
    listener.stop().assert_exit(0);
    assert_eq!(handler.only().body, BODY);
}

#[test]
fn a_reset_is_one_and_a_wrong_length_is_wrong() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--respond", "reset,short,long,slow@50ms,200"]);
    let go = || until_it_ends(listener.address(), &of_type("user.created"));
    assert_eq!(go(), (String::new(), Some(ErrorKind::ConnectionReset)));
    let head = |length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        )
    };
    assert_eq!(go(), (head(12) + "OK", None));
    assert_eq!(go(), (head(2) + "OKxxxxxxxxxx", None));
    assert_eq!(go(), (head(2) + "OK", None));
    assert_eq!(exchange(listener.address(), &of_type("user.created")).status, 200);
    listener.stop().assert_exit(0);
    let (statuses, errors): (Vec<Value>, Vec<Value>) =
        responses(&room).iter().map(|response| (response["status"].clone(), response["error"].clone())).unzip();
    assert_eq!(statuses, [Value::Null, json!(200), json!(200), json!(200), json!(200)]);
    assert_eq!(
        errors[..4],
        [
            "connection reset, on purpose",
            "the body is shorter than its content-length, on purpose",
            "the body is longer than its content-length, on purpose",
            "the body takes 50ms, on purpose"
        ]
    );
}

#[test]
fn a_hang_lasts_until_the_end_and_holds_nobody_up() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--respond-for", "user.deleted=hang"]);
    let mut hanging: Vec<Connection> = (0..2).map(|_| Connection::open(listener.address())).collect();
    for connection in &mut hanging {
        // Once the first of both is answered, the other is on its way.
        let both = [of_type("user.created"), of_type("user.deleted")].concat();
        assert_eq!(connection.exchange(&both).status, 200);
    }
    // One leaves by itself.
    hanging.pop();
    assert_eq!(statuses(&listener, &[of_type("user.created")]), [200]);
    let output = listener.stop().assert_exit(0);
    assert_eq!(hanging[0].until_it_ends().0, "");
    assert!(
        output.stdout().contains(" -   ✓ valid    standard user.deleted        msg_1 /hooks duplicate\n"),
        "{output}"
    );
    let errors: Vec<Value> = responses(&room).iter().map(|response| response["error"].clone()).collect();
    assert_eq!(errors.iter().filter(|error| **error == "no response, on purpose").count(), 2, "{errors:?}");
}

#[test]
fn a_delay_delays() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--respond", "200@120ms"]);
    let mut connection = Connection::open(listener.address());
    let watch = whk::clock::Stopwatch::start();
    assert_eq!(connection.exchange(&of_type("user.created")).status, 200);
    assert!(watch.elapsed().as_millis() >= 120);
    listener.stop().assert_exit(0);
    assert!(responses(&room)[0]["duration_ms"].as_f64().unwrap() >= 120.0);
}

#[test]
fn a_bad_script_is_a_usage_error_that_names_the_item() {
    let room = TestEnv::new();
    room.whk(["listen", "--respond", "500x2,teapot"]).run().assert_snapshot("
exit 2
stderr:
error: --respond: `teapot`: not a step; expected STATUS[xCOUNT][@DELAY] such as `500x2` or `200@12s`, or one of `reset`, `hang`, `slow`, `short`, `long`
");
    room.whk(["listen", "--respond-body", "x"]).run().assert_snapshot(
        "
exit 2
stderr:
error: `whk listen` needs --respond or --respond-for
hint: whk listen --help
",
    );
}
