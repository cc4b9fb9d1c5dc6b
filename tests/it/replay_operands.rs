//! The log and the URL that `whk replay` uses: operands, environment, config, the default log, and a log that grows.

use std::fs;
use std::io::Write as _;

use serde_json::json;

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::record::{RecordBuilder, log_of};

/// Records in a log, each with its number as its event id.
fn records(numbers: impl IntoIterator<Item = u64>) -> String {
    log_of(numbers.into_iter().map(|number| {
        let id = number.to_string();
        RecordBuilder::new().seq(number).header("x-number", &id).verdict("unsigned", None, "a", &id)
    }))
}

/// The numbers of the records that a handler received.
fn numbers(handler: &TestHandler) -> Vec<u64> {
    handler.received().iter().map(|received| received.header("x-number")[0].parse().unwrap()).collect()
}

/// Writes the default log, which is in the data folder.
fn default_log(room: &TestEnv, numbers: impl IntoIterator<Item = u64>) {
    fs::create_dir_all(room.data("")).unwrap();
    fs::write(room.data("events.jsonl"), records(numbers)).unwrap();
}

/// The port of a handler.
fn port(handler: &TestHandler) -> String {
    handler.url().rsplit_once(':').unwrap().1.split_once('/').unwrap().0.to_owned()
}

#[test]
fn a_log_that_is_replayed_into_the_listener_that_writes_it_is_sent_once() {
    let room = TestEnv::new();
    let listening = room.listen(["-q"]);
    let url = listening.url().to_owned();
    room.send(&url, &["-p", "ahasend", "-t", "message.delivered", "-c", "3", "-q"]).assert_exit(0);
    let lines = || fs::read_to_string(room.data("events.jsonl")).unwrap().lines().count();
    assert_eq!(lines(), 3);
    // The run has a deadline: if the replay followed the log, it would never end.
    let output = room.replay(&[&url, "--json"]).assert_exit(0);
    let note = "note: [ROOM]/data/events.jsonl grew meanwhile; sent only what it held at the start\n";
    assert!(output.to_string().ends_with(note), "{output}");
    assert_eq!(output.json().last().unwrap()["sent"], 3);
    assert_eq!(lines(), 6, "each record was sent once");
    let output = room.replay(&[&url, "--last", "1", "--json"]).assert_exit(0);
    assert_eq!((output.json().last().unwrap()["sent"].clone(), lines()), (json!(1), 7));
    listening.stop().assert_exit(0);
}

#[test]
fn an_interrupted_replay_of_a_log_that_grew_resumes_with_what_is_new() {
    let room = TestEnv::new();
    room.write("log.jsonl", records(1..=3));
    let handler = TestHandler::answering([
        HandlerResponse::text(200, ""),
        HandlerResponse::Silence,
        HandlerResponse::text(200, ""),
    ]);
    let arguments = ["replay", "log.jsonl", &handler.url(), "--timeout", "0"];
    let running = room.whk(arguments).start();
    handler.wait_for(2);
    let append = |numbers: std::ops::RangeInclusive<u64>| {
        let mut log = fs::OpenOptions::new().append(true).open(room.file("log.jsonl")).unwrap();
        log.write_all(records(numbers).as_bytes()).unwrap();
    };
    append(4..=5);
    running.signal("INT");
    running.signal("INT");
    running.signal("TERM");
    assert_eq!(running.end().code(), Some(130));
    let output = room.whk(arguments).run().assert_exit(0);
    assert!(output.stderr().contains("skipped 1 event already delivered by an earlier run"), "{output}");
    assert_eq!(numbers(&handler), [1, 2, 2, 3, 4, 5], "the first one was delivered before");
    assert!(!room.file("log.jsonl.replay").exists());
}

#[test]
fn one_operand_is_the_url_unless_it_is_a_file() {
    let room = TestEnv::new();
    default_log(&room, 1..=3);
    let handler = TestHandler::accepting();
    let port = port(&handler);
    room.replay(&[&port]).assert_exit(0);
    room.replay(&[&format!(":{port}/x"), "--last", "1"]).assert_exit(0);
    room.replay(&[&format!("localhost:{port}/x"), "--last", "1"]).assert_exit(0);
    assert_eq!(numbers(&handler), [1, 2, 3, 3, 3]);
    // A file with the name of a port is the log.
    room.write(&port, records([7]));
    room.whk(["replay", &port]).env("WHK_URL", handler.url()).run().assert_exit(0);
    assert_eq!(numbers(&handler)[5..], [7]);
    room.replay(&[&port]).redact(&port, "[PORT]").assert_snapshot(
        "
exit 2
stderr:
error: no URL to replay to
  caused by: `[PORT]` is a file here, so it is the log
hint: to replay the default log to that address: whk replay http://127.0.0.1:[PORT]
",
    );
    room.replay(&[&format!(":{port}"), "--last", "1"]).assert_exit(0);
    assert_eq!(numbers(&handler)[6..], [3]);
}

#[test]
fn the_url_comes_from_the_argument_the_environment_or_the_config() {
    let room = TestEnv::new();
    default_log(&room, [1]);
    let urls: [TestHandler; 3] = std::array::from_fn(|_| TestHandler::accepting());
    let [argument, environment, config] = &urls;
    room.write("whk.toml", format!("[send]\nurl = \"{}\"\n", config.url()));
    room.replay(&[]).assert_exit(0);
    let run = |more: &[&str]| {
        let arguments = [["replay"].as_slice(), more].concat();
        room.whk(arguments).env("WHK_URL", environment.url()).run().assert_exit(0)
    };
    run(&[]);
    run(&[&argument.url()]);
    assert_eq!(urls.each_ref().map(|handler| handler.received().len()), [1, 1, 1]);
    // `whk send` has the same order.
    let send = ["send", "-p", "selfmx", "-t", "opened"];
    room.whk(send).run().assert_exit(0);
    room.whk(send).env("WHK_URL", environment.url()).run().assert_exit(0);
    room.whk([send.as_slice(), &[&argument.url()]].concat()).env("WHK_URL", environment.url()).run().assert_exit(0);
    assert_eq!(urls.each_ref().map(|handler| handler.received().len()), [2, 2, 2]);
    room.whk(["replay"]).env("WHK_URL", "a b").run().assert_snapshot("
exit 2
stderr:
error: WHK_URL cannot be used
  caused by: `a b` is not an address: invalid international domain name; expected one such as `3000`, `:3000/hooks` or `https://example.com/hooks`
hint: export WHK_URL=http://127.0.0.1:3000/
");
}

#[test]
fn wrong_operands_are_named_with_the_right_command() {
    let room = TestEnv::new();
    room.write("log.jsonl", records([1]));
    room.replay(&[]).assert_snapshot(
        "
exit 2
stderr:
error: no URL to replay to
  caused by: neither an argument, nor WHK_URL, nor `url` in [send] of whk.toml names one
hint: whk replay 3000
",
    );
    room.replay(&["log.jsonl"]).assert_snapshot(
        "
exit 2
stderr:
error: no URL to replay to
  caused by: neither an argument, nor WHK_URL, nor `url` in [send] of whk.toml names one
hint: whk replay log.jsonl 3000
",
    );
    room.replay(&["3000"]).assert_snapshot(
        "
exit 2
stderr:
error: there is no log yet
  caused by: `whk listen` writes it to [ROOM]/data/events.jsonl
hint: whk listen
",
    );
    room.replay(&["3000", "log.jsonl"]).assert_snapshot(
        "
exit 2
stderr:
error: the log comes before the URL
hint: whk replay log.jsonl 3000
",
    );
    room.replay(&["3000", "4000"]).assert_snapshot(
        "
exit 2
stderr:
error: cannot read 3000
  caused by: there is no such file
hint: to replay the default log to 3000: whk replay 3000
",
    );
    room.replay(&["missing.jsonl", "3000"]).assert_snapshot(
        "
exit 2
stderr:
error: cannot read missing.jsonl
  caused by: there is no such file
",
    );
    room.replay(&["example.com/hooks"]).assert_snapshot(
        "
exit 2
stderr:
error: cannot read example.com/hooks
  caused by: there is no such file
hint: if it is an address: whk replay http://example.com/hooks
",
    );
    room.replay(&["99999"]).assert_snapshot("
exit 2
stderr:
error: `99999` is neither a log nor a URL
  caused by: `99999` is not an address: invalid port number; expected one such as `3000`, `:3000/hooks` or `https://example.com/hooks`
");
    room.replay(&["log.jsonl", "a b"]).assert_snapshot("
exit 2
stderr:
error: `a b` is not an address: invalid international domain name; expected one such as `3000`, `:3000/hooks` or `https://example.com/hooks`
");
    room.replay(&[".", "3000"]).assert_snapshot(
        "
exit 2
stderr:
error: cannot read .
  caused by: it is a folder
",
    );
}

#[test]
fn a_pipe_is_read_as_a_stream_without_a_state_file() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    room.write("log.jsonl", records(1..=3));
    let script = |more: &str| {
        let whk = env!("CARGO_BIN_EXE_whk");
        format!("mkfifo pipe; cat log.jsonl >pipe & '{whk}' replay pipe {} {more}", handler.url())
    };
    room.program("sh", ["-c", &script("")]).run().assert_exit(0);
    assert_eq!(numbers(&handler), [1, 2, 3]);
    let names = fs::read_dir(room.file("")).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names.len(), 2, "{names:?}");
    room.program("sh", ["-c", &script("--state x")]).run().assert_snapshot(
        "
exit 2
stderr:
mkfifo: cannot create fifo 'pipe': File exists
error: cannot resume from pipe
  caused by: its content may differ next time
hint: write it to a file first
",
    );
}

#[test]
fn a_handler_that_is_still_starting_is_waited_for() {
    let room = TestEnv::new();
    default_log(&room, [1]);
    let port = free_port();
    let running = room.whk(["replay", &port, "--wait", "1m"]).start();
    running.wait_for_stderr("waiting for");
    let handler = TestHandler::at(([127, 0, 0, 1], port.parse().unwrap()).into(), [HandlerResponse::text(200, "")]);
    running.end().assert_exit(0);
    assert_eq!(numbers(&handler), [1]);
    let output = room.replay(&[&free_port(), "--wait", "1ms", "--fresh"]).assert_exit(3);
    assert!(output.stderr().contains(" accepted no connection within 1ms"), "{output}");
    let running = room.whk(["replay", &free_port(), "--wait", "1m"]).start();
    running.wait_for_stderr("waiting for");
    running.signal("TERM");
    running.end().assert_exit(130);
}

#[test]
fn a_rejection_of_the_development_secret_says_how_to_share_it() {
    let (room, handler) = (TestEnv::new(), TestHandler::answering([HandlerResponse::text(401, "")]));
    let send = ["send", "-p", "selfmx", "-t", "opened", "--dry-run", "--format", "json"];
    let record = room.whk(send).run().assert_exit(0);
    room.write("one.json", record.bytes());
    let run = |more: &[&str]| room.replay(&[&["one.json", &handler.url(), "--schedule", "none"], more].concat());
    let output = run(&[]).assert_exit(1);
    assert_eq!(output.stderr().matches("export WEBHOOK_SECRET=$(whk secret -p selfmx)").count(), 1, "{output}");
    let output = run(&["--verbatim", "--fresh"]).assert_exit(1);
    assert!(!output.stderr().contains("development secret"), "{output}");
}

/// A port that nobody listens on.
fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}
