//! The page of `whk serve` in a browser. The scenarios are in `tests/interop/node/inspector-provider.mjs`.

use crate::inspector::{check_pictures, play};

#[test]
fn what_happens_is_in_three_tables_with_the_counters_of_each_provider() {
    play("serveTables", &[]);
}

#[test]
fn the_buttons_send_a_test_event_and_resend() {
    play("serveActions", &[]);
}

#[test]
fn a_webhook_that_was_disabled_has_its_notice_and_a_button_that_enables_it() {
    play("serveDisabled", &[]);
}

#[test]
fn the_tables_are_used_by_keys_and_kept_by_a_reload() {
    play("serveKeys", &[]);
}

#[test]
fn hostile_events_are_text() {
    play("serveHostile", &[]);
}

#[test]
fn a_page_of_another_origin_or_name_learns_and_changes_nothing() {
    play("serveForeign", &[]);
}

#[test]
fn every_state_fits_every_width_in_both_themes_without_an_axe_violation() {
    for width in ["320", "390", "1280", "2560"] {
        for scheme in ["light", "dark"] {
            play("serveLooks", &[width, scheme]);
        }
    }
}

#[test]
fn the_documents_show_a_picture_that_is_made_here() {
    check_pictures(&play("servePicture", &[]), &["inspect-serve.png"]);
}
