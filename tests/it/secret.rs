//! `whk secret`, the development secret, and where a secret may come from.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use base64::Engine as _;

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{AHASEND, NOW_TEXT, STANDARD};

fn secret(room: &TestEnv, more: &[&str]) -> String {
    room.whk([&["secret"], more].concat()).run().assert_exit(0).stdout().trim_end().to_owned()
}

/// What `-s` makes of a value, shown by `secret show`.
fn given(room: &TestEnv, value: &str, more: &[&str]) -> Output {
    room.whk([&["secret", "show", "-p", "ahasend", "-s", value], more].concat()).run()
}

#[test]
fn the_development_secret_is_made_once_in_the_providers_own_format() {
    let room = TestEnv::new();
    let standard = secret(&room, &["-p", "standard"]);
    let key = base64::engine::general_purpose::STANDARD.decode(standard.strip_prefix("whsec_").unwrap()).unwrap();
    assert_eq!(key.len(), 24);
    let ahasend = secret(&room, &["-p", "ahasend"]);
    let letters = ahasend.strip_prefix("aha-whsec-").unwrap();
    assert!(letters.len() == 64 && letters.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{ahasend}");
    assert_eq!(secret(&room, &["show", "-p", "standard"]), standard);
    assert_eq!(secret(&room, &["-p", "ahasend@2026-08"]), ahasend);
    let mode = |path: &str| fs::metadata(room.data(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("secrets"), mode("secrets/standard"), mode("secrets/ahasend")), (0o700, 0o600, 0o600));
    assert_ne!(secret(&TestEnv::new(), &["-p", "standard"]), standard);
}

#[test]
fn send_listen_and_verify_share_it_with_no_set_up() {
    let room = TestEnv::new();
    let listener = room.listen(["--log", "log.jsonl"]);
    for kind in ["message.delivered", "user.created"] {
        room.send(listener.url(), &["--type", kind]).assert_exit(0);
    }
    listener.stop().assert_exit(0);
    room.whk(["verify", "log.jsonl"]).run().assert_exit(0);
}

#[test]
fn of_many_processes_that_make_it_at_once_all_get_the_same() {
    for _ in 0..3 {
        let room = TestEnv::new();
        let secrets: BTreeSet<String> = thread::scope(|scope| {
            let runs: Vec<_> = (0..8).map(|_| scope.spawn(|| secret(&room, &["-p", "standard"]))).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert_eq!(secrets.len(), 1);
        assert_eq!(fs::read_dir(room.data("secrets")).unwrap().count(), 1, "no draft is left");
    }
}

#[test]
fn a_new_one_differs_each_time_and_is_not_stored() {
    let room = TestEnv::new();
    let made: BTreeSet<String> =
        ["standard", "standard", "ahasend", "ahasend"].iter().map(|name| secret(&room, &["new", "-p", name])).collect();
    assert_eq!(made.len(), 4);
    assert_eq!(secret(&room, &["new", "-p", "standard", "--seed", "1"]).len(), 38);
    assert_ne!(
        secret(&room, &["new", "-p", "standard", "--seed", "1"]),
        secret(&room, &["new", "-p", "standard", "--seed", "1"])
    );
    assert!(!room.data("").exists());
}

#[test]
fn stock_libraries_get_the_form_that_they_take() {
    let room = TestEnv::new();
    let stock = ["--for", "standard-webhooks"];
    given(&room, AHASEND, &stock).assert_snapshot(
        "
exit 0
stdout:
whsec_YWhhLXdoc2VjLTAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9w
",
    );
    assert_eq!(secret(&room, &["-p", "standard", "-s", STANDARD, "--for", "standard-webhooks"]), STANDARD);
    given(&room, AHASEND, &["--for", "standard-webhooks", "--json"]).assert_snapshot(
        r#"
exit 0
stdout:
{"kind":"secret","provider":"ahasend","secret":"whsec_YWhhLXdoc2VjLTAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9w"}
"#,
    );
    room.whk(["secret", "-p", "standard", "-s", "no base64", "--for", "standard-webhooks"]).run().assert_snapshot(
        "
exit 2
stderr:
error: the secret does not fit Standard Webhooks
  caused by: the secret cannot be read: it contains white space
",
    );
}

#[test]
fn whose_secret_must_be_said() {
    let room = TestEnv::new();
    room.whk(["secret"]).run().redact_between("known are: ", "\n", "[PROVIDERS]").assert_snapshot(
        "
exit 2
stderr:
error: which provider? Each has its own secret (-p NAME)
available: ahasend, aisend, autosend, bitbucket, calendly, discord, gitea,
  github, gitlab, hubspot, intercom, lemonsqueezy, linear, mailgun, meta, mux,
  openai, paddle, pagerduty, razorpay, selfmx, sendgrid, sentry, shopify, slack,
  square, standard, stripe, svix, twilio, twitch, typeform, vercel, woocommerce,
  workos, zoom
hint: whk secret -p ahasend
",
    );
}

#[test]
fn a_secret_comes_from_a_text_a_variable_or_a_file() {
    let room = TestEnv::new();
    room.write("lf", "from a file\n");
    room.write("crlf", "from a file\r\n");
    room.write("two", "from a file\n\n");
    room.write("none", " from a file ");
    for (value, expected) in [
        ("a text", "a text"),
        ("-dash", "-dash"),
        ("file:lf", "from a file"),
        ("file:crlf", "from a file"),
        ("file:two", "from a file\n"),
        ("file:none", " from a file "),
    ] {
        assert_eq!(given(&room, value, &[]).assert_exit(0).stdout(), format!("{expected}\n"), "{value}");
    }
    let run = room.whk(["secret", "-p", "ahasend", "-s", "env:NAME"]).env("NAME", "from NAME").env("WHK_SECRET", "x");
    assert_eq!(run.run().assert_exit(0).stdout(), "from NAME\n");
    let run = room.whk(["secret", "-p", "ahasend"]).env("WHK_SECRET", "from WHK_SECRET");
    assert_eq!(run.run().assert_exit(0).stdout(), "from WHK_SECRET\n");
}

#[test]
fn a_newline_that_is_dropped_is_said_with_v() {
    let room = TestEnv::new();
    room.write("secret", format!("{STANDARD}\n"));
    given(&room, "file:secret", &["-v"]).redact(STANDARD, "[SECRET]").assert_snapshot(
        "
exit 0
stdout:
[SECRET]
stderr:
the newline at the end of secret is not part of the secret
the secret of ahasend comes from the command line
note: the secret is decoded from base64 after `whsec_`; to use it as literal text: -s text:…
",
    );
    let flags = ["-p", "standard", "-s", "file:secret", "--type", "user.created", "--dry-run"];
    let output = room.whk([["send"].as_slice(), &flags, &["-v"]].concat()).run().assert_exit(0);
    assert!(output.stderr().starts_with("the newline at the end of secret is not part of the secret\n"), "{output}");
    let output = room.whk([["send"].as_slice(), &flags].concat()).run().assert_exit(0);
    assert_eq!(output.stderr(), "");
}

#[test]
fn a_secret_that_cannot_be_read_is_an_error() {
    let room = TestEnv::new();
    room.write("empty", "");
    room.write("newline", "\n");
    room.write("bytes", b"\xff\xfe");
    room.write("large", "x".repeat((64 << 10) + 1));
    for (value, expected) in [
        ("file:missing", "cannot read the secret from missing\n  caused by: no such file or directory"),
        ("file:empty", "cannot read the secret from empty\n  caused by: the file is empty"),
        ("file:newline", "cannot read the secret from newline\n  caused by: the file is empty"),
        ("file:.", "cannot read the secret from .\n  caused by: is a directory"),
        ("file:bytes", "cannot read the secret from bytes\n  caused by: it is not UTF-8 text"),
        (
            "file:large",
            "cannot read the secret from large\n  caused by: it is larger than 64 KiB: is it the right file?",
        ),
        ("env:MISSING", "the secret's variable `MISSING` is not set, or empty\nhint: export MISSING='…'"),
    ] {
        given(&room, value, &[]).assert_snapshot(&format!("exit 2\nstderr:\nerror: {expected}\n"));
        let listen = room.whk(["listen", "0", "--no-log", "-s", value]).run();
        listen.assert_snapshot(&format!("exit 2\nstderr:\nerror: {expected}\n"));
    }
    for value in ["", "env:", "file:"] {
        given(&room, value, &[]).assert_exit(2);
    }
    room.whk(["secret", "-p", "ahasend"]).env("WHK_SECRET", "").run().assert_snapshot(
        "
exit 2
stderr:
error: `WHK_SECRET` is set and empty
hint: unset WHK_SECRET
",
    );
}

#[test]
fn a_spoiled_development_secret_is_said_with_its_place() {
    let room = TestEnv::new();
    secret(&room, &["-p", "standard"]);
    fs::write(room.data("secrets/standard"), "\n").unwrap();
    room.whk(["send", "--type", "user.created", "--dry-run", "--now", NOW_TEXT]).run().assert_snapshot(
        "
exit 2
stderr:
error: the development secret in [ROOM]/data/secrets/standard is empty
hint: rm '[ROOM]/data/secrets/standard'
",
    );
    let elsewhere = room.write("file", "");
    let run = room.whk(["secret", "-p", "standard"]).env("WHK_DATA_DIR", elsewhere.join("data"));
    run.run().assert_snapshot(
        "
exit 2
stderr:
error: cannot make the folder [ROOM]/project/file/data
  caused by: not a directory
",
    );
}
