//! Who is asked about users: the gate that runs, or the store where none does.
//!
//! A gate that runs has the store to itself. It is looked for before each question, so it may be started or
//! stopped while somebody types.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::api::model::Request;
use crate::api::reply::Reply;
use crate::cli;
use crate::client::{Failure, Gate, users as over};
use crate::run::{clock, socket};
use crate::users;

/// A gate, or the folder of its state where it does not run.
pub(crate) struct Users {
    gate: Gate,
    /// `None`: a gate must run.
    state_dir: Option<PathBuf>,
}

impl Users {
    /// Those of the gate that the arguments name.
    ///
    /// # Errors
    /// The policy cannot be read, or it has no place for users.
    pub(crate) fn at(place: &cli::Place) -> Result<Users, String> {
        if let Some(folder) = &place.state_dir {
            let gate = Gate::at(Some(folder.join(socket::NAME)));
            return Ok(Users { gate, state_dir: Some(folder.clone()) });
        }
        let Some(config) = &place.config else {
            return running(place.socket.clone());
        };
        let policy = crate::config::load(config)?;
        let folder = policy.gate().state_dir().map(Path::to_owned);
        let folder = folder.ok_or_else(|| {
            format!("{}: it has no state_dir in [gate], so it has no users", config.display())
        })?;
        let gate = Gate::at(socket::path(policy.gate()));
        Ok(Users { gate, state_dir: Some(folder) })
    }

    /// Asks.
    ///
    /// # Errors
    /// The answer is no, or nobody can be asked.
    pub(crate) fn ask(&self, request: &Request) -> Result<Reply, Failure> {
        let Some(folder) = self.state_dir.as_ref().filter(|_| !self.gate.is_there()) else {
            return over::ask(&self.gate, request);
        };
        match beside(folder, request) {
            // It was about to start.
            Err(_) if self.gate.is_there() => over::ask(&self.gate, request),
            answer => answer,
        }
    }
}

/// Those of a gate that must run: where it keeps its users is not known.
fn running(socket: Option<PathBuf>) -> Result<Users, String> {
    let gate = Gate::at(socket);
    if gate.is_there() {
        return Ok(Users { gate, state_dir: None });
    }
    Err(format!(
        "no gate runs at {}: say whose users, by --config FILE or --state-dir FOLDER",
        gate.socket().display()
    ))
}

/// Asks the store, as the user whose it is: on a thread of its own, because a process that has given up root
/// would be somebody else to a gate that starts meanwhile (credentials(7): the kernel has them by thread).
fn beside(state_dir: &Path, request: &Request) -> Result<Reply, Failure> {
    let ask = || {
        become_owner(state_dir).map_err(Failure::Unusable)?;
        let mut store = crate::identity::open(state_dir).map_err(Failure::Unusable)?;
        users::execute(&mut store, request, clock::both()).0.map_err(Failure::Refused)
    };
    let answer = thread::scope(|scope| scope.spawn(ask).join());
    answer.unwrap_or_else(|_| Err(Failure::Unusable("the identity store cannot be asked".into())))
}

/// A service's store is its own: root does not leave files behind that the service cannot open.
fn become_owner(folder: &Path) -> Result<(), String> {
    let said = |what: &str, error: &dyn std::fmt::Display| {
        format!("{}: {what}: {error}", folder.display())
    };
    fs::create_dir_all(folder).map_err(|error| said("cannot be made", &error))?;
    let owner = fs::metadata(folder).map_err(|error| said("cannot be read", &error))?;
    if !geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    set_thread_groups(&[])
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid))
        .map_err(|error| said("its owner cannot be acted as", &error))
}
