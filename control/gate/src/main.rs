//! `wicketgate`: one binary for the whole gate.

use std::process::ExitCode;

use clap::Parser;

mod cli;
mod dissect;
mod exit;

/// The data path allocates nothing; what reports and policies allocate is served without locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::Cli::parse().command {
        cli::Command::Dissect(arguments) => dissect::run(&arguments).into(),
    }
}
