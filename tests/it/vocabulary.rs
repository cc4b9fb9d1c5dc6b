//! The field's own words: names that were retired stay out of the code, and comments name their noun.

use crate::harness::files::sources;

/// Names of earlier versions, and the terms that replaced them.
const RETIRED: &[(&str, &str)] = &[
    ("Letters", "RecordRequestFactory"),
    ("ReplayOutbox", "RecordSource"),
    ("SendOutbox", "EventSource"),
    ("Outbox", "DeliverySource, DeliveryObserver"),
    ("Chosen", "SelectedRecord"),
    ("WRITTEN_ANEW", "RECOMPUTED_HEADERS"),
    ("Desk", "Receiver"),
    ("Books", "ReceiverState"),
    ("Arrival", "ReceivedRequest"),
    ("Guests", "ConnectionTracker"),
    ("Guest", "TrackedConnection"),
    ("House", "ServerContext"),
    ("Hosts", "HostFilter"),
    ("Faulty", "FaultyResponse"),
    ("Reply", "ServerResponse"),
    ("AsItIs", "IdentityHasher"),
    ("all_left", "drained"),
    ("somebody_left", "wait_for_close"),
    ("make_room", "evict_idle, rotate_files"),
    ("unwritten", "log_error"),
    ("unrotated", "rotation_error"),
    ("Keeping", "LogOptions"),
    ("Gathering", "BatchWriter"),
    ("Flaw", "RecoveryError"),
    ("Wish", "SyncRequest"),
    ("others_first", "yield_once"),
    ("begin_anew", "reopen"),
    ("take_back", "truncate_tail, undo"),
    ("is_gone", "is_unlinked"),
    ("Speed", "TimeScale"),
    ("Timer", "DeliveryClock"),
    ("Pacing", "DispatchOptions"),
    ("Supply", "NextDelivery"),
    ("Fresh", "NewDelivery"),
    ("Made", "CompletedAttempt"),
    ("Stand", "DeliveryProgress"),
    ("About", "JournalKey"),
    ("Bits", "BitSet"),
    ("Hop", "HopByHopHeaders"),
    ("GivenUp", "Exhausted"),
    ("hold_back", "skip_endpoint"),
    ("jitter_of", "jitter_rng"),
    ("into_outbox", "into_parts"),
    ("with_outbox", "inspect"),
    ("Anybody", "NoVerification"),
    ("Outgoing", "OutgoingRequest"),
    ("Forwarded", "ForwardOutcome"),
    ("NoAnswer", "AttemptError, ForwardError"),
    ("as_sent", "wire_url"),
    ("Shelf", "Catalog"),
    ("shelf", "catalog"),
    ("Book", "CatalogEntry"),
    ("FOLDERS", "BUILTIN"),
    ("Renewed", "RefreshedField"),
    ("Successes", "StatusRange"),
    ("of_nobody", "DeliveryPolicy::default"),
    ("Answers", "ProviderResponses"),
    ("Rendered", "RenderedEvent"),
    ("Sealed", "SignedPayload"),
    ("fixed_headers", "render_headers"),
    ("values_of", "scenario_values"),
    ("survives_rewriting", "is_stable_when_reserialized"),
    ("greeters", "with_unsigned_challenge"),
    ("mentioned", "candidates_for"),
    ("Prepared", "PreparedKey"),
    ("Solved", "ChallengeResponse"),
    ("Signing", "SignInput"),
    ("Filling", "ContentInputs"),
    ("Filled", "ContentBytes"),
    ("Piece", "Segment"),
    ("first_text", "first_string"),
    ("passed_on", "forwarded"),
    ("Captured", "CaptureEntry"),
    ("Capture", "CapturedRequest"),
    ("Known", "LoggedOutcome"),
    ("Judged", "LoggedVerdict"),
    ("Answered", "LoggedResponse"),
    ("PutBack", "PeekReader"),
    ("begins_anew", "starts_record"),
    ("unchunk", "decode_chunked"),
    ("stock_form", "to_standard_webhooks"),
    ("STOCK_PREFIX", "WHSEC_PREFIX"),
    ("is_like", "equivalent_to"),
    ("passed_over", "ignored_entries"),
    ("Probe", "HypothesisSearch"),
    ("Suppose", "Hypothesis"),
    ("Spelling", "SignatureCandidate"),
    ("Rewriting", "BodyVariant"),
    ("Reading", "SecretDecoding"),
    ("rewritings", "body_variants"),
    ("MOST_HASHED", "MAX_HASHED_BYTES"),
    ("Volume", "Verbosity"),
    ("Paint", "Style"),
    ("status_paint", "stderr_style"),
    ("last_status", "final_status"),
    ("text_of_others", "guard_ci_commands"),
    ("stdout_of_others", "child_stdout"),
    ("disarmed", "escape_command"),
    ("of_environment", "from_environment"),
    ("LARGEST_HEAD", "MAX_HEAD_BYTES"),
];

/// Words that hide the noun of a comment which they open.
const QUESTION_WORDS: [&str; 6] = ["What", "Who", "Whose", "Where", "Whether", "How"];

#[test]
fn retired_names_stay_out_of_the_code() {
    let mut found = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            for word in words {
                if let Some((_, term)) = RETIRED.iter().find(|(retired, _)| *retired == word) {
                    found.push(format!("{name}:{}: `{word}` is retired, the term is {term}", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn comments_name_their_noun() {
    let (mut blocks, mut found) = (0, Vec::new());
    for (name, text) in sources() {
        for (line, opener) in openers(&text) {
            blocks += 1;
            if QUESTION_WORDS.contains(&opener) {
                found.push(format!("{name}:{line}: opens with `{opener}`"));
            }
        }
    }
    assert!(blocks > 500, "only {blocks} comments were found");
    // A quotation or a title may open with one of the words.
    assert!(found.len() * 100 < blocks * 3, "{} of {blocks} comments:\n{}", found.len(), found.join("\n"));
}

#[test]
fn openers_are_the_first_words_of_blocks() {
    let text = "//! Who\n//! What\nfn a() {} // Where\n    // How many\n    // Whose\n/// Whether\n// Returns\n";
    let found: Vec<(usize, &str)> = openers(text).collect();
    assert_eq!(found, [(1, "Who"), (4, "How"), (6, "Whether"), (7, "Returns")]);
}

/// Returns the line and the first word of every block of comments.
fn openers(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let marker = |line: &str| ["//!", "///", "//"].into_iter().find(|marker| line.starts_with(marker));
    let mut last = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim_start();
        let marker = marker(line);
        let starts = marker.is_some() && marker != last;
        last = marker;
        let words = line[marker?.len()..].split(|c: char| !c.is_alphanumeric());
        starts.then(|| (index + 1, words.into_iter().find(|word| !word.is_empty()).unwrap_or_default()))
    })
}
