//! `whk.toml`: which of several settings counts, and what is said of a wrong one.

use std::fs;
use std::net::TcpListener;

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{NOW, NOW_TEXT, STANDARD, exchange, request, signed};

const USER: &str = "../config/whk.toml";

fn secret(room: &TestEnv, more: &[&str]) -> String {
    room.whk([&["secret", "-p", "ahasend"], more].concat()).run().assert_exit(0).stdout()
}

#[test]
fn the_secret_is_the_flags_then_the_environments_then_the_projects_then_the_users() {
    let room = TestEnv::new();
    room.write(USER, "[secrets]\nahasend = 'of the user'\n");
    assert_eq!(secret(&room, &[]), "of the user\n");
    room.write("whk.toml", "[secrets]\nahasend = ['of the project', 'the one before']\n");
    assert_eq!(secret(&room, &[]), "of the project\n");
    let run = || room.whk(["secret", "-p", "ahasend"]).env("WHK_SECRET", "of the environment");
    assert_eq!(run().run().assert_exit(0).stdout(), "of the environment\n");
    let run = room.whk(["secret", "-p", "ahasend", "-s", "of the flag"]).env("WHK_SECRET", "of the environment");
    assert_eq!(run.run().assert_exit(0).stdout(), "of the flag\n");
    let shown = room.whk(["secret", "-p", "ahasend", "-v"]).run();
    shown.assert_snapshot(
        "
exit 0
stdout:
of the project
stderr:
the secret of ahasend comes from [ROOM]/project/whk.toml
",
    );
}

#[test]
fn the_provider_is_the_flags_then_the_environments_then_the_projects_then_the_users() {
    let room = TestEnv::new();
    let of = |more: &[&str], variable: &str| {
        let run = room.whk([&["secret", "--json"], more].concat()).env("WHK_PROVIDER", variable);
        let run = if variable.is_empty() { run.env_remove("WHK_PROVIDER") } else { run };
        run.run().assert_exit(0).json()[0]["provider"].as_str().unwrap().to_owned()
    };
    room.write(USER, "provider = 'standard'\n");
    assert_eq!(of(&[], ""), "standard");
    room.write("whk.toml", "provider = 'ahasend@2026-08'\n");
    assert_eq!(of(&[], ""), "ahasend");
    assert_eq!(of(&[], "autosend"), "autosend");
    assert_eq!(of(&["-p", "aisend"], "autosend"), "aisend");
    // The edition of the config is the one whose events are sent.
    room.whk(["send", "--dry-run", "--type", "message.routing"]).run().assert_exit(0);
    room.whk(["send", "--dry-run", "--type", "message.routing", "-p", "ahasend@2024-05"]).run().assert_exit(2);
}

#[test]
fn the_url_is_the_flags_then_the_projects_then_the_users() {
    let room = TestEnv::new();
    let url = |more: &[&str]| {
        let fixed = ["send", "--dry-run", "--json", "-p", "standard", "-d", "x"];
        room.whk([&fixed, more].concat()).run().assert_exit(0).json()[0]["url"].as_str().unwrap().to_owned()
    };
    assert_eq!(url(&[]), "http://127.0.0.1:9450/");
    room.write(USER, "[send]\nurl = '3001/user'\n");
    assert_eq!(url(&[]), "http://127.0.0.1:3001/user");
    room.write("whk.toml", "[send]\nurl = '3002/project'\n");
    assert_eq!(url(&[]), "http://127.0.0.1:3002/project");
    assert_eq!(url(&["3003/flag"]), "http://127.0.0.1:3003/flag");
}

#[test]
fn the_timeout_is_the_configs() {
    let (room, silent) = (TestEnv::new(), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = silent.local_addr().unwrap().to_string();
    room.write("whk.toml", "[send]\ntimeout = '40ms'\n");
    for (more, expected) in [(&[][..], "no response within 40ms"), (&["--timeout", "30ms"], "no response within 30ms")]
    {
        let fixed = ["-p", "standard", "-s", STANDARD, "-d", "x"];
        let output = room.send(&address, &[&fixed, more].concat()).assert_exit(1);
        assert!(output.stdout().contains(expected), "{output}");
    }
}

#[test]
fn log_and_secret_files_are_relative_to_the_config_that_names_them() {
    let room = TestEnv::new();
    room.write("secret", format!("{STANDARD}\n"));
    room.write("whk.toml", "[secrets]\nstandard = 'file:secret'\n[listen]\nlog = 'logs.jsonl'\n");
    fs::create_dir_all(room.file("a/b")).unwrap();
    let ready = room.path().join("ready");
    let flags = ["listen", "0", "--now", NOW_TEXT, "--ready-file", ready.to_str().unwrap(), "-q"];
    let listener = room.whk(flags).cwd(room.file("a/b")).start_listening(&ready);
    assert_eq!(exchange(listener.address(), &request(&signed(STANDARD, "m", NOW, b"x"), b"x")).status, 200);
    listener.stop().assert_exit(0);
    assert_eq!(fs::read_to_string(room.file("logs.jsonl")).unwrap().lines().count(), 1);
    // A file on the command line is relative to the current folder instead.
    let run = room.whk(["secret", "-p", "standard", "-s", "file:secret"]).cwd(room.file("a/b"));
    let output = run.run().assert_exit(2);
    assert!(output.stderr().starts_with("error: cannot read the secret from secret\n"), "{output}");
    let run = room.whk(["verify", "../../logs.jsonl", "-p", "standard"]).cwd(room.file("a/b"));
    run.run().assert_exit(0);
}

#[test]
fn the_log_is_the_flags_then_the_projects_then_the_users() {
    let room = TestEnv::new();
    let log = |more: &[&str]| {
        let output = room.listen([&["--json", "-q"], more].concat()).stop().assert_exit(0);
        let log = output.json()[0]["log"].clone();
        log.as_str().unwrap().replace(&room.path().display().to_string(), "[ROOM]")
    };
    assert_eq!(log(&[]), "[ROOM]/data/events.jsonl");
    room.write(USER, "[listen]\nlog = 'user.jsonl'\n");
    assert_eq!(log(&[]), "[ROOM]/config/user.jsonl");
    room.write("whk.toml", "[listen]\nlog = 'project.jsonl'\n");
    assert_eq!(log(&[]), "[ROOM]/project/project.jsonl");
    assert_eq!(log(&["--log", "flag.jsonl"]), "flag.jsonl");
}

#[test]
fn the_tolerance_is_the_flags_then_the_projects_then_the_users() {
    let room = TestEnv::new();
    room.write("old", request(&signed(STANDARD, "m", NOW - 1000, b"x"), b"x"));
    let code = |more: &[&str]| {
        let fixed = ["verify", "old", "-p", "standard", "-s", STANDARD, "--now", NOW_TEXT];
        room.whk([&fixed, more].concat()).run().code().unwrap()
    };
    assert_eq!(code(&[]), 1);
    room.write(USER, "[verify]\ntolerance = 'none'\n");
    assert_eq!(code(&[]), 0);
    room.write("whk.toml", "[verify]\ntolerance = '999s'\n");
    assert_eq!(code(&[]), 1);
    assert_eq!(code(&["--tolerance", "1000s"]), 0);
    room.write("whk.toml", "[listen]\ntolerance = '1000s'\nmax-body = '1KiB'\n");
    let listener = room.listen(["-p", "standard", "-s", STANDARD, "--now", NOW_TEXT, "--no-log", "-q"]);
    assert_eq!(exchange(listener.address(), &fs::read(room.file("old")).unwrap()).status, 200);
    assert_eq!(exchange(listener.address(), &request("", &[b'x'; 1025])).status, 413);
    listener.stop().assert_exit(0);
}

#[test]
fn the_address_of_the_config_is_listened_on() {
    let room = TestEnv::new();
    let taken = room.listen(["--no-log"]);
    room.write("whk.toml", format!("[listen]\naddress = '{}'\n", taken.address()));
    let output = room.whk(["listen", "--no-log"]).run().assert_exit(2);
    assert!(output.stderr().starts_with(&format!("error: cannot listen on {}\n", taken.address())), "{output}");
    taken.stop().assert_exit(0);
}

#[test]
fn colour_is_the_flags_then_the_environments_then_the_configs() {
    let room = TestEnv::new();
    let coloured = |more: &[&str], variables: &[(&str, &str)]| {
        let run = room.whk([&["secret", "-p", "nobody"], more].concat());
        let run = variables.iter().fold(run, |run, (name, value)| run.env(name, value));
        run.run().assert_exit(2).stderr().contains('\u{1b}')
    };
    let (no, force) = (("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1"));
    assert!(!coloured(&[], &[]), "stderr is no terminal");
    assert!(coloured(&[], &[force]));
    assert!(!coloured(&[], &[("CLICOLOR_FORCE", "0")]));
    assert!(!coloured(&[], &[force, no]));
    assert!(coloured(&[], &[force, ("NO_COLOR", "")]), "an empty NO_COLOR says nothing");
    assert!(coloured(&["--color", "always"], &[no]));
    assert!(!coloured(&["--color", "never"], &[force]));
    room.write(USER, "color = 'always'\n");
    assert!(coloured(&[], &[]));
    assert!(!coloured(&[], &[no]));
    assert!(!coloured(&["--color", "auto"], &[]));
    room.write("whk.toml", "color = 'never'\n");
    assert!(!coloured(&[], &[]));
    assert!(coloured(&[], &[force]));
}

#[test]
fn config_names_another_file() {
    let room = TestEnv::new();
    room.write("whk.toml", "[secrets]\nahasend = 'of the project'\n");
    room.write(USER, "[secrets]\nahasend = 'of the user'\n");
    room.write("other/mine.toml", "[secrets]\nahasend = 'file:mine'\n");
    room.write("other/mine", "mine");
    room.whk(["secret", "-p", "ahasend", "-v", "--config", "other/mine.toml"]).run().assert_snapshot(
        "
exit 0
stdout:
mine
stderr:
the secret of ahasend comes from other/mine.toml
",
    );
    room.write("empty.toml", "");
    assert_eq!(secret(&room, &["--config", "empty.toml"]), "of the user\n");
    room.whk(["secret", "-p", "ahasend", "--config", "missing.toml"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot read the config file missing.toml
  caused by: no such file or directory
",
    );
    room.whk(["secret", "-p", "ahasend", "--config", "other"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot read the config file other
  caused by: is a directory
",
    );
}

#[test]
fn the_users_folder_is_found_by_xdg_too() {
    let room = TestEnv::new();
    room.write("../xdg/whk/whk.toml", "[secrets]\nahasend = 'of xdg'\n");
    let run = room.whk(["secret", "-p", "ahasend"]).env_remove("WHK_CONFIG_DIR");
    assert_eq!(run.env("XDG_CONFIG_HOME", room.path().join("xdg")).run().assert_exit(0).stdout(), "of xdg\n");
}

#[track_caller]
fn wrong(content: &str) -> Output {
    let room = TestEnv::new();
    room.write("whk.toml", content);
    room.whk(["secret", "-p", "ahasend"]).run()
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_place() {
    wrong("\nprovidr = 'ahasend'\n").redact_between("known here: ", "\n", "[KEYS]").assert_snapshot(
        "
exit 2
stderr:
error: [ROOM]/project/whk.toml:2:1: unknown key `providr`; known here: [KEYS]
hint: did you mean `provider`?
",
    );
    wrong("[listen]\n  lgo = 'x'\n").redact_between("known here: ", "\n", "[KEYS]").assert_snapshot(
        "
exit 2
stderr:
error: [ROOM]/project/whk.toml:2:3: unknown key `lgo`; known here: [KEYS]
hint: did you mean `log`?
",
    );
    wrong("[secrets]\nahasnd = 'x'\n").redact_between("known are: ", "\n", "[PROVIDERS]").assert_snapshot(
        "
exit 2
stderr:
error: [ROOM]/project/whk.toml:2:1: there is no provider `ahasnd`
available: ahasend, aisend, autosend, bitbucket, calendly, discord, gitea,
  github, gitlab, hubspot, intercom, lemonsqueezy, linear, mailgun, meta, mux,
  openai, paddle, pagerduty, razorpay, selfmx, sendgrid, sentry, shopify, slack,
  square, standard, stripe, svix, twilio, twitch, typeform, vercel, woocommerce,
  workos, zoom
hint: did you mean `ahasend`?
",
    );
    wrong("provider = \"ahasned\"\n").assert_snapshot(
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
    for (content, expected) in [
        ("[listen\n", "1:8: unclosed table, expected `]`"),
        ("[listen]\nlog = 3\n", "2:7: invalid type: integer `3`, expected path string"),
        ("[listen]\nmax-body = '1XB'\n", "2:12: `1XB` is not a size, expected one such as `4096`, `256KiB` or `1MiB`"),
        ("color = 'pink'\n", "1:9: `pink` is not one of `auto`, `always`, `never`"),
        ("provider = ''\n", "1:12: `` is not a provider, expected NAME or NAME@EDITION"),
    ] {
        wrong(content).assert_snapshot(&format!("exit 2\nstderr:\nerror: [ROOM]/project/whk.toml:{expected}\n"));
    }
}

#[test]
fn a_secret_is_not_shown_by_an_error_in_its_line() {
    for content in
        ["[secrets]\nahasend = \"HUSH\n", "[secrets]\nahasend = 'HUSH' x\n", "[secrets]\nahasend = { a = 'HUSH' }\n"]
    {
        let output = wrong(content).assert_exit(2);
        assert!(!output.to_string().contains("HUSH"), "{output}");
    }
}
