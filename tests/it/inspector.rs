//! The inspector page of `whk listen --ui` in a browser. The scenarios are in `tests/interop/node/inspector-*.mjs`.

use std::fs;

use crate::guides::setting;
use crate::harness::env::TestEnv;
use crate::harness::files::{read, root};

/// The most bytes of a picture in a document.
const MAX_PICTURE: usize = 150_000;

/// Plays a scenario in headless Chromium; returns the environment, where its files are.
#[track_caller]
pub(crate) fn play(scenario: &str, arguments: &[&str]) -> TestEnv {
    let room = TestEnv::new();
    let script = format!("{}/inspector.mjs", setting("WHK_INTEROP_NODE_DIR"));
    let folder = room.file("").display().to_string();
    let first = [script.as_str(), env!("CARGO_BIN_EXE_whk"), &folder, scenario];
    room.program(setting("WHK_INTEROP_NODE"), [&first, arguments].concat()).run().assert_exit(0);
    room
}

#[test]
fn a_request_appears_within_a_second_and_is_announced() {
    play("appears", &[]);
}

#[test]
fn the_filter_selects_what_is_there_and_what_arrives() {
    play("filter", &[]);
}

#[test]
fn keys_reach_everything_and_a_text_field_keeps_its_own() {
    play("keyboard", &[]);
}

#[test]
fn a_request_is_replayed_by_keys_alone() {
    play("replayByKeyboard", &[]);
}

#[test]
fn a_replay_with_a_changed_body_arrives_signed_again_and_valid() {
    play("replay", &[]);
}

#[test]
fn a_reload_keeps_the_selection_the_tab_and_the_filter() {
    play("reload", &[]);
}

#[test]
fn a_page_that_stays_open_follows_when_whk_is_started_again() {
    play("restart", &[]);
}

#[test]
fn two_requests_are_compared_by_headers_by_path_and_by_bytes() {
    play("compare", &[]);
}

#[test]
fn a_copied_curl_command_sends_the_same_request() {
    play("curl", &[]);
}

#[test]
fn a_downloaded_archive_is_verified_with_the_same_verdict() {
    play("har", &[]);
}

#[test]
fn ten_thousand_requests_are_listed_by_a_window_of_rows() {
    play("many", &[]);
}

#[test]
fn hostile_requests_are_text_and_run_nothing() {
    play("hostile", &[]);
}

#[test]
fn the_policy_blocks_inline_code_inline_styles_and_other_hosts() {
    play("policy", &[]);
}

#[test]
fn a_page_of_another_origin_or_name_reads_and_changes_nothing() {
    play("foreign", &[]);
}

#[test]
fn every_state_fits_a_phone_in_both_themes_without_an_axe_violation() {
    for width in ["320", "390"] {
        for scheme in ["light", "dark"] {
            play("looks", &[width, scheme]);
        }
    }
}

#[test]
fn every_state_fits_a_desk_in_both_themes_without_an_axe_violation() {
    for width in ["1280", "2560"] {
        for scheme in ["light", "dark"] {
            play("looks", &[width, scheme]);
        }
    }
}

/// Compares pictures that were drawn with those of docs/inspect.md.
#[track_caller]
pub(crate) fn check_pictures(room: &TestEnv, names: &[&str]) {
    let document = read("docs/inspect.md");
    for name in names {
        let drawn = fs::read(room.file(name)).unwrap();
        assert!(drawn.len() < MAX_PICTURE, "{name} has {} bytes", drawn.len());
        let shown = root().join("docs").join(name);
        if whk::environment::var("WHK_BLESS").as_deref() == Some("1") {
            fs::write(&shown, &drawn).unwrap();
        }
        let shown = fs::read(&shown).unwrap_or_default();
        // Times and signatures differ; the size is that of the same page.
        assert_eq!(shown.get(..24), drawn.get(..24), "docs/{name} is old; WHK_BLESS=1 draws it again");
        assert!(document.contains(&format!("]({name})")), "docs/inspect.md does not show {name}");
    }
}

#[test]
fn the_documents_show_pictures_that_are_made_here() {
    check_pictures(&play("pictures", &[]), &["inspect.png", "inspect-replay.png", "inspect-compare.png"]);
    assert!(read("README.md").contains("](docs/inspect.png)"));
}
