//! The log of `whk listen`: one listener, torn lines, rotation, full and read-only disks.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::harness::env::{ListenProcess, TestEnv};
use crate::harness::http::{Connection, FIXED, STANDARD, exchange, valid};

/// A valid request with a body of about this size.
fn sized(id: &str, size: usize) -> Vec<u8> {
    let body = format!(r#"{{"type":"user.created","text":"{}"}}"#, "x".repeat(size));
    valid(id, body)
}

fn records(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["verdict"]["event_id"].as_str().unwrap()).collect()
}

#[test]
fn a_torn_last_line_is_set_aside_at_the_next_start_and_nothing_else_is_touched() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&[]);
    exchange(listener.address(), &sized("msg_1", 1));
    listener.stop().assert_exit(0);
    let whole = fs::read(room.file("log.jsonl")).unwrap();
    room.write("log.jsonl", [&whole[..], &whole[..100]].concat());
    let listener = room.listen_fixed(&["-q"]);
    exchange(listener.address(), &sized("msg_2", 1));
    listener.stop().assert_exit(0);
    let log = fs::read(room.file("log.jsonl")).unwrap();
    assert!(log.starts_with(&whole));
    assert_eq!(ids(&records(&room.file("log.jsonl"))), ["msg_1", "msg_2"]);
    assert_eq!(fs::read(room.file("log.jsonl.torn")).unwrap(), [&whole[..100], b"\n"].concat());
    assert_eq!(fs::metadata(room.file("log.jsonl.torn")).unwrap().permissions().mode() & 0o777, 0o600);
    room.write("log.jsonl", [&log[..], b"{\"v\":1,\"ki"].concat());
    fs::set_permissions(room.file("log.jsonl"), fs::Permissions::from_mode(0o644)).unwrap();
    room.listen_fixed(&[]).stop().assert_snapshot(
        "
exit 0
stderr:
note: the last line of log.jsonl was incomplete; moved its 10 bytes to log.jsonl.torn
note: other users can read log.jsonl: chmod 600 log.jsonl
listening on http://[ADDRESS]  (standard, secret from the command line)
recording to log.jsonl
Press Ctrl-C to stop
0 received
",
    );
    assert_eq!(fs::read(room.file("log.jsonl")).unwrap(), log);
}

#[test]
fn a_file_that_is_no_log_is_refused_and_left_as_it_is() {
    let room = TestEnv::new();
    room.write("notes.txt", "buy milk\n");
    room.whk(["listen", "0", "--log", "notes.txt"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot write the log notes.txt
  caused by: it is not a log
hint: use --log FILE, or --no-log
",
    );
    assert_eq!(fs::read_to_string(room.file("notes.txt")).unwrap(), "buy milk\n");
}

#[test]
fn a_second_listener_is_kept_off_and_readers_are_not() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--rotate", "600"]);
    std::os::unix::fs::symlink("log.jsonl", room.file("link.jsonl")).unwrap();
    for round in 1..=2 {
        for name in ["log.jsonl", "link.jsonl", "./log.jsonl"] {
            room.whk(["listen", "0", "--log", name]).run().redact(name, "[LOG]").assert_snapshot(
                "
exit 2
stderr:
error: cannot write the log [LOG]
  caused by: another `whk listen` is already using this log
hint: use --log FILE, or --no-log
",
            );
        }
        // The second round is after the log got a new file.
        exchange(listener.address(), &sized(&format!("msg_{round}"), 400));
        let verify = room.whk(["verify", "log.jsonl", "-p", "standard", "-s", STANDARD]).run();
        verify.assert_snapshot(&format!("exit 0\nstdout:\n✓ valid log.jsonl:1 standard user.created msg_{round}\n"));
    }
    assert!(room.file("log.jsonl.1").exists());
    listener.stop().assert_exit(0);
    room.listen_fixed(&[]).stop().assert_exit(0);
}

#[test]
fn several_listeners_run_side_by_side_with_a_log_each() {
    let room = TestEnv::new();
    let second_ready = room.path().join("second");
    let first = room.listen(FIXED);
    let port_of = |listener: &ListenProcess| listener.address().rsplit_once(':').unwrap().1.to_owned();
    let ready = ["listen", "0", "--ready-file"].map(OsString::from).into_iter().chain([second_ready.clone().into()]);
    let second = room.whk(ready.chain(FIXED.map(OsString::from))).start_listening(&second_ready);
    exchange(first.address(), &sized("msg_1", 1));
    exchange(second.address(), &sized("msg_2", 1));
    let port = port_of(&second);
    second.stop().redact(&port, "[PORT]").assert_snapshot(
        r#"
exit 0
stdout:
08:15:33.000 200 ✓ valid    standard user.created        msg_2 /hooks
    {
      "type": "user.created",
      "text": "x"
    }
stderr:
listening on http://[ADDRESS]  (standard, secret from the command line)
recording to [ROOM]/data/events-[PORT].jsonl
(events.jsonl is in use by another listener)
Press Ctrl-C to stop
1 received, 1 valid
"#,
    );
    assert_eq!(ids(&records(&room.data("events.jsonl"))), ["msg_1"]);
    assert_eq!(ids(&records(&room.data(&format!("events-{port}.jsonl")))), ["msg_2"]);
    // A log that is named is used or reported, and never replaced by another.
    room.whk(["listen", "0", "--log", "../data/events.jsonl"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot write the log ../data/events.jsonl
  caused by: another `whk listen` is already using this log
hint: use --log FILE, or --no-log
",
    );
    first.stop().assert_exit(0);
    let next = room.listen(FIXED);
    exchange(next.address(), &sized("msg_3", 1));
    next.stop().assert_exit(0);
    assert_eq!(ids(&records(&room.data("events.jsonl"))), ["msg_1", "msg_3"]);
}

#[test]
fn an_address_is_bound_before_the_log_is_opened() {
    let room = TestEnv::new();
    let listener = room.listen(FIXED);
    let address = listener.address().to_owned();
    let (_, port) = address.rsplit_once(':').unwrap();
    room.whk(["listen", &address]).run().redact(&address, "[ADDRESS]").redact(port, "[PORT]").assert_snapshot(
        "
exit 2
stderr:
error: cannot listen on [ADDRESS]
  caused by: port [PORT] is in use
hint: for any free port: whk listen 0
",
    );
    room.whk(["listen", "80x"]).run().assert_snapshot(
        "
exit 2
stderr:
error: ADDR: `80x` is not an address to listen on, expected PORT or HOST:PORT
",
    );
    room.whk(["listen", "0", "--log", "missing/log.jsonl"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot write the log missing/log.jsonl
  caused by: no such file or directory
hint: use --log FILE, or --no-log
",
    );
    listener.stop().assert_exit(0);
    assert!(!room.data("events-9450.jsonl").exists());
}

#[test]
fn rotation_splits_no_record_and_loses_none() {
    const SIZE: u64 = 4000;
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--rotate", "4000", "--json"]);
    thread::scope(|scope| {
        for client in 0..4 {
            let address = listener.address();
            scope.spawn(move || {
                let mut connection = Connection::open(address);
                for number in 0..50 {
                    // Now and then one that is larger than a file.
                    let size = if number % 20 == 7 { 5000 } else { number * 10 };
                    assert_eq!(connection.exchange(&sized(&format!("{client}-{number}"), size)).status, 200);
                }
            });
        }
    });
    let shown = listener.stop().assert_exit(0).json();
    let mut files = vec![room.file("log.jsonl")];
    files.extend((1..).map(|number| room.file(&format!("log.jsonl.{number}"))).take_while(|path| path.exists()));
    assert!(files.len() > 20, "{}", files.len());
    let mut all = Vec::new();
    for path in files.iter().rev() {
        let records = records(path);
        let size = fs::metadata(path).unwrap().len();
        assert!(size <= SIZE || records.len() == 1, "{}: {size}", path.display());
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        all.extend(records);
    }
    assert_eq!(all, shown[1..=200], "the log holds what was shown, in order");
    let seqs: Vec<u64> = all.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>());
}

#[test]
fn only_as_many_old_files_are_kept_as_asked_for() {
    let room = TestEnv::new();
    room.write("whk.toml", "listen.rotate = \"600\"\n");
    let listener = room.listen_fixed(&["--keep", "2", "--sync"]);
    for number in 1..=9 {
        exchange(listener.address(), &sized(&format!("msg_{number}"), 400));
    }
    listener.stop().assert_exit(0);
    let kept = ["log.jsonl.2", "log.jsonl.1", "log.jsonl"].map(|name| records(&room.file(name)));
    assert_eq!(kept.each_ref().map(|records| ids(records).concat()), ["msg_7", "msg_8", "msg_9"]);
    assert!(!room.file("log.jsonl.3").exists());
}

#[test]
fn to_keep_files_without_a_size_is_a_mistake() {
    TestEnv::new().whk(["listen", "0", "--keep", "2"]).run().assert_snapshot(
        "
exit 2
stderr:
error: `--keep` needs a size at which to start a new file
hint: whk listen --rotate 64MiB --keep N
",
    );
}

#[test]
fn a_log_that_is_removed_is_begun_anew() {
    for more in [&[][..], &["--rotate", "1MiB"], &["--sync"]] {
        let room = TestEnv::new();
        let listener = room.listen_fixed(more);
        let log = room.file("log.jsonl");
        for id in ["a", "b", "c"] {
            assert_eq!(exchange(listener.address(), &sized(id, 10)).status, 200);
            assert_eq!(ids(&records(&log)), [id], "{more:?}");
            assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
            fs::remove_file(&log).unwrap();
        }
        assert_eq!(exchange(listener.address(), &sized("d", 10)).status, 200);
        let second = room.whk(["listen", "0", "--log", "log.jsonl"]).run().assert_exit(2);
        assert!(second.stderr().contains("another `whk listen` is already using this log"), "{second}");
        listener.stop().assert_exit(0);
        assert_eq!(records(&log)[0]["seq"], 4);
    }
}

#[test]
fn with_sync_each_record_is_in_the_log_before_its_answer() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--sync", "--json"]);
    thread::scope(|scope| {
        for client in 0..8 {
            let (address, log) = (listener.address(), room.file("log.jsonl"));
            scope.spawn(move || {
                let mut connection = Connection::open(address);
                for number in 0..10 {
                    let id = format!("{client}-{number}");
                    assert_eq!(connection.exchange(&sized(&id, 10)).status, 200);
                    assert!(fs::read_to_string(&log).unwrap().contains(&format!("\"event_id\":\"{id}\"")));
                }
            });
        }
    });
    let lines = listener.stop().assert_exit(0).json();
    assert_eq!(records(&room.file("log.jsonl")).len(), 80);
    assert_eq!(lines.last().unwrap()["valid"], 80);
}

/// A way to run out of room for real.
enum Full {
    /// A file system of 64 KiB in a mount namespace of its own, half of it taken by another file.
    FileSystem,
    /// A limit of 24 KiB on the size of files, which needs no privileges.
    FileSize,
}

impl Full {
    /// The ways that this machine allows: the second one always.
    fn ways() -> Vec<Self> {
        let mount = "mount -t tmpfs -o size=64k none \"$0\"";
        let folder = tempfile::tempdir().unwrap();
        let mut probe = Command::new("unshare");
        probe.args(["-rm", "sh", "-c", mount]).arg(folder.path()).stderr(Stdio::null());
        if probe.status().is_ok_and(|status| status.success()) {
            vec![Self::FileSystem, Self::FileSize]
        } else {
            vec![Self::FileSize]
        }
    }

    /// Starts a listener that soon has no more room for `full/log.jsonl`.
    fn listen(&self, room: &TestEnv) -> ListenProcess {
        fs::create_dir(room.file("full")).unwrap();
        let ready = room.path().join("ready");
        let flags = ["listen", "0", "--log", "full/log.jsonl", "-q", "--json", "--ready-file"];
        let whk = [&[env!("CARGO_BIN_EXE_whk")], flags.as_slice(), &[ready.to_str().unwrap()], &FIXED].concat();
        let run = match self {
            Self::FileSystem => {
                let script =
                    "mount -t tmpfs -o size=64k none full && head -c 32768 /dev/zero >full/other && exec \"$@\"";
                room.program("unshare", [&["-rm", "sh", "-c", script, "sh"], whk.as_slice()].concat())
            }
            Self::FileSize => {
                let script = "trap '' XFSZ; exec prlimit --fsize=24576: \"$@\"";
                room.program("sh", [&["-c", script, "sh"], whk.as_slice()].concat())
            }
        };
        run.start_listening(&ready)
    }

    /// The log as the listener sees it.
    fn log(&self, room: &TestEnv, listener: &ListenProcess) -> PathBuf {
        match self {
            Self::FileSystem => {
                let inside = PathBuf::from(format!("/proc/{}/root", listener.id()));
                inside.join(room.file("full/log.jsonl").strip_prefix("/").unwrap())
            }
            Self::FileSize => room.file("full/log.jsonl"),
        }
    }

    fn make_room(&self, room: &TestEnv, listener: &ListenProcess) {
        match self {
            Self::FileSystem => fs::remove_file(self.log(room, listener).with_file_name("other")).unwrap(),
            Self::FileSize => {
                let id = listener.id().to_string();
                assert!(Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited"]).status().unwrap().success());
            }
        }
    }

    fn cause(&self) -> &'static str {
        match self {
            Self::FileSystem => "no space left on device",
            Self::FileSize => "file too large",
        }
    }
}

#[test]
fn without_room_nothing_is_acknowledged_and_with_room_it_goes_on() {
    for full in Full::ways() {
        let room = TestEnv::new();
        let listener = full.listen(&room);
        let log = full.log(&room, &listener);
        let mut connection = Connection::open(listener.address());
        let (mut taken, mut refused) = (Vec::new(), 0);
        for number in 0..40 {
            let id = format!("msg_{number}");
            let answer = connection.exchange(&sized(&id, 3000));
            match answer.status {
                200 => taken.push(id),
                status => {
                    assert_eq!((status, answer.body.as_str()), (503, "the request could not be recorded"));
                    refused += 1;
                }
            }
            // Whatever was written of a record that did not fit is gone again.
            assert_eq!(ids(&records(&log)), taken, "{}", full.cause());
        }
        assert!(taken.len() > 3 && refused > 3, "{} {refused}", taken.len());
        full.make_room(&room, &listener);
        assert_eq!(connection.exchange(&sized("last", 3000)).status, 200);
        taken.push("last".to_owned());
        assert_eq!(ids(&records(&log)), taken);
        let output = listener.stop().assert_exit(0);
        let answered: Vec<Value> = output.json().iter().map(|line| line["response"]["status"].clone()).collect();
        assert_eq!(answered.iter().filter(|status| **status == 503).count(), refused);
        let error = format!("error: cannot write to the log full/log.jsonl\n  caused by: {}\n", full.cause());
        assert_eq!(output.stderr(), error, "it is said once");
    }
}

#[test]
fn of_those_that_come_together_each_is_kept_whole_or_refused() {
    for full in Full::ways() {
        let room = TestEnv::new();
        let listener = full.listen(&room);
        let log = full.log(&room, &listener);
        let mut connections: Vec<Connection> = (0..32).map(|_| Connection::open(listener.address())).collect();
        let (mut taken, mut refused) = (Vec::new(), 0);
        for round in 0..3 {
            for (number, connection) in connections.iter_mut().enumerate() {
                connection.write(&sized(&format!("{round}-{number}"), 300 + number * 50));
            }
            for (number, connection) in connections.iter_mut().enumerate() {
                match connection.answer().status {
                    200 => taken.push(format!("{round}-{number}")),
                    status => {
                        assert_eq!(status, 503);
                        refused += 1;
                    }
                }
            }
            let (records, mut taken) = (records(&log), taken.clone());
            let mut ids = ids(&records);
            ids.sort_unstable();
            taken.sort_unstable();
            assert_eq!(ids, taken, "{}", full.cause());
        }
        assert!(taken.len() > 3 && refused > 3, "{} {refused}", taken.len());
        // What was refused is not known: the provider sends it again, and it is no repeat.
        full.make_room(&room, &listener);
        for (number, connection) in connections.iter_mut().take(8).enumerate() {
            assert_eq!(connection.exchange(&sized(&format!("2-{number}"), 300 + number * 50)).status, 200);
        }
        let records = records(&log);
        let again = |record: &&Value| record["seq"].as_u64().unwrap() > 96;
        for record in records.iter().filter(again) {
            let before = taken.iter().any(|id| record["verdict"]["event_id"] == **id);
            assert_eq!(record["duplicate"], before, "{record}");
        }
        listener.stop().assert_exit(0);
    }
}

#[test]
fn it_is_said_once_that_there_is_no_room_and_once_that_there_is_again() {
    let room = TestEnv::new();
    let script = "trap '' XFSZ; exec prlimit --fsize=2000: \"$@\"";
    let ready = room.path().join("ready");
    let flags = ["listen", "0", "--log", "log.jsonl", "--json", "--ready-file", ready.to_str().unwrap()];
    let whk = [&["-c", script, "sh", env!("CARGO_BIN_EXE_whk")], flags.as_slice(), &FIXED].concat();
    let listener = room.program("sh", whk).start_listening(&ready);
    let mut connection = Connection::open(listener.address());
    let mut status = |id: &str, size| connection.exchange(&sized(id, size)).status;
    assert_eq!([status("a", 9), status("b", 2000), status("c", 2000), status("d", 9)], [200, 503, 503, 200]);
    assert_eq!([status("e", 2000), status("f", 2000)], [503, 503]);
    assert_eq!(ids(&records(&room.file("log.jsonl"))), ["a", "d"]);
    let output = listener.stop().assert_exit(0);
    assert_eq!(
        output.stderr().replace(&room.path().display().to_string(), "[ROOM]").lines().skip(3).collect::<Vec<_>>(),
        [
            "error: cannot write to the log log.jsonl",
            "  caused by: file too large",
            "the log is writable again; 2 requests got a 503 response",
            "error: cannot write to the log log.jsonl",
            "  caused by: file too large",
            "6 received, 6 valid"
        ]
    );
}

#[test]
fn a_log_that_may_not_be_written_keeps_it_from_starting() {
    let room = TestEnv::new();
    let log = room.write("log.jsonl", "");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o400)).unwrap();
    let whk = [env!("CARGO_BIN_EXE_whk"), "listen", "0", "--log", "log.jsonl"];
    // Who is root may write anything, unless the capabilities for that are given up.
    let run = if fs::metadata(&log).unwrap().uid() == 0 {
        room.program("setpriv", [["--bounding-set=-all", "--inh-caps=-all"].as_slice(), &whk].concat())
    } else {
        room.program(whk[0], &whk[1..])
    };
    run.run().assert_snapshot(
        "
exit 2
stderr:
error: cannot write the log log.jsonl
  caused by: permission denied
hint: use --log FILE, or --no-log
",
    );
}
