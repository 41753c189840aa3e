//! `wicketgate man`: the manual pages, made from the command line's own description.

use clap::CommandFactory;

use crate::cli;
use crate::exit::{Exit, complain};

/// Runs the command.
pub(crate) fn run(arguments: &cli::Man) -> Exit {
    match clap_mangen::generate_to(cli::Cli::command(), &arguments.folder) {
        Ok(()) => Exit::Success,
        Err(error) => {
            let folder = arguments.folder.display();
            complain(format_args!("{folder}: manual pages cannot be written: {error}"));
            Exit::Usage
        }
    }
}
