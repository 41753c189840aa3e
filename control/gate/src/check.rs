//! `wicketgate check`: validates and explains a config, and judges its assertions.

use crate::exit::{Exit, complain};
use crate::policy::test;
use crate::{cli, config};

/// Runs the command.
pub(crate) fn run(arguments: &cli::Check) -> Exit {
    let policy = match config::load(&arguments.config) {
        Ok(policy) => policy,
        Err(what) => {
            complain(what);
            return Exit::Usage;
        }
    };
    let explanation = wicketgate_policy::explain(&policy);
    if arguments.json {
        crate::output::json(&explanation);
    } else {
        crate::output::text(format_args!("{explanation}"));
        if policy.tunnel().is_some() {
            let cryptography = crate::words::cryptography();
            crate::output::text(format_args!("cryptography of tunnels: {cryptography}"));
        }
    }
    test::hold(&arguments.config, &policy)
}
