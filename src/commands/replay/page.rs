//! The report as a page: placeholder that is replaced below.
use std::path::PathBuf;

use super::super::report::Subject;
use crate::deliver::{Made, Speed};
use crate::error::Result;

pub(super) struct Page {
    path: PathBuf,
}

impl Page {
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        Ok(Self { path })
    }
    pub(super) fn attempted(&mut self, _: &Subject<'_>, _: &Made<'_>) {}
    pub(super) fn disabled(&mut self, _: &str, _: u32) {}
    pub(super) fn write(self, _: Speed) -> Result<PathBuf> {
        Ok(self.path)
    }
}
