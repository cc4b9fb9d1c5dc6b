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
    ("Judged", "RecordedVerdict"),
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
    // The server and the receiver.
    ("Seat", "ConnectionState"),
    ("PARTING", "LINGER_TIMEOUT"),
    ("OFF_BY", "LENGTH_ERROR"),
    ("REMEMBERED", "GENERATION_CAPACITY, MAX_INDEXED_HEADERS"),
    ("body_within", "body_timeout"),
    ("headers_within", "header_timeout"),
    ("guests", "connection_tracker"),
    ("desk", "receiver"),
    ("house", "server_context"),
    ("books", "state"),
    ("seats", "connections"),
    ("is_late", "headers_overdue"),
    ("waits_for_headers", "reading_headers"),
    ("is_over", "is_draining"),
    ("only_local", "loopback_only"),
    ("is_handshake", "is_challenge"),
    ("greeting", "challenge_response"),
    ("unwanted", "evict_requested"),
    ("Refusal", "RejectedRequest, Incompatibility"),
    ("Seen", "DedupCache"),
    // The receiver and its live view.
    ("Floor", "Pipeline"),
    ("floor", "pipeline"),
    ("Onward", "ForwardResponder"),
    ("onward", "forward"),
    ("Flights", "InFlight"),
    ("flights", "in_flight"),
    ("Landing", "InFlightGuard"),
    ("or_end", "until_shutdown"),
    ("all_landed", "drained"),
    ("Complaints", "LogHealth"),
    ("complaints", "log_health"),
    ("all_clear", "report_recovery"),
    ("Standing", "ExpectationStatus, DispatcherStatus"),
    ("Tally", "Counts, DeliveryStats, VerifyStats"),
    ("breach", "violation"),
    ("dealt", "record"),
    ("Sight", "ReceiverEvent"),
    ("Sights", "LiveQueue"),
    ("sights", "events"),
    ("BEHIND", "MAX_QUEUED"),
    ("BYTES_BEHIND", "MAX_QUEUED_BYTES"),
    ("PATIENCE", "CLOSE_TIMEOUT, TERMINATE_TIMEOUT"),
    ("GATHER", "COALESCE_INTERVAL"),
    ("People", "Participants"),
    ("secret_in_short", "describe_secret"),
    ("command_over", "wait_with_child"),
    ("is_missing_something", "is_unmet"),
    ("secret_of_command", "child_secret"),
    ("HEADERS_WITHIN", "HEADER_TIMEOUT"),
    ("Way", "Responder"),
    ("elsewhere", "respond_detached"),
    ("in_place_of", "gateway_error"),
    ("without_handler", "flag_that_needs_handler"),
    // The client and the deliveries.
    ("Keep", "ConnectionPool"),
    ("FRESH", "MAX_IDLE"),
    ("JUST_NOW", "CLOSE_RACE_WINDOW"),
    ("is_fresh", "is_reusable"),
    ("before_path", "origin_with_userinfo"),
    ("has_origin_of", "same_origin"),
    ("NotYet", "Pending"),
    ("AskAgain", "Poll"),
    ("ASKED_AGAIN", "POLL_INTERVAL"),
    ("under_way", "in_flight"),
    ("next_in", "next_due"),
    ("LONGEST_RETRY_AFTER", "MAX_RETRY_AFTER"),
    ("cut_off", "interrupted"),
    ("end_to_end", "strip_hop_by_hop"),
    ("keep_part", "push_limited"),
    // Providers and verification.
    ("Judge", "Verifier"),
    ("judge_as", "verify_as"),
    ("Circle", "CandidateSet"),
    ("circle", "candidates_for"),
    ("seat", "candidate"),
    ("Effort", "DiagnosisBudget"),
    ("affords", "try_spend"),
    ("likelihood", "score"),
    ("greet", "challenge_response"),
    ("signed_by_header", "has_signature_header_of"),
    ("signed_by", "has_signature_of"),
    ("partly_by", "has_scheme_header_of"),
    ("whose_text", "entries_where"),
    ("naming", "header_index"),
    ("read_own", "read_custom"),
    ("PartsRule", "EventFieldsSpec"),
    ("SecretRule", "SecretSpec"),
    ("EventRule", "EventSpec"),
    ("BodyRule", "BodySpec"),
    ("new_pair", "new_key_pair"),
    ("seal", "signing"),
    ("with_time", "with_timestamp"),
    ("Place", "EntrySource, Placeholder, TextPosition"),
    // Signing.
    ("Finding", "VerificationFailure"),
    ("admit", "check_strength"),
    ("Signs", "SignatureList"),
    ("Skips", "SkippedChars"),
    ("Dialect", "SerializerProfile"),
    ("EFFECTS", "RULES"),
    ("AtTheEdge", "AtToleranceLimit"),
    ("NotJason", "NonCanonicalJason"),
    ("NotLast", "ValidNotLast"),
    ("IdNotAscii", "NonAsciiId"),
    ("NoV1", "MissingV1"),
    ("OtherNames", "NonStandardHeaderNames"),
    ("refusals", "incompatibilities"),
    ("decodings", "decode_variants"),
    ("spellings", "signature_candidates"),
    ("reveal", "expose_secret"),
    ("MOST_WRITTEN", "MAX_OUTPUT_BYTES"),
    ("is_in", "is_present"),
    ("shorten", "truncate"),
    // Captures.
    ("Meaning", "OptionMeaning"),
    ("as_request", "with_request"),
    ("of_part", "offset_by"),
    ("in_part", "relative_to"),
    ("recognise", "detect"),
    ("gathering", "writer"),
    ("wishes", "requests"),
    ("begin_anew_where_gone", "reopen_if_deleted"),
    ("repair", "recovery"),
    // The sender and the reports.
    ("impatient", "fail_fast"),
    ("happens_at", "occurred_at"),
    ("own_load", "custom_payload"),
    ("kind_in", "event_type_of"),
    ("before_end", "before_last"),
    ("BEYOND", "PAST_TOLERANCE"),
    ("DryLine", "RequestLine"),
    ("what_to_start", "unreachable_hint"),
    ("keeps_targets", "preserve_target"),
    ("nothing_chosen", "empty_selection"),
    ("AHEAD", "READ_AHEAD"),
    ("Fate", "DeliveryOutcome"),
    ("fates", "totals_by_type"),
    ("say_once", "note_once"),
    ("dull", "uneventful"),
    ("APART", "MIN_SPACING"),
    ("broken_off", "abort"),
    ("KINDS", "MAX_KEYS"),
    ("why_disabled", "disabled_reason"),
    ("Durations", "LatencyHistogram"),
    ("Recipe", "SharedContext"),
    ("NoSecret", "MissingSecret"),
    ("known_secrets", "SecretResolver::find"),
    ("own_providers", "custom_provider_dirs"),
    ("private_folder", "private_dir"),
    ("outbox", "source"),
    // The command line and the output.
    ("Glob", "EventPattern"),
    ("TypeCount", "ExpectedCount"),
    ("ToleranceFlag", "ToleranceArg"),
    ("StrictFor", "LibraryFilter"),
    ("ScriptFor", "ScriptRoute"),
    ("RouteTo", "RouteTarget"),
    ("Waits", "Delays"),
    ("CannotRun", "Error"),
    ("in_short", "one_line"),
    ("Span", "HumanDuration"),
    ("clean", "sanitize"),
    ("FOLD", "FOLDED_LINES"),
    ("raw_status", "write_stderr"),
    ("paint", "style"),
    ("request_view", "request_line"),
    ("Random", "Rng"),
    // The rest.
    ("NewSecret", "NewSecretArgs"),
    ("SecretFlags", "ShowSecretArgs"),
    ("SecretAction", "SecretCommand"),
    ("ProvidersAction", "ProvidersCommand"),
    ("config_folder", "config_dir"),
    ("data_folder", "data_dir"),
    ("project_folders", "ancestor_dirs"),
    ("nearest_of", "suggestion_for"),
    ("in_words", "describe"),
];

/// Retired names that a provider uses itself: the file, the name, and the text in which it stands.
const OF_PROVIDERS: [(&str, &str, &str); 1] = [("src/server/api/autosend.rs", "reveal", "\"/webhooks/{id}/reveal\"")];

/// Words that hide the noun of a comment which they open.
const QUESTION_WORDS: [&str; 6] = ["What", "Who", "Whose", "Where", "Whether", "How"];

#[test]
fn retired_names_stay_out_of_the_code() {
    let mut found = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let of_provider = |word: &str| {
                OF_PROVIDERS.iter().any(|(file, own, text)| *file == name && *own == word && code.contains(text))
            };
            let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            for word in words.filter(|word| !of_provider(word)) {
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
