//! The files of `--report`: their forms, and how they are written.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::recorder::RunReport;
use super::{html, json, junit, tap};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::AtomicFile;

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Junit,
    Tap,
    Json,
    Html,
}

/// The file names that have a form, as an error lists them.
const ENDINGS: &str = ".xml (JUnit), .tap, .json or .html";

/// A file of `--report`; its ending chooses the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    path: PathBuf,
    form: Form,
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let path = PathBuf::from(text);
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        let form = match ending.as_deref() {
            Some("xml") => Form::Junit,
            Some("tap") => Form::Tap,
            Some("json") => Form::Json,
            Some("html") => Form::Html,
            _ => return Err(format!("`{text}` does not end in {ENDINGS}")),
        };
        Ok(Self { path, form })
    }
}

impl ReportFile {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Shows whether it is a page for people.
    #[must_use]
    pub fn is_html(&self) -> bool {
        self.form == Form::Html
    }

    /// Makes sure that the file can be written, before the run begins. `taken` are files that it must not replace.
    pub fn open(&self, taken: &[&Path]) -> Result<OpenReport> {
        let same = |other: &Path| std::path::absolute(other).ok() == std::path::absolute(&self.path).ok();
        if taken.iter().any(|other| same(other)) {
            return Err(cannot(&self.path, &"the same file is used for something else in this run"));
        }
        if self.path.is_dir() {
            return Err(cannot(&self.path, &"it is a folder"));
        }
        let file = AtomicFile::create(&self.path).map_err(|error| cannot(&self.path, &error))?;
        Ok(OpenReport { form: self.form, file })
    }
}

/// A report that is still to be written: it is complete or absent.
#[derive(Debug)]
pub struct OpenReport {
    form: Form,
    file: AtomicFile,
}

impl OpenReport {
    /// Writes the complete report, and returns its path.
    pub fn write(self, run: &RunReport) -> Result<PathBuf> {
        let path = self.file.path().to_owned();
        self.fill(run).map_err(|error| cannot(&path, &error))?;
        Ok(path)
    }

    fn fill(self, run: &RunReport) -> io::Result<()> {
        let mut writer = BufWriter::new(self.file.file());
        match self.form {
            Form::Junit => junit::write(run, &mut writer),
            Form::Tap => tap::write(run, &mut writer),
            Form::Json => json::write(run, &mut writer),
            Form::Html => html::write(run, &mut writer),
        }?;
        writer.flush()?;
        drop(writer);
        self.file.commit()
    }
}

fn cannot(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(format!("cannot write the report {}", path.display())).kind(ErrorKind::Io).cause(error)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::report::{Ending, Recorder};

    #[test]
    fn the_ending_chooses_the_form() {
        let form = |text: &str| text.parse::<ReportFile>().map(|file| file.form);
        assert_eq!(form("a.xml"), Ok(Form::Junit));
        assert_eq!(form("b/a.TAP"), Ok(Form::Tap));
        assert_eq!(form("a.ctrf.json"), Ok(Form::Json));
        assert_eq!(form("a.html"), Ok(Form::Html));
        for text in ["a", "", ".xml", "a.xml.gz", "a.htm"] {
            assert_eq!(form(text), Err(format!("`{text}` does not end in {ENDINGS}")), "{text}");
        }
    }

    #[test]
    fn a_report_is_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let file: ReportFile = path.to_str().unwrap().parse().unwrap();
        fs::write(&path, "old").unwrap();
        drop(file.open(&[]).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old", "a run that did not end leaves what was there");
        let run =
            Recorder::new("verify", jiff::Timestamp::UNIX_EPOCH).finish(Ending::Complete, std::time::Duration::ZERO);
        file.open(&[]).unwrap().write(&run).unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with('{'));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_path_that_cannot_be_written_is_an_error_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).to_str().unwrap().parse::<ReportFile>().unwrap();
        assert!(file("missing/a.xml").open(&[]).is_err());
        fs::create_dir(folder.path().join("b.xml")).unwrap();
        assert!(file("b.xml").open(&[]).is_err());
        assert!(file("c.json").open(&[&folder.path().join("c.json")]).is_err());
    }
}
