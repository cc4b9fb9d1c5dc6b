//! The log of a run: the one that is named, else the default log, else one of this listener's own.

use std::path::{Path, PathBuf};

use crate::capture::{LogOptions, RecordLog, Rotation};
use crate::cli::ListenArgs;
use crate::commands::CommandContext;
use crate::config;
use crate::data_dir;
use crate::error::{Error, Result};

/// The log that was opened.
pub(super) struct OpenLog {
    pub(super) log: RecordLog,
    /// The default log, if another listener uses it.
    pub(super) in_use: Option<PathBuf>,
}

impl OpenLog {
    /// Opens the log of the listener on this port; returns `None` with `--no-log`.
    ///
    /// # Errors
    /// It cannot be written, or it was named and another listener uses it.
    pub(super) fn open(context: &CommandContext, args: &ListenArgs, port: u16) -> Result<Option<Self>> {
        if args.no_log {
            return Ok(None);
        }
        let options = options(context, args)?;
        let opened = match context.config.log(args.log.clone()) {
            Some(named) => RecordLog::open(&named, options).map(|log| Self { log, in_use: None }),
            None => Self::open_default(context, options, port),
        };
        let opened = opened.map_err(|error| error.hint("use --log FILE, or --no-log"))?;
        for warning in opened.log.warnings() {
            context.output.status(&format!("note: {warning}"));
        }
        Ok(Some(opened))
    }

    fn open_default(context: &CommandContext, options: LogOptions, port: u16) -> Result<Self> {
        data_dir::create()?;
        let path = context.config.default_log()?;
        Ok(match RecordLog::open_if_free(&path, options)? {
            Some(log) => Self { log, in_use: None },
            None => Self { log: RecordLog::open(&config::log_of_port(port)?, options)?, in_use: Some(path) },
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.log.path()
    }
}

/// Returns the settings of the log.
fn options(context: &CommandContext, args: &ListenArgs) -> Result<LogOptions> {
    let rotate = context.config.rotate(args.rotate);
    if args.keep.is_some() && rotate.is_none() {
        return Err(
            Error::new("`--keep` needs a size at which to start a new file").hint("whk listen --rotate 64MiB --keep N")
        );
    }
    Ok(LogOptions {
        sync: context.config.sync(args.sync),
        rotation: rotate.map(|size| Rotation { max_bytes: size.0, max_files: context.config.keep(args.keep) }),
    })
}
