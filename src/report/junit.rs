//! JUnit: `testsuites`, a `testsuite` for each group, a `testcase` for each case.
//!
//! The elements and attributes are those that Jenkins' schema `junit-10.xsd` allows, since it is the strictest in use.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::case::{Case, Outcome};
use super::recorder::RunReport;

pub(super) fn write(run: &RunReport, writer: &mut impl Write) -> io::Result<()> {
    let mut report = Report::new(allowed(&run.name()).into_owned());
    report.set_time(run.duration);
    for group in &run.groups {
        report.add_test_suite(suite(run, &group.name, &group.cases));
    }
    if let Some((kind, message)) = run.ending.reason() {
        report.add_test_suite(suite(run, "run", &[Case::errored("run", "the run ended early", kind, message)]));
    }
    if report.test_suites.is_empty() {
        report.add_test_suite(suite(run, "run", &[]));
    }
    if let Some(omission) = run.omission()
        && let Some(last) = report.test_suites.last_mut()
    {
        last.set_system_out(omission);
    }
    let text = report.to_string().map_err(io::Error::other)?;
    writer.write_all(without_skipped(&text).as_bytes())
}

fn suite(run: &RunReport, name: &str, cases: &[Case]) -> TestSuite {
    let mut suite = TestSuite::new(allowed(name));
    suite.set_time(cases.iter().filter_map(|case| case.duration).sum::<Duration>());
    let own = [("whk-version", run.version.to_owned()), ("started", format!("{:.3}", run.started))];
    for (name, value) in own.iter().chain(&run.properties) {
        suite.add_property((*name, &*allowed(value)));
    }
    let hidden = run.not_listed;
    for (name, count) in
        [("not-listed-passed", hidden.passed + hidden.skipped), ("not-listed-failed", hidden.not_passed())]
    {
        if count > 0 {
            suite.add_property((name, &*count.to_string()));
        }
    }
    suite.add_test_cases(cases.iter().map(|case| test_case(run, case)));
    suite
}

fn test_case(run: &RunReport, case: &Case) -> TestCase {
    let mut status = match &case.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed { .. } => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Errored { .. } => TestCaseStatus::non_success(NonSuccessKind::Error),
        // CI systems have no warnings: a skipped case is shown, and does not fail the build.
        Outcome::Advised { .. } | Outcome::Skipped { .. } => TestCaseStatus::skipped(),
    };
    if let Some((kind, message)) = case.reason() {
        let (lead, kind) = match case.outcome {
            Outcome::Advised { .. } => ("failed: ", "recommended"),
            _ => ("", kind),
        };
        status.set_message(allowed(&format!("{lead}{message}"))).set_type(allowed(kind));
        // Some systems show the text and not the attribute.
        status.set_description(allowed(&format!("{lead}{}", case.text())));
    }
    let mut entry = TestCase::new(allowed(&case.name), status);
    let scope = run.scope.as_deref().unwrap_or(run.command);
    entry.set_classname(allowed(&format!("whk.{scope}.{}", case.group)));
    if let Some(duration) = case.duration {
        entry.set_time(duration);
    }
    if case.reason().is_none() && !case.details.is_empty() {
        entry.set_system_out(allowed(&case.text()));
    }
    entry
}

/// Replaces the two characters that XML forbids and that are no control characters.
fn allowed(text: &str) -> Cow<'_, str> {
    if text.contains(['\u{fffe}', '\u{ffff}']) {
        return text.replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}").into();
    }
    text.into()
}

/// Removes the attribute `skipped` of `testsuites`, which the schema does not allow there.
fn without_skipped(text: &str) -> Cow<'_, str> {
    // Quotes inside of an attribute are escaped, so that this text can only be the attribute itself.
    let found = text.find("<testsuites ").and_then(|tag| {
        let end = tag + text[tag..].find('>')?;
        let start = tag + text[tag..end].find(" skipped=\"")?;
        let value = start + " skipped=\"".len();
        Some((start, value + text[value..end].find('"')? + 1))
    });
    match found {
        Some((start, end)) => format!("{}{}", &text[..start], &text[end..]).into(),
        None => text.into(),
    }
}
