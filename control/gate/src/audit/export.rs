//! `wicketgate audit export`: records in the forms of others.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write, stdout};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use wicketgate_audit::Format;

use super::arguments::Export;
use super::records::each;
use crate::exit::Exit;
use crate::output;
use crate::run::clock;

/// The mode of a file: who may read the log is asked of its group.
const MODE: u32 = 0o640;

pub(super) fn run(arguments: &Export) -> Result<Exit, String> {
    let path = arguments.log.path()?;
    let filter = arguments.only.filter(clock::wall());
    let format = Format::from(arguments.format);
    let mut target = Target::open(arguments.output.as_deref())?;
    let mut buffer = Vec::new();
    format.begin(&mut buffer);
    target.write(&buffer)?;
    let read = each(&path, &filter, |line, view| {
        buffer.clear();
        format.record(line, view, &mut buffer);
        target.write(&buffer)
    })?;
    target.finish()?;
    Ok(read.exit(&path))
}

/// Where records go.
enum Target<'a> {
    Output(BufWriter<std::io::StdoutLock<'static>>),
    File(BufWriter<File>, &'a Path),
}

impl Target<'_> {
    fn open(path: Option<&Path>) -> Result<Target<'_>, String> {
        let Some(path) = path else {
            return Ok(Target::Output(BufWriter::new(stdout().lock())));
        };
        let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
        let file = file.map_err(|error| format!("{}: cannot be made: {error}", path.display()))?;
        Ok(Target::File(BufWriter::new(file), path))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self {
            Target::Output(out) => {
                output::note(out.write_all(bytes));
                Ok(())
            }
            Target::File(file, path) => file.write_all(bytes).map_err(unwritten(path)),
        }
    }

    fn finish(self) -> Result<(), String> {
        match self {
            Target::Output(mut out) => {
                output::note(out.flush());
                Ok(())
            }
            Target::File(mut file, path) => {
                let flushed = file.flush().and_then(|()| file.get_ref().sync_all());
                flushed.map_err(unwritten(path))
            }
        }
    }
}

fn unwritten(path: &Path) -> impl Fn(std::io::Error) -> String {
    let name = path.display().to_string();
    move |error| format!("{name}: cannot be written: {error}")
}
