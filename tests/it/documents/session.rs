//! Runs the commands of one document, in a room with everything that they need: a handler on `:3000`, a listener on the
//! default port, captures, a log, secrets, and stand-ins for a project's own programs.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};

use super::page::Command;
use crate::harness::env::{ListenProcess, TestCommand, TestEnv};

const WHK: &str = env!("CARGO_BIN_EXE_whk");

/// Ports that documents name without a colon before them.
const PORTS: [&str; 4] = ["3000", "9450", "9460", "9999"];

/// The port that documents give their handler.
const HANDLER: &str = "3000";

/// The default port of `whk listen`.
const DEFAULT: &str = "9450";

/// The default port of `whk serve`.
const SERVE: &str = "9460";

/// Passes everything on to `whk`, and gives it free ports and a file that says when a listener is ready.
const WHK_STAND_IN: &str = r#"#!/bin/sh
case "$1 $*" in
'listen '*--ready-file*|'serve '*--ready-file*) ;;
'listen '*)
    shift
    set -- listen --ready-file "$WHK_READY" "$@" ;;
'serve '*)
    shift
    set -- serve --ready-file "$WHK_READY" "$@" ;;
'send '*) export WHK_URL="${WHK_URL:-http://127.0.0.1:$WHK_PORT/}" ;;
esac
exec "$WHK_BINARY" "$@"
"#;

/// A project's own programs: `node app.js` is its handler. Others end at once, and tests send one event to `WHK_URL`
/// first.
const PROGRAM_STAND_IN: &str = r"#!/bin/sh
case $* in app.js) exec whk listen $PORT -p ahasend --no-log -q ;; esac
case $* in *test*) whk send -p ahasend --type message.delivered >&2 ;; esac
";

/// Prints what would be on the clipboard.
const CLIPBOARD_STAND_IN: &str = "#!/bin/sh\ncat \"$CLIPBOARD\"\n";

/// Puts into the folder what documents name: captures, bodies and a log.
const FILES: &str = r#"
set -eu
whk send -p ahasend --type message.delivered --dry-run >captured.http
whk send -p ahasend --type message.delivered --dry-run --format curl >captured.curl
whk send -p ahasend --scenario hard-bounce --dry-run --format json >captured.jsonl
printf '{"type":"user.created","timestamp":"2026-03-02T08:15:33Z","data":{"id":1}}' >body.json
"#;

/// Sends what the log of a document holds: most events are delivered, and one fails with 503.
const LOGGED: &str = r"
whk send -p ahasend --scenario hard-bounce
whk send -p autosend --type email.opened
whk send -p selfmx --type delivered
";

/// One document's run.
pub(super) struct Session {
    room: TestEnv,
    ports: HashMap<String, Port>,
    secrets: HashMap<String, String>,
    /// The variables that commands have named with `env:` so far.
    variables: HashMap<String, String>,
    /// Lines such as `cd …` and `export …`, which hold for the commands after them.
    prologue: String,
    /// What the document started and goes on in the background: a listener, a server, or both.
    background: HashMap<&'static str, ListenProcess>,
    section: usize,
    ready_files: usize,
}

impl Session {
    /// A room with a handler, captures and a log.
    pub(super) fn new() -> Self {
        let room = TestEnv::new();
        let stand_ins = [
            ("whk", WHK_STAND_IN),
            ("npm", PROGRAM_STAND_IN),
            ("node", PROGRAM_STAND_IN),
            ("pytest", PROGRAM_STAND_IN),
            ("pbpaste", CLIPBOARD_STAND_IN),
        ];
        fs::create_dir(room.path().join("bin")).unwrap();
        for (name, script) in stand_ins {
            let path = room.path().join("bin").join(name);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        let ports: HashMap<String, Port> = PORTS.map(|name| (name.to_owned(), Port::free())).into();
        room.write("../config/whk.toml", addresses(&ports));
        let mut session = Self {
            room,
            ports,
            secrets: HashMap::new(),
            variables: HashMap::new(),
            prologue: String::new(),
            background: HashMap::new(),
            section: 0,
            ready_files: 0,
        };
        session.prepare();
        session
    }

    /// Writes the files that documents name.
    fn prepare(&mut self) {
        self.shell(FILES, "").run().assert_exit(0);
        let records = fs::read_to_string(self.room.file("captured.jsonl")).unwrap();
        self.room.write("session.har", archive(&records));
        let log = self.room.file("events.jsonl");
        let scripted = self.room.listen(["--log", log.to_str().unwrap(), "--respond-for", "message.bounced=503"]);
        self.shell(LOGGED, "").env("WHK_URL", scripted.url()).run();
        scripted.stop();
        fs::create_dir_all(self.room.data("")).unwrap();
        fs::copy(log, self.room.data("events.jsonl")).unwrap();
    }

    /// Runs a command and returns what it prints. One that listens until it is stopped goes on in the background, and
    /// prints nothing that is known here.
    pub(super) fn run(&mut self, command: &Command, expected: &[i32]) -> Result<String, String> {
        let text = self.with_ports(&command.text);
        if ["cd ", "export "].iter().any(|start| text.starts_with(start)) {
            self.prologue.push_str(&text);
            self.prologue.push('\n');
        }
        let endless = is_endless(&text) && !expected.iter().any(|code| [2, 4].contains(code));
        if self.section != command.section {
            self.background.clear();
            self.section = command.section;
        }
        let kind = listens(&text);
        kind.map(|kind| self.background.remove(kind));
        // Started for each command, so that they know the providers that the document has described by then.
        // A command that starts the handler itself needs its port.
        let handler = (!text.contains(" -- node app.js")).then(|| self.stand_in("listen", HANDLER, "--no-log"));
        let alone = kind.is_none() && self.background.is_empty();
        let default = alone.then(|| self.stand_in("listen", DEFAULT, ""));
        let server = (alone && text.contains("whk emit")).then(|| self.stand_in("serve", SERVE, ""));
        self.write_secret_files(&text);
        self.set_variables(&text);
        let mut run = self.shell(&self.prologue, text.trim_end_matches(['&', ' ']));
        if endless {
            self.ready_files += 1;
            run = run.env("WHK_READY", self.ready_file());
            let ready = match text.split_whitespace().skip_while(|word| *word != "--ready-file").nth(1) {
                Some(named) => self.room.file(named),
                None => self.ready_file(),
            };
            let started = catch_unwind(AssertUnwindSafe(|| run.group().start_listening(&ready)));
            let started = started.map_err(|_| format!("{}: it did not listen: {}", command.place, command.text))?;
            self.background.extend(kind.map(|kind| (kind, started)));
            return Ok(String::new());
        }
        self.ready_files += 1;
        let run = run.env("WHK_READY", self.ready_file());
        let output = if text.contains("whk log -f") {
            // It goes on until Ctrl-C.
            let following = run.group().start();
            following.wait_for_stderr("following ");
            following.signal("INT");
            following.end()
        } else {
            run.run()
        };
        for listener in default.into_iter().chain(handler).chain(server) {
            listener.stop();
        }
        match output.code() {
            Some(code) if expected.contains(&code) => Ok(output.stdout() + "\n" + &output.stderr()),
            _ => Err(format!("{}: expected exit {expected:?}\n$ {}\n{output}", command.place, command.text)),
        }
    }

    /// Starts a receiver or a server on a port that documents name.
    fn stand_in(&mut self, command: &str, port: &str, option: &str) -> ListenProcess {
        self.ready_files += 1;
        let ready = self.ready_file();
        let run = self.shell(&self.prologue, &format!("exec whk {command} -q {} {option}", self.ports[port]));
        run.start_listening(&ready)
    }

    /// The file in which the stand-in for `whk` has a listener say that it is ready.
    fn ready_file(&self) -> PathBuf {
        self.room.path().join(format!("ready-{}", self.ready_files))
    }

    /// A shell that runs a command after some lines.
    fn shell(&self, before: &str, command: &str) -> TestCommand {
        let path = whk::environment::var("PATH").unwrap_or_default();
        let mut run = self.room.program("bash", ["-c", &format!("{before}\n{command}")]);
        for (name, value) in &self.variables {
            run = run.env(name, value);
        }
        run.env("PATH", format!("{}:{path}", self.room.path().join("bin").display()))
            .env("WHK_BINARY", WHK)
            .env("WHK_READY", self.ready_file())
            .env("WHK_PORT", self.ports[DEFAULT].to_string())
            .env("CLIPBOARD", if command.contains("--format curl") { "captured.curl" } else { "captured.http" })
            .env("COLUMNS", "80")
    }

    /// The command with a free port for each that it names.
    fn with_ports(&mut self, text: &str) -> String {
        let mut replaced = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
            let digits = &rest[start..];
            let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
            let (number, before) = (&digits[..end], &rest[..start]);
            let is_word = !before.ends_with(|letter: char| letter.is_alphanumeric() || "._-".contains(letter));
            let is_port = (4..=5).contains(&number.len()) && (PORTS.contains(&number) || before.ends_with(':'));
            replaced.push_str(before);
            if is_word && is_port {
                let port = self.ports.entry(number.to_owned()).or_insert_with(Port::free);
                replaced.push_str(&port.to_string());
            } else {
                replaced.push_str(number);
            }
            rest = &digits[end..];
        }
        replaced + rest
    }

    /// Writes the files that `file:PATH` names, unless they are there.
    fn write_secret_files(&mut self, text: &str) {
        for name in named(text, "file:") {
            if !self.room.file(&name).exists() {
                let secret = self.secret(&provider_of(text, ""));
                self.room.write(&name, secret);
            }
        }
    }

    /// Sets the variables that `env:NAME` names, unless the document sets them.
    fn set_variables(&mut self, text: &str) {
        for name in named(text, "env:") {
            let secret = self.secret(&provider_of(text, &name));
            self.variables.insert(name, secret);
        }
    }

    /// The development secret of a provider, with which the handler verifies too.
    fn secret(&mut self, provider: &str) -> String {
        if let Some(secret) = self.secrets.get(provider) {
            return secret.clone();
        }
        let arguments: &[&str] = match provider {
            "PAIR" => &["secret", "new", "-p", "standard", "--pair"],
            _ => &["secret", "-p", provider],
        };
        let secret = self.room.whk(arguments).run().assert_exit(0).stdout().trim_end().to_owned();
        self.secrets.insert(provider.to_owned(), secret.clone());
        secret
    }
}

/// A free TCP port below those that systems hand out. The UDP port with the same number is held as long as this is kept,
/// so that no other session takes the port between its runs.
struct Port {
    number: u16,
    _reserved: UdpSocket,
}

impl Port {
    fn free() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let offset = u16::try_from(std::process::id() % 400).unwrap() * 40;
        loop {
            let number = 10_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
            let reserved = UdpSocket::bind(("127.0.0.1", number));
            if let (Ok(reserved), Ok(_)) = (reserved, TcpListener::bind(("127.0.0.1", number))) {
                return Self { number, _reserved: reserved };
            }
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// The config file that gives each command a free port.
fn addresses(ports: &HashMap<String, Port>) -> String {
    let section = |(name, port): (&str, &str)| format!("[{name}]\naddress = \"127.0.0.1:{}\"\n", ports[port]);
    [("listen", DEFAULT), ("serve", SERVE)].map(section).concat()
}

/// The name of the command that listens, if one does.
fn listens(text: &str) -> Option<&'static str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_run = |name: &&str| words.windows(2).any(|pair| pair == ["whk", *name]);
    let is_help = ["--help", "-h"].iter().any(|word| words.contains(word));
    ["listen", "serve"].into_iter().find(is_run).filter(|_| !is_help)
}

/// True for a command that listens until it is stopped, or until requests came.
fn is_endless(text: &str) -> bool {
    listens(text).is_some() && !text.contains(" -- ")
}

/// The names behind each `env:` or `file:` of a command.
fn named(text: &str, prefix: &str) -> Vec<String> {
    let parts = text.split(prefix).skip(1);
    parts
        .map(|part| {
            part.split(|letter: char| letter.is_whitespace() || "'\"".contains(letter)).next().unwrap().to_owned()
        })
        .collect()
}

/// The provider that a command names with `-p`, else the one that a variable is named after, else `ahasend`.
fn provider_of(text: &str, variable: &str) -> String {
    let words = text.split_whitespace().skip_while(|word| *word != "whk");
    let mut words = words.skip_while(|word| !["-p", "--provider"].contains(word));
    let named = words.nth(1).map(|name| name.split('@').next().unwrap().to_owned());
    let first = variable.split('_').next().unwrap().to_lowercase();
    let known = ["ahasend", "aisend", "autosend", "selfmx", "standard", "stripe", "github", "slack", "twilio"];
    match variable {
        "PAIR" => variable.to_owned(),
        _ if named.is_some() => named.unwrap(),
        _ if known.contains(&&*first) => first,
        _ => "ahasend".to_owned(),
    }
}

/// An HTTP Archive of the requests in JSON Lines.
fn archive(records: &str) -> String {
    let entry = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        let header = |pair: &Value| json!({"name": pair[0], "value": pair[1]});
        let headers: Vec<Value> = record["headers"].as_array().unwrap().iter().map(header).collect();
        json!({
            "startedDateTime": record["at"],
            "request": {
                "method": record["method"],
                "url": record["url"],
                "httpVersion": "HTTP/1.1",
                "headers": headers,
                "postData": {"mimeType": "application/json", "text": record["body"]},
            },
            "response": {"status": 200},
        })
    };
    let entries: Vec<Value> = records.lines().map(entry).collect();
    json!({"log": {"version": "1.2", "entries": entries}}).to_string()
}
