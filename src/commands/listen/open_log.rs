//! The log of a run: the one that is named, else the default log, else one of this listener's own.

use std::path::{Path, PathBuf};

use crate::capture::{Keeping, Log, Rotation};
use crate::cli::ListenArgs;
use crate::commands::{Context, default_log, development};
use crate::error::{Error, Result};

/// The log that was opened.
pub(super) struct OpenLog {
    pub(super) log: Log,
    /// The default log, if another listener uses it.
    pub(super) in_use: Option<PathBuf>,
}

impl OpenLog {
    /// Opens the log of the listener on this port; returns `None` with `--no-log`.
    ///
    /// # Errors
    /// It cannot be written, or it was named and another listener uses it.
    pub(super) fn open(context: &Context, args: &ListenArgs, port: u16) -> Result<Option<Self>> {
        if args.no_log {
            return Ok(None);
        }
        let keeping = keeping(context, args)?;
        let opened = match context.config.log(args.log.clone()) {
            Some(named) => Log::open(&named, keeping).map(|log| Self { log, in_use: None }),
            None => Self::open_default(context, keeping, port),
        };
        let opened = opened.map_err(|error| error.hint("use --log FILE, or --no-log"))?;
        for remark in opened.log.remarks() {
            context.output.status(&format!("note: {remark}"));
        }
        Ok(Some(opened))
    }

    fn open_default(context: &Context, keeping: Keeping, port: u16) -> Result<Self> {
        development::data_folder()?;
        let path = context.default_log()?;
        Ok(match Log::open_if_free(&path, keeping)? {
            Some(log) => Self { log, in_use: None },
            None => Self { log: Log::open(&default_log::of_port(port)?, keeping)?, in_use: Some(path) },
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.log.path()
    }
}

/// Returns the settings of the log.
fn keeping(context: &Context, args: &ListenArgs) -> Result<Keeping> {
    let rotate = context.config.rotate(args.rotate);
    if args.keep.is_some() && rotate.is_none() {
        return Err(
            Error::new("`--keep` needs a size at which to start a new file").hint("whk listen --rotate 64MiB --keep N")
        );
    }
    Ok(Keeping {
        sync: context.config.sync(args.sync),
        rotation: rotate.map(|size| Rotation { size: size.0, keep: context.config.keep(args.keep) }),
    })
}
