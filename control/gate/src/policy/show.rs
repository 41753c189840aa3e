//! `wicketgate policy show`: who may do what, whole or for one asset or role.

use wicketgate_policy::{Explanation, Policy, explain};

use crate::exit::Exit;
use crate::{cli, config, output};

/// Runs the command.
pub(super) fn run(arguments: &cli::PolicyShow) -> Result<Exit, String> {
    let policy = config::load(&arguments.file)?;
    let mut explanation = explain(&policy);
    if let Some(asset) = &arguments.asset {
        keep_asset(&mut explanation, asset)?;
    }
    if let Some(role) = &arguments.role {
        keep_role(&mut explanation, &policy, role)?;
    }
    if arguments.json {
        output::json(&explanation);
    } else {
        output::text(format_args!("{explanation}"));
    }
    Ok(Exit::Success)
}

fn keep_asset(explanation: &mut Explanation, name: &str) -> Result<(), String> {
    explanation.assets.retain(|asset| asset.name == name);
    if explanation.assets.is_empty() {
        return Err(format!("--asset {name}: there is no such asset"));
    }
    Ok(())
}

/// Assets that the role gives nothing on are left out.
fn keep_role(explanation: &mut Explanation, policy: &Policy, role: &str) -> Result<(), String> {
    let of_role = |rule: &&wicketgate_policy::Rule| rule.roles.iter().any(|r| r == role);
    let names: Vec<&str> =
        policy.rules().iter().filter(of_role).map(|rule| rule.name.as_str()).collect();
    if names.is_empty() {
        return Err(format!("--role {role}: no rule is for this role"));
    }
    for asset in &mut explanation.assets {
        asset.rights.retain(|right| names.contains(&right.name.as_str()));
    }
    explanation.assets.retain(|asset| !asset.rights.is_empty());
    Ok(())
}
