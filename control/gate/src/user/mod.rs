//! `wicketgate user`: users, in the store itself, by whoever may read it on this machine.
//!
//! It needs no gate. One that runs beside sees what was changed within a second.

pub(crate) mod ask;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use wicketgate_identity::store::ADMIN;
use wicketgate_identity::{Password, Store, StoreError, Thumbprint, UserName};

use crate::api::model::{Fault, NewUser, Request};
use crate::api::reply::{Reply, User};
use crate::api::secret::Secret;
use crate::cli;
use crate::exit::{Exit, complain};
use crate::output::{self, text};
use crate::run::clock;
use crate::table::Table;
use crate::users;

/// Codes that may be mistyped at an enrolment.
const TRIES: usize = 3;

/// Runs the command.
pub(crate) fn run(command: &cli::User) -> Exit {
    match try_run(command) {
        Ok(()) => Exit::Success,
        Err(what) => {
            complain(what);
            Exit::Usage
        }
    }
}

fn try_run(command: &cli::User) -> Result<(), String> {
    let mut store = open(command.place())?;
    let store = &mut store;
    match command {
        cli::User::Add(arguments) => add(store, arguments),
        cli::User::List(arguments) => list(store, arguments.json),
        cli::User::Disable(who) => {
            say(store, &Request::SetDisabled { name: who.name.clone(), disabled: true })
        }
        cli::User::Enable(who) => {
            say(store, &Request::SetDisabled { name: who.name.clone(), disabled: false })
        }
        cli::User::Unlock(who) => say(store, &Request::Unlock { name: who.name.clone() }),
        cli::User::Remove(who) => say(store, &Request::RemoveUser { name: who.name.clone() }),
        cli::User::Roles(arguments) => {
            let (name, roles) = (arguments.who.name.clone(), arguments.roles.clone());
            say(store, &Request::SetRoles { name, roles })
        }
        cli::User::Reset(arguments) => {
            let (name, factor) = (arguments.who.name.clone(), arguments.factor.clone());
            say(store, &Request::ResetFactor { name, factor })
        }
        cli::User::Password(who) => {
            let password = new_password(&[&who.name])?;
            say(store, &Request::SetPassword { name: who.name.clone(), password })
        }
        cli::User::EnrolTotp(who) => enrol_totp(store, &who.name),
        cli::User::RecoveryCodes(who) => recovery_codes(store, &who.name),
        cli::User::Certificate(arguments) => enrol_certificate(store, arguments),
    }
}

/// The store of the gate, as the user whose it is.
fn open(place: &cli::Place) -> Result<Store, String> {
    let state_dir = state_dir(place)?;
    become_owner(&state_dir)?;
    crate::identity::open(&state_dir)
}

fn state_dir(place: &cli::Place) -> Result<PathBuf, String> {
    if let Some(folder) = &place.state_dir {
        return Ok(folder.clone());
    }
    let Some(config) = &place.config else {
        return Err("say where the users are: --config FILE or --state-dir FOLDER".to_owned());
    };
    let policy = crate::config::load(config)?;
    let folder = policy.gate().state_dir().map(Path::to_owned);
    let config = config.display();
    folder.ok_or_else(|| format!("{config}: it has no state_dir in [gate], so it has no users"))
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

fn ask(store: &mut Store, request: &Request) -> Result<Reply, String> {
    users::execute(store, request, clock::both()).0.map_err(|Fault { what, .. }| what)
}

fn say(store: &mut Store, request: &Request) -> Result<(), String> {
    if let Reply::Done(done) = ask(store, request)? {
        text(format_args!("{}", done.done));
    }
    Ok(())
}

/// Only its thumbprint is kept: the file proves nothing, and its key never comes here.
fn enrol_certificate(store: &mut Store, arguments: &cli::UserCertificate) -> Result<(), String> {
    let certificates = wicketgate_tunnel::authority::certificates(&arguments.certificate);
    let certificates = certificates.map_err(|fault| fault.to_string())?;
    let thumbprint = certificates.first().map(|first| Thumbprint::of(first));
    let thumbprint = thumbprint.ok_or("there is no certificate in it")?;
    let said = |error: StoreError| error.to_string();
    let name = UserName::new(&arguments.who.name).map_err(|error| error.to_string())?;
    let user = store.user(&name).map_err(said)?;
    let (label, now) = (&arguments.label, clock::both());
    store.enrol_certificate(user.id, thumbprint, label, now).map_err(said)?;
    text(format_args!("{name} has certificate {thumbprint}"));
    Ok(())
}

/// A user with a password and, if not declined, TOTP. The password is asked before anything is written.
fn add(store: &mut Store, arguments: &cli::UserAdd) -> Result<(), String> {
    let name = arguments.who.name.clone();
    let display_name = arguments.full_name.clone().unwrap_or_default();
    let person = arguments.person.clone();
    let names: Vec<&str> = [Some(name.as_str()), Some(&display_name), person.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let password = new_password(&names)?;
    let mut roles = arguments.roles.clone();
    roles.extend(arguments.admin.then(|| ADMIN.to_owned()));
    ask(store, &Request::AddUser(NewUser { name: name.clone(), display_name, person, roles }))?;
    say(store, &Request::SetPassword { name: name.clone(), password })?;
    if arguments.no_totp { Ok(()) } else { enrol_totp(store, &name) }
}

fn new_password(names: &[&str]) -> Result<Secret, String> {
    let first = ask::hidden("New password: ")?;
    let password = Password::new(first.expose().to_owned());
    password
        .check(names)
        .map_err(|weakness| format!("the password is not accepted: {weakness}"))?;
    if ask::is_terminal() && ask::hidden("The same again: ")? != first {
        return Err("these are two passwords: nothing was changed".to_owned());
    }
    Ok(first)
}

fn enrol_totp(store: &mut Store, name: &str) -> Result<(), String> {
    let Reply::Totp(enrolment) = ask(store, &Request::EnrolTotp { name: name.to_owned() })? else {
        return Ok(());
    };
    text(format_args!("{}", enrolment.qr.expose()));
    text(format_args!(
        "Scan this with an authenticator app, or type {}",
        enrolment.secret.expose()
    ));
    output::flush();
    let mut tries = 1..=TRIES;
    loop {
        let code = ask::shown("The code it shows now: ")?;
        let confirm = Request::ConfirmTotp { name: name.to_owned(), code };
        tries.next();
        match say(store, &confirm) {
            Err(what) if !tries.is_empty() && ask::is_terminal() => complain(what),
            outcome => return outcome,
        }
    }
}

fn recovery_codes(store: &mut Store, name: &str) -> Result<(), String> {
    let codes = ask(store, &Request::NewRecoveryCodes { name: name.to_owned() })?;
    if let Reply::RecoveryCodes(codes) = codes {
        codes.iter().for_each(|code| text(format_args!("{}", code.expose())));
        complain("each is good once, in place of a code of the app; those from before are void");
    }
    Ok(())
}

fn list(store: &mut Store, json: bool) -> Result<(), String> {
    let Reply::Users(users) = ask(store, &Request::Users)? else { return Ok(()) };
    if json {
        output::json(&users);
        return Ok(());
    }
    let heads = ["name", "full name", "roles", "factors", ">failures", "state"];
    let mut table = Table::new("Users", &heads);
    users.iter().for_each(|user| table.row(row(user)));
    table.print();
    Ok(())
}

fn row(user: &User) -> [String; 6] {
    [
        user.name.clone(),
        user.display_name.clone(),
        user.roles.join(" "),
        user.factors.join(" "),
        user.failures.to_string(),
        if user.disabled { "disabled" } else { "" }.to_owned(),
    ]
}
