//! `wicketgate completions`: what a shell completes, made from the command line's own description.

use clap::CommandFactory;
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};

use crate::client::arguments::{Completions, Shell};
use crate::exit::Exit;
use crate::{cli, output};

/// The program's name.
const NAME: &str = "wicketgate";

/// Runs the command.
pub(crate) fn run(arguments: &Completions) -> Exit {
    let (mut command, mut script) = (cli::Cli::command(), Vec::new());
    match arguments.shell {
        Shell::Bash => generate(Bash, &mut command, NAME, &mut script),
        Shell::Zsh => generate(Zsh, &mut command, NAME, &mut script),
        Shell::Fish => generate(Fish, &mut command, NAME, &mut script),
    }
    output::text(format_args!("{}", String::from_utf8_lossy(&script).trim_end()));
    Exit::Success
}
