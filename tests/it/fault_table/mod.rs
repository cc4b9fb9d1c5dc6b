//! The table of faults: requests of ten providers, each damaged in one named way or in two, in every form of input, and as
//! many that are not damaged. Each row says which causes `whk verify` must report, in which order, and what reproduces
//! the signature.

mod draft;
mod faults;
mod forms;
mod providers;

use std::rc::Rc;

use serde_json::Value;
use whk::capture::Reader;
use whk::provider::{Catalog, Provider, ProviderRef};
use whk::signing::{Secret, Tolerance};
use whk::verification::{Verdict, Verifier};

use crate::harness::env::TestEnv;
use crate::harness::http::{NOW, NOW_TEXT};
use draft::Draft;
use faults::{EXCEPTIONS, FAULTS, Fault, PAIRS, TRIPLES};
use forms::FORMS;
use providers::{PROVIDERS, Signer};

/// A request with the causes that must be reported of it, in order: each with what reproduces the signature.
struct Row {
    name: String,
    draft: Draft,
    expected: Vec<(&'static str, &'static str)>,
    /// The part of the message that must be there.
    message: &'static str,
}

/// The causes in the order in which they are reported.
const ORDER: [&str; 13] = [
    "missing-header",
    "malformed-header",
    "wrong-scheme",
    "wrong-secret-encoding",
    "wrong-signature-encoding",
    "timestamp-unit",
    "signed-content",
    "body-changed-reserialized",
    "body-changed-whitespace",
    "secret-mismatch",
    "timestamp-too-old",
    "timestamp-too-new",
    "",
];

fn row(signer: &'static Signer, faults: &[&Fault]) -> Option<Row> {
    let mut draft = Draft::new(signer);
    let mut expected = Vec::new();
    for fault in faults {
        expected.push((fault.cause, (fault.damage)(&mut draft)?));
    }
    expected.sort_by_key(|(cause, _)| ORDER.iter().position(|other| other == cause).unwrap());
    // Nothing is said of the secret if something else explains the request.
    if expected.iter().any(|(cause, _)| *cause == "missing-header" || *cause == "malformed-header") {
        expected.retain(|(cause, _)| *cause != "secret-mismatch");
    }
    let names: Vec<&str> = faults.iter().map(|fault| fault.name).collect();
    let message = faults.iter().map(|fault| fault.message).find(|message| !message.is_empty()).unwrap_or_default();
    Some(Row { name: names.join(" + "), draft, expected, message })
}

fn singles(signer: &'static Signer) -> Vec<Row> {
    FAULTS.iter().filter_map(|fault| row(signer, &[fault])).collect()
}

fn fault(name: &str) -> &'static Fault {
    FAULTS.iter().find(|fault| fault.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn doubles(signer: &'static Signer) -> Vec<Row> {
    PAIRS.iter().filter_map(|(one, other)| row(signer, &[fault(one), fault(other)])).collect()
}

fn triples(signer: &'static Signer) -> Vec<Row> {
    TRIPLES.iter().filter_map(|(one, other, third)| row(signer, &[fault(one), fault(other), fault(third)])).collect()
}

/// The reason why a row is reported with these causes instead of its own.
fn exception(signer: &Signer, row: &Row) -> Option<&'static [&'static str]> {
    let is_row = |(provider, name, ..): &&faults::Exception| {
        (*provider == signer.provider || *provider == "*") && *name == row.name
    };
    EXCEPTIONS.iter().find(is_row).map(|(_, _, causes, reason)| {
        assert!(!reason.is_empty(), "{}", row.name);
        *causes
    })
}

/// What `whk verify` says of a request: its status, causes and what reproduces the signature, and the message.
struct Report {
    status: String,
    faults: Vec<(String, String)>,
    message: String,
}

impl Report {
    fn of_line(line: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let faults = line["evidence"]["faults"].as_array().into_iter().flatten();
        let faults: Vec<(String, String)> =
            faults.map(|fault| (text(&fault["cause"]), text(&fault["works_as"]))).collect();
        assert_eq!(faults.first().map_or("", |(cause, _)| cause), text(&line["cause"]), "{line}");
        Self { status: text(&line["status"]), faults, message: text(&line["message"]) }
    }

    fn of_verdict(verdict: &Verdict) -> Self {
        let works_as = |cause| {
            let causes = verdict.diagnosis.iter().flat_map(|diagnosis| &diagnosis.causes);
            let mut causes = causes.filter(|other| other.cause == cause);
            causes.next().map_or_else(String::new, |other| other.reproduced_as.clone())
        };
        let faults = verdict.failure.iter().flat_map(|failure| &failure.faults);
        Self {
            status: verdict.status.name().to_owned(),
            faults: faults.map(|fault| (fault.cause.name().to_owned(), works_as(fault.cause))).collect(),
            message: verdict.message.clone().into_owned(),
        }
    }

    fn causes(&self) -> Vec<&str> {
        self.faults.iter().map(|(cause, _)| cause.as_str()).collect()
    }

    fn is(&self, row: &Row) -> bool {
        let expected = row.expected.iter().map(|(cause, works_as)| ((*cause).to_owned(), (*works_as).to_owned()));
        self.faults == expected.collect::<Vec<_>>() && self.message.contains(row.message)
    }
}

/// Verifies requests in one form. The forms that hold many requests go through the binary, in one run.
fn reports(signer: &Signer, form: &forms::Form, drafts: &[&Draft]) -> Vec<Report> {
    if let Some(write) = form.all {
        let room = TestEnv::new();
        let flags = ["verify", "-", "--json", "-p", signer.provider, "-s", signer.secret, "--at", NOW_TEXT];
        let output = room.whk([&flags[..], &["--format", form.name]].concat()).stdin(write(drafts)).run();
        let lines = output.json();
        let verdicts = lines.iter().filter(|line| line["kind"] == "verdict");
        return verdicts.map(Report::of_line).collect();
    }
    let secret = Secret::new(signer.secret);
    let secrets = Box::new(move |_: &Provider| Ok(vec![secret.clone()]));
    let provider = ProviderRef::default_edition(signer.provider);
    let verifier = Verifier::new(Rc::new(Catalog::default()), Some(provider), None, secrets, Tolerance::Scheme);
    let verify = |draft: &&Draft| {
        let text = (form.one)(draft);
        let entry = Reader::new(text.as_slice(), form.name.parse().unwrap()).next().unwrap();
        let entry = entry.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
        Report::of_verdict(&verifier.verify_captured(&entry, NOW).unwrap().0)
    };
    drafts.iter().map(verify).collect()
}

/// Judges rows in every form, and returns how many there are and how many are reported as they should be.
#[track_caller]
fn judge(rows_of: fn(&'static Signer) -> Vec<Row>) -> (usize, usize) {
    let (mut count, mut right, mut wrong) = (0, 0, Vec::new());
    for signer in &PROVIDERS {
        let rows = rows_of(signer);
        count += rows.len();
        for form in &FORMS {
            let rows: Vec<&Row> = rows.iter().filter(|row| form.holds_bytes || row.draft.bytes.is_none()).collect();
            let drafts: Vec<&Draft> = rows.iter().map(|row| &row.draft).collect();
            let found = reports(signer, form, &drafts);
            assert_eq!(found.len(), rows.len(), "{} as {}", signer.provider, form.name);
            for (row, report) in rows.iter().zip(found) {
                let name = format!("{} as {}: {}", signer.provider, form.name, row.name);
                assert!(["invalid", "unsigned"].contains(&report.status.as_str()), "{name} is {}", report.status);
                let exception = exception(signer, row);
                let expected = match exception {
                    Some(causes) => report.causes() == causes,
                    None => report.is(row),
                };
                right += usize::from(expected && exception.is_none() && form.name == FORMS[0].name);
                if !expected {
                    let (is, should) = (&report.faults, &row.expected);
                    wrong.push(format!("{name}: is {is:?}, should be {should:?}: {}", report.message));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    (count, right)
}

#[test]
fn every_single_fault_is_diagnosed() {
    let (count, right) = judge(singles);
    assert!(count >= 380, "{count}");
    assert!(right * 100 >= count * 99, "{right} of {count}");
}

#[test]
fn every_double_fault_is_diagnosed() {
    let (count, right) = judge(doubles);
    assert!(count >= 230, "{count}");
    assert!(right * 100 >= count * 90, "{right} of {count}");
}

#[test]
fn three_faults_at_once_are_diagnosed() {
    let (count, right) = judge(triples);
    assert!(count >= 40 && right == count, "{right} of {count}");
}

#[test]
fn as_many_undamaged_requests_are_valid() {
    for signer in &PROVIDERS {
        let count = singles(signer).len() + doubles(signer).len();
        let drafts: Vec<Draft> = (0..count).map(|number| Draft::undamaged(signer, number)).collect();
        let drafts: Vec<&Draft> = drafts.iter().collect();
        for form in &FORMS {
            let found = reports(signer, form, &drafts);
            assert_eq!(found.len(), count, "{} as {}", signer.provider, form.name);
            for (number, report) in found.iter().enumerate() {
                let name = format!("{} as {}: {number}", signer.provider, form.name);
                assert_eq!((report.status.as_str(), report.faults.len()), ("valid", 0), "{name}: {}", report.message);
            }
        }
    }
}
