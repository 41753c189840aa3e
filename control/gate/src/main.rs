//! `wicketgate`: one binary for the whole gate.

use std::process::ExitCode;

use clap::Parser;
use wicketgate_api as api;

mod audit;
mod bench;
mod check;
mod cli;
mod client;
mod completions;
mod config;
mod connect;
mod decode_as;
mod dissect;
mod evidence;
mod exit;
mod figures;
mod identity;
mod logs;
mod man;
mod output;
mod policy;
mod progress;
mod reasons;
mod record;
mod replay;
mod run;
mod session;
mod syslog;
mod table;
mod timing;
mod transcript;
mod user;
mod users;
mod words;

/// The data path allocates nothing; what reports and policies allocate is served without locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    output::finish(run(cli::Cli::parse().command)).into()
}

fn run(command: cli::Command) -> exit::Exit {
    match command {
        cli::Command::Replay(arguments) => replay::run(&arguments),
        cli::Command::Run(arguments) => run::run(&arguments),
        cli::Command::Check(arguments) => check::run(&arguments),
        cli::Command::Audit { command } => audit::run(&command),
        cli::Command::Bench(arguments) => bench::run(&arguments),
        cli::Command::User { command } => user::run(&command),
        cli::Command::Connect(arguments) => connect::run(&arguments),
        cli::Command::Login(arguments) => client::log_in(&arguments),
        cli::Command::Logout(arguments) => client::log_out(&arguments),
        cli::Command::Session { command } => client::session(&command),
        cli::Command::Grant { command } => client::grant(&command),
        cli::Command::BreakGlass { command } => client::break_glass(&command),
        cli::Command::Asset { command } => client::asset(&command),
        cli::Command::Stats(arguments) => client::stats(&arguments),
        cli::Command::Completions(arguments) => completions::run(&arguments),
        cli::Command::Policy { command } => policy::run(&command),
        cli::Command::Evidence(arguments) => evidence::run(&arguments),
        cli::Command::Man(arguments) => man::run(&arguments),
        cli::Command::Dissect(arguments) => dissect::run(&arguments),
    }
}
