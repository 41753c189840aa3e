//! Which files can still be opened (landlock(7)).
//!
//! The sockets, the maps and the kernel's settings are open already. Time zones are in the program. What is left
//! is the config, read again at SIGHUP, the audit log, and the program itself, for the names in a panic's backtrace.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::Fence;
use crate::run::audit::Place;

/// What is asked for: files, TCP, devices, signals and abstract sockets (Linux 6.12). A kernel that
/// knows less gives what it knows.
const WANTED: ABI = ABI::V6;

/// Forbids opening any file but to read the config and what lies beside the files `again`, and to write the log; connecting by TCP
/// but to the port of the syslog server, listening, signalling others.
///
/// # Errors
/// What the kernel refused.
pub(super) fn fence(
    config: &Path,
    again: &[PathBuf],
    log: &[Place],
    syslog: Option<u16>,
) -> Result<Fence, RulesetError> {
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?;
    let beside = again.iter().flat_map(|file| [Some(file.clone()), fs::canonicalize(file).ok()]);
    let beside = beside.flatten().filter_map(|file| folder(&file));
    let rules = readable(config).into_iter().chain(beside).try_fold(rules, allow)?;
    let rules = log.iter().try_fold(rules, allow_log)?;
    let ports = syslog.map(|port| NetPort::new(port, AccessNet::ConnectTcp));
    let rules = ports.into_iter().try_fold(rules, RulesetCreated::add_rule)?;
    Ok(match rules.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Fence::Up,
        RulesetStatus::PartiallyEnforced => Fence::Partly,
        RulesetStatus::NotEnforced => Fence::Absent,
    })
}

fn allow(rules: RulesetCreated, path: PathBuf) -> Result<RulesetCreated, RulesetError> {
    match PathFd::new(path) {
        Ok(path) => rules.add_rule(PathBeneath::new(path, AccessFs::ReadFile)),
        // What is not there needs no rule.
        Err(_) => Ok(rules),
    }
}

/// The log's files are made, written, read again after a failure, and deleted in their folder; one file is only
/// written.
fn allow_log(rules: RulesetCreated, log: &Place) -> Result<RulesetCreated, RulesetError> {
    let file = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    let access = match log {
        Place::Folder(_) => file | AccessFs::ReadDir | AccessFs::MakeReg | AccessFs::RemoveFile,
        Place::Tree(_) => {
            let folder = AccessFs::ReadDir | AccessFs::MakeReg | AccessFs::RemoveFile;
            file | folder | AccessFs::MakeDir | AccessFs::RemoveDir
        }
        Place::File(_) => file,
    };
    match PathFd::new(log.path()) {
        Ok(path) => rules.add_rule(PathBeneath::new(path, access)),
        Err(_) => Ok(rules),
    }
}

/// The folder of the config, because editors write a new file and rename it; where the config is a link,
/// also that which it leads to.
fn readable(config: &Path) -> Vec<PathBuf> {
    let target = fs::canonicalize(config).ok();
    let folders = [Some(config), target.as_deref()].into_iter().flatten().filter_map(folder);
    folders.chain(env::current_exe().ok()).collect()
}

fn folder(file: &Path) -> Option<PathBuf> {
    let parent = file.parent()?;
    Some(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() })
}
