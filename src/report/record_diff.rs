//! The differences of two records.

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::record_detail::shown_bytes;
use super::record_verdict::{color_verdict, marked};
use crate::error::Result;
use crate::inspect::{Difference, StoredRecord};
use crate::output::{Output, cut, plural, sanitize};

/// The differences that are shown to people.
const MOST: usize = 200;

/// A difference, with `--json`.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "difference")]
struct DifferenceLine<'a> {
    part: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_equal: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<Value>,
}

/// The line at the end, with `--json`.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "summary")]
struct SummaryLine {
    a: u64,
    b: u64,
    same: bool,
    differences: usize,
}

/// Prints the differences of two records.
///
/// # Errors
/// Stdout cannot be written.
pub fn print_differences(output: Output, records: [&StoredRecord; 2], differences: &[Difference]) -> Result {
    let [left, right] = records;
    if output.json {
        for difference in differences {
            output.print_json(&line(difference))?;
        }
        return output.print_json(&SummaryLine {
            a: left.seq,
            b: right.seq,
            same: differences.is_empty(),
            differences: differences.len(),
        });
    }
    let style = output.style;
    output.print(&format!("{} {}", style.red("-"), title(output, left)))?;
    output.print(&format!("{} {}", style.green("+"), title(output, right)))?;
    if differences.is_empty() {
        return output.print("the requests are the same, byte for byte");
    }
    for difference in &differences[..differences.len().min(MOST)] {
        let (heading, left, right) = texts(difference);
        output.print(&style.bold(&heading))?;
        for (mark, text) in [('-', left), ('+', right)] {
            let Some(text) = text else { continue };
            let text = cut(&text, output.width().unwrap_or(usize::MAX).saturating_sub(4).max(1));
            let colored = format!("{mark} {text}");
            output.print(&format!("  {}", if mark == '-' { style.red(&colored) } else { style.green(&colored) }))?;
        }
    }
    if differences.len() > MOST {
        let more = plural((differences.len() - MOST) as u64, "difference", "differences");
        output.print(&style.faint(&format!("… {more} more (--json has all)")))?;
    }
    Ok(())
}

/// `request 1  2026-03-02 08:15:01.250  ✓ valid  ahasend message.delivered`.
fn title(output: Output, record: &StoredRecord) -> String {
    let style = output.style;
    let mut title = style.bold(&format!("request {}", record.seq));
    if let Some(at) = record.capture().received_at {
        let at = at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%.3f");
        title.push_str(&style.faint(&format!("  {at}")));
    }
    let verdict = &record.verdict;
    title.push_str("  ");
    title.push_str(&color_verdict(style, &verdict.status, &marked(&verdict.status, &verdict.status)));
    for part in [&verdict.provider, &verdict.event_type].into_iter().flatten() {
        title.push(' ');
        title.push_str(&sanitize(part));
    }
    title
}

/// Returns the heading and both values, for people.
fn texts(difference: &Difference) -> (String, Option<String>, Option<String>) {
    let plain = |text: &str| Some(sanitize(text).into_owned());
    let bytes = |value: &Option<Vec<u8>>| value.as_deref().map(shown_bytes);
    let json = |value: &Option<Value>| value.as_ref().map(|value| sanitize(&value.to_string()).into_owned());
    match difference {
        Difference::Method(left, right) => ("method".to_owned(), plain(left), plain(right)),
        Difference::Target(left, right) => ("target".to_owned(), plain(left), plain(right)),
        Difference::Header(name, left, right) => (format!("header {}", sanitize(name)), bytes(left), bytes(right)),
        Difference::Json(path, left, right) if path.is_empty() => ("body".to_owned(), json(left), json(right)),
        Difference::Json(path, left, right) => (format!("body {}", sanitize(path)), json(left), json(right)),
        Difference::Bytes(found) => {
            let equal = if found.is_json_equal { ": the JSON is equal, its text differs" } else { "" };
            let (left, right) = found.sizes;
            let sizes =
                if left == right { plural(left as u64, "byte", "bytes") } else { format!("{left} and {right} bytes") };
            let heading = format!("body{equal} from byte {} ({sizes})", found.offset);
            (heading, Some(shown_bytes(&found.around.0)), Some(shown_bytes(&found.around.1)))
        }
    }
}

fn line(difference: &Difference) -> DifferenceLine<'_> {
    let text = |text: &str| Some(Value::from(text));
    let bytes = |value: &Option<Vec<u8>>| value.as_ref().map(|value| Value::from(String::from_utf8_lossy(value)));
    let (part, name, a, b) = match difference {
        Difference::Method(a, b) => ("method", None, text(a), text(b)),
        Difference::Target(a, b) => ("target", None, text(a), text(b)),
        Difference::Header(name, a, b) => ("header", Some(name.as_str()), bytes(a), bytes(b)),
        Difference::Json(path, a, b) => ("json", Some(path.as_str()), a.clone(), b.clone()),
        Difference::Bytes(found) => {
            let [a, b] =
                [&found.around.0, &found.around.1].map(|bytes| Some(Value::from(String::from_utf8_lossy(bytes))));
            ("bytes", None, a, b)
        }
    };
    let found = if let Difference::Bytes(found) = difference { Some(found) } else { None };
    DifferenceLine {
        part,
        name,
        offset: found.map(|found| found.offset),
        json_equal: found.map(|found| found.is_json_equal),
        a,
        b,
    }
}
