//! A test environment for the compiled binary: a home, a data folder and a project of its own, no inherited environment,
//! a deadline, and every run as one text with its exit code, stdout and stderr.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write as _};
use std::fs;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use whk::clock::Stopwatch;

use crate::harness::http::{EVENT, FIXED, FIXED_SEND};
use crate::harness::snapshot;

/// The limit for every wait. It is far more than any test needs, because the machine can be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The folders of one test: `home`, `data`, `config`, and `project`, which commands are run from.
pub(crate) struct TestEnv {
    folder: TempDir,
}

impl TestEnv {
    /// New and empty folders.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "config", "project"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    /// The folder around all others.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the project, which is the current folder of every run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("project").join(name)
    }

    /// A path in the data folder.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    /// Writes a file in the project, or anywhere under [`TestEnv::path`] for a name such as `../config/whk.toml`.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The records of `log.jsonl` in the project.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.file("log.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A run of `whk` that has not started yet.
    pub(crate) fn whk<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> TestCommand {
        self.program(env!("CARGO_BIN_EXE_whk"), arguments)
    }

    /// A run of another program, in the same environment.
    pub(crate) fn program<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = S>,
    ) -> TestCommand {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir(self.file("")).env("TZ", "UTC");
        command.env("HOME", self.path().join("home"));
        command.env("WHK_DATA_DIR", self.path().join("data"));
        command.env("WHK_CONFIG_DIR", self.path().join("config"));
        for kept in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some((name, value)) = std::env::vars_os().find(|(name, _)| name == kept) {
                command.env(name, value);
            }
        }
        TestCommand {
            command,
            input: Vec::new(),
            stdin: None,
            stdout: None,
            group: false,
            room: self.path().to_owned(),
        }
    }

    /// Starts `whk listen --port 0` with more arguments, and waits until it accepts requests.
    pub(crate) fn listen<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> ListenProcess {
        let ready = self.path().join("ready");
        let mut whole = vec![OsString::from("listen")];
        whole.extend(["--port", "0", "--ready-file"].map(OsString::from));
        whole.push(ready.clone().into());
        whole.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self.whk(whole).start_listening(&ready)
    }

    /// Starts a listener with the flags [`FIXED`] and more, which keeps its log in the project.
    pub(crate) fn listen_fixed(&self, more: &[&str]) -> ListenProcess {
        self.listen([&FIXED, ["--log", "log.jsonl"].as_slice(), more].concat())
    }

    /// Starts a listener with the flags [`FIXED`] and more, which keeps no log.
    pub(crate) fn listen_without_log(&self, more: &[&str]) -> ListenProcess {
        self.listen([&FIXED, ["--no-log"].as_slice(), more].concat())
    }

    /// Returns a run of `whk verify` with the flags [`FIXED`] and more.
    pub(crate) fn verify(&self, more: &[&str]) -> TestCommand {
        self.whk([["verify"].as_slice(), &FIXED, more].concat())
    }

    /// Runs `whk send --dry-run` with the flags [`FIXED_SEND`] and more to the end.
    #[track_caller]
    pub(crate) fn send_dry_run(&self, more: &[&str]) -> Output {
        self.whk([["send", "--dry-run"].as_slice(), &FIXED_SEND, more].concat()).run()
    }

    /// Runs `whk replay` with these arguments to the end.
    #[track_caller]
    pub(crate) fn replay(&self, arguments: &[&str]) -> Output {
        self.whk([["replay"].as_slice(), arguments].concat()).run()
    }

    /// Runs `whk send URL` with the flags [`FIXED_SEND`] and more to the end.
    #[track_caller]
    pub(crate) fn send_fixed(&self, url: &str, more: &[&str]) -> Output {
        self.send(url, &[FIXED_SEND.as_slice(), more].concat())
    }

    /// Runs `whk send URL` with the flags [`EVENT`] and more to the end.
    #[track_caller]
    pub(crate) fn send_event(&self, url: &str, more: &[&str]) -> Output {
        self.send(url, &[EVENT.as_slice(), more].concat())
    }

    /// Runs `whk send URL` with more arguments to the end.
    #[track_caller]
    pub(crate) fn send(&self, url: &str, arguments: &[&str]) -> Output {
        self.whk([["send", url].as_slice(), arguments].concat()).run()
    }
}

/// A run that has not started yet.
pub(crate) struct TestCommand {
    command: Command,
    input: Vec<u8>,
    stdin: Option<fs::File>,
    stdout: Option<fs::File>,
    group: bool,
    room: PathBuf,
}

impl TestCommand {
    /// Gives it a process group of its own, which signals then go to: a shell and all that it starts.
    #[cfg(unix)]
    pub(crate) fn group(mut self) -> Self {
        std::os::unix::process::CommandExt::process_group(&mut self.command, 0);
        self.group = true;
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes a variable of the environment.
    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs in another folder.
    pub(crate) fn cwd(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives bytes on stdin, which is empty otherwise.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Gives a file or a device as stdin, instead of a pipe.
    pub(crate) fn stdin_from(mut self, file: fs::File) -> Self {
        self.stdin = Some(file);
        self
    }

    /// Sends stdout to a file instead; the output then has an empty stdout.
    pub(crate) fn stdout_to(mut self, file: fs::File) -> Self {
        self.stdout = Some(file);
        self
    }

    /// Runs to the end.
    #[track_caller]
    pub(crate) fn run(self) -> Output {
        self.start().end()
    }

    /// Starts it, with threads that read its output.
    pub(crate) fn start(mut self) -> TestProcess {
        self.command.stdin(self.stdin.take().map_or_else(Stdio::piped, Stdio::from)).stderr(Stdio::piped());
        self.command.stdout(self.stdout.take().map_or_else(Stdio::piped, Stdio::from));
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        if let Some(mut stdin) = child.stdin.take() {
            let input = self.input;
            thread::spawn(move || {
                // The program may end without reading what it does not need.
                let _ = stdin.write_all(&input);
            });
        }
        let (stdout, stdout_so_far) = child.stdout.take().map(collect).unzip();
        let (stderr, stderr_so_far) = collect(child.stderr.take().unwrap());
        TestProcess { child, stdout, stdout_so_far, stderr, stderr_so_far, group: self.group, room: self.room }
    }

    /// Starts a listener that will write the file `ready`, and waits until it accepts requests.
    #[track_caller]
    pub(crate) fn start_listening(self, ready: &Path) -> ListenProcess {
        let mut running = self.start();
        let watch = Stopwatch::start();
        loop {
            if let Ok(text) = fs::read_to_string(ready) {
                return ListenProcess { running, url: text.trim_end().to_owned() };
            }
            let ended = running.child.try_wait().unwrap().is_some();
            assert!(!ended, "the listener ended at once:\n{}", running.end());
            assert!(watch.elapsed() < DEADLINE, "the listener was not ready in time");
            // The one place that waits for a file: there is nothing else to wait on.
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Everything that a stream says until it is closed, and the text so far.
fn collect(mut stream: impl Read + Send + 'static) -> (Receiver<Vec<u8>>, Arc<SoFar>) {
    let (sender, receiver) = mpsc::channel();
    let so_far = Arc::new(SoFar::default());
    let shared = Arc::clone(&so_far);
    thread::spawn(move || {
        let mut part = vec![0; 1 << 16];
        while let Ok(read @ 1..) = stream.read(&mut part) {
            shared.bytes.lock().unwrap().extend_from_slice(&part[..read]);
            shared.grew.notify_all();
        }
        let _ = sender.send(shared.bytes.lock().unwrap().clone());
    });
    (receiver, so_far)
}

/// The text of a stream so far.
#[derive(Default)]
struct SoFar {
    bytes: Mutex<Vec<u8>>,
    grew: Condvar,
}

impl SoFar {
    /// Waits until the text is as wanted; returns it.
    #[track_caller]
    fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> String {
        let guard = self.bytes.lock().unwrap();
        let missing = |bytes: &mut Vec<u8>| !wanted(&String::from_utf8_lossy(bytes));
        let (guard, outcome) = self.grew.wait_timeout_while(guard, DEADLINE, missing).unwrap();
        let text = String::from_utf8_lossy(&guard).into_owned();
        assert!(!outcome.timed_out(), "this is not what was to come in time:\n{text}");
        text
    }
}

/// A running program; it is killed when this goes away.
pub(crate) struct TestProcess {
    child: Child,
    stdout: Option<Receiver<Vec<u8>>>,
    stdout_so_far: Option<Arc<SoFar>>,
    stderr: Receiver<Vec<u8>>,
    stderr_so_far: Arc<SoFar>,
    group: bool,
    room: PathBuf,
}

impl TestProcess {
    /// Waits until stderr holds this text.
    #[track_caller]
    pub(crate) fn wait_for_stderr(&self, text: &str) {
        self.stderr_so_far.wait_for(|so_far| so_far.contains(text));
    }

    /// Waits until stdout is as wanted; returns it.
    #[track_caller]
    pub(crate) fn wait_for_stdout(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.stdout_so_far.as_ref().unwrap().wait_for(wanted)
    }

    /// Kills it, as a crash or `kill -9` would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until stderr holds a line that begins with this text; returns the rest of the line.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, start: &str) -> String {
        self.wait_for_stderr(start);
        let bytes = self.stderr_so_far.bytes.lock().unwrap();
        let line = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let (_, after) = text.split_once(start)?;
            after.split_once('\n').map(|(line, _)| line.to_owned())
        };
        let waited = self.stderr_so_far.grew.wait_timeout_while(bytes, DEADLINE, |bytes| line(bytes).is_none());
        line(&waited.unwrap().0).expect("the line ends")
    }

    /// Sends a signal by its name, such as `TERM`.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let id = format!("{}{}", if self.group { "-" } else { "" }, self.child.id());
        let status = Command::new("kill").args(["-s", name, "--", &id]).status().unwrap();
        assert!(status.success(), "kill -s {name} {id}: {status}");
    }

    /// Waits until it ends.
    #[track_caller]
    pub(crate) fn end(mut self) -> Output {
        // Its streams are closed when it ends, so that waiting for them waits for it.
        let taken = |stream: &Receiver<Vec<u8>>| stream.recv_timeout(DEADLINE).ok();
        let (stderr, stdout) = (taken(&self.stderr), self.stdout.as_ref().map_or(Some(Vec::new()), taken));
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            let _ = self.child.kill();
            panic!("it did not end within {} s", DEADLINE.as_secs());
        };
        let status = self.child.wait().unwrap();
        let room = self.room.display().to_string();
        Output { status, stdout, stderr, changes: Vec::new() }.redact(&room, "[ROOM]")
    }
}

impl Drop for TestProcess {
    fn drop(&mut self) {
        if self.group && matches!(self.child.try_wait(), Ok(None)) {
            self.signal("KILL");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A `whk listen` that accepts requests.
pub(crate) struct ListenProcess {
    running: TestProcess,
    url: String,
}

impl ListenProcess {
    /// Its address as it prints it, such as `http://127.0.0.1:40123`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.running.child.id()
    }

    /// Host and port of its page, as the banner shows them.
    #[track_caller]
    pub(crate) fn page(&self) -> String {
        let url = self.running.wait_for_line("inspect at http://");
        url.trim_end_matches('/').to_owned()
    }

    /// Waits until it ends by itself. In what it printed, its address is `[ADDRESS]`.
    #[track_caller]
    pub(crate) fn end(self) -> Output {
        let address = self.address().to_owned();
        self.running.end().redact(&address, "[ADDRESS]")
    }

    /// Ends it with SIGTERM.
    #[track_caller]
    pub(crate) fn stop(self) -> Output {
        self.stop_by("TERM")
    }

    /// Ends it with a signal. In what it printed, its address is `[ADDRESS]`.
    #[track_caller]
    pub(crate) fn stop_by(self, signal: &str) -> Output {
        self.running.signal(signal);
        self.end()
    }
}

/// A change to a run before it is shown.
type Change = Box<dyn Fn(&str) -> String>;

/// The output of a run, and its exit status.
pub(crate) struct Output {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    changes: Vec<Change>,
}

impl Output {
    /// Shows `instead` for `text` in the whole run. The folder of the environment is `[ROOM]` already.
    pub(crate) fn redact(self, text: &str, instead: &str) -> Self {
        let (text, instead) = (text.to_owned(), instead.to_owned());
        self.change(move |shown| shown.replace(&text, &instead))
    }

    /// Shows `instead` for what stands between each `before` and the next `after`, on the same line.
    pub(crate) fn redact_between(self, before: &str, after: &str, instead: &str) -> Self {
        let (before, after, instead) = (before.to_owned(), after.to_owned(), instead.to_owned());
        self.change(move |shown| {
            let (first, rest) = shown.split_once(&before).unwrap_or((shown, ""));
            let mut masked = first.to_owned();
            for part in rest.split(&before).filter(|_| shown.contains(&before)) {
                masked.push_str(&before);
                match part.split_once(&after).filter(|(hidden, _)| !hidden.contains('\n')) {
                    Some((_, rest)) => masked.extend([&instead, &after, rest]),
                    None => masked.push_str(part),
                }
            }
            masked
        })
    }

    /// Shows `[T] ms` for every length of time.
    pub(crate) fn redact_durations(self) -> Self {
        self.change(|shown| {
            let hide = |part: &str| match part.rsplit_once(' ') {
                Some((rest, number)) if number.parse::<f64>().is_ok() => format!("{rest} [T]"),
                _ => part.to_owned(),
            };
            let parts: Vec<&str> = shown.split(" ms").collect();
            let (last, parts) = parts.split_last().unwrap();
            parts.iter().map(|part| hide(part) + " ms").chain([(*last).to_owned()]).collect()
        })
    }

    fn change(mut self, change: impl Fn(&str) -> String + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// The exit code.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The bytes of stdout.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// Stdout as text.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Stderr as text.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The lines of stdout, all of which must be JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{self}"));
        self.stdout().lines().map(read).collect()
    }

    /// Compares the whole run with one text; what is expected may begin with a newline, for looks.
    #[track_caller]
    pub(crate) fn assert_snapshot(&self, expected: &str) {
        snapshot::compare(&self.to_string(), expected.strip_prefix('\n').unwrap_or(expected));
    }

    /// Fails if it did not end with this exit code.
    #[track_caller]
    pub(crate) fn assert_exit(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }
}

impl fmt::Display for Output {
    /// `exit 0`, then stdout and stderr under a heading each, where they are not empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = match self.status.code() {
            Some(code) => format!("exit {code}\n"),
            None => format!("{}\n", self.status),
        };
        for (name, stream) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
            if !stream.is_empty() {
                let newline = if stream.ends_with('\n') { "" } else { "[no newline at the end]\n" };
                let _ = write!(text, "{name}:\n{stream}{newline}");
            }
        }
        f.write_str(&self.changes.iter().fold(text, |text, change| change(&text)))
    }
}
