//! `wicketgate user`: users, by the gate that runs, or in the store where none does.

pub(crate) mod ask;
pub(crate) mod place;

use wicketgate_identity::store::ADMIN;
use wicketgate_identity::{Password, Thumbprint};

use crate::api::model::{NewCertificate, NewUser, Request};
use crate::api::reply::{Reply, User};
use crate::api::secret::Secret;
use crate::cli;
use crate::client::Failure;
use crate::exit::{Exit, complain};
use crate::output::{self, text};
use crate::table::Table;
use place::Users;

/// Codes that may be mistyped at an enrolment.
const TRIES: usize = 3;

/// Runs the command.
pub(crate) fn run(command: &cli::User) -> Exit {
    crate::client::finish(try_run(command))
}

fn try_run(command: &cli::User) -> Result<(), Failure> {
    let users = &Users::at(command.place()).map_err(Failure::Unusable)?;
    match command {
        cli::User::Add(arguments) => add(users, arguments),
        cli::User::List(arguments) => list(users, arguments.json),
        cli::User::Disable(who) => {
            say(users, &Request::SetDisabled { name: who.name.clone(), disabled: true })
        }
        cli::User::Enable(who) => {
            say(users, &Request::SetDisabled { name: who.name.clone(), disabled: false })
        }
        cli::User::Unlock(who) => say(users, &Request::Unlock { name: who.name.clone() }),
        cli::User::Remove(who) => say(users, &Request::RemoveUser { name: who.name.clone() }),
        cli::User::Roles(arguments) => {
            let (name, roles) = (arguments.who.name.clone(), arguments.roles.clone());
            say(users, &Request::SetRoles { name, roles })
        }
        cli::User::Reset(arguments) => {
            let (name, factor) = (arguments.who.name.clone(), arguments.factor.clone());
            say(users, &Request::ResetFactor { name, factor })
        }
        cli::User::Password(who) => {
            let password = new_password(&[&who.name])?;
            say(users, &Request::SetPassword { name: who.name.clone(), password })
        }
        cli::User::EnrolTotp(who) => enrol_totp(users, &who.name),
        cli::User::RecoveryCodes(who) => recovery_codes(users, &who.name),
        cli::User::Certificate(arguments) => enrol_certificate(users, arguments),
    }
}

fn say(users: &Users, request: &Request) -> Result<(), Failure> {
    if let Reply::Done(done) = users.ask(request)? {
        text(format_args!("{}", done.done));
    }
    Ok(())
}

/// Only its thumbprint is kept: the file proves nothing, and its key never comes here.
fn enrol_certificate(users: &Users, arguments: &cli::UserCertificate) -> Result<(), Failure> {
    let unusable = |what: String| Failure::Unusable(what);
    let certificates = wicketgate_tunnel::authority::certificates(&arguments.certificate);
    let certificates = certificates.map_err(|fault| unusable(fault.to_string()))?;
    let first = certificates.first();
    let first = first.ok_or_else(|| unusable("there is no certificate in it".to_owned()))?;
    let (thumbprint, label) = (Thumbprint::of(first).to_string(), arguments.label.clone());
    let (name, new) = (arguments.who.name.clone(), NewCertificate { thumbprint, label });
    say(users, &Request::EnrolCertificate { name, new })
}

/// A user with a password and, if not declined, TOTP. The password is asked before anything is written.
fn add(users: &Users, arguments: &cli::UserAdd) -> Result<(), Failure> {
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
    users.ask(&Request::AddUser(NewUser { name: name.clone(), display_name, person, roles }))?;
    say(users, &Request::SetPassword { name: name.clone(), password })?;
    if arguments.no_totp { Ok(()) } else { enrol_totp(users, &name) }
}

fn new_password(names: &[&str]) -> Result<Secret, Failure> {
    let hidden = |prompt| ask::hidden(prompt).map_err(Failure::Unusable);
    let first = hidden("New password: ")?;
    let password = Password::new(first.expose().to_owned());
    password.check(names).map_err(|weakness| {
        Failure::Unusable(format!("the password is not accepted: {weakness}"))
    })?;
    if ask::is_terminal() && hidden("The same again: ")? != first {
        let what = "these are two passwords: nothing was changed";
        return Err(Failure::Unusable(what.to_owned()));
    }
    Ok(first)
}

fn enrol_totp(users: &Users, name: &str) -> Result<(), Failure> {
    let Reply::Totp(enrolment) = users.ask(&Request::EnrolTotp { name: name.to_owned() })? else {
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
        let code = ask::shown("The code it shows now: ").map_err(Failure::Unusable)?;
        let confirm = Request::ConfirmTotp { name: name.to_owned(), code };
        tries.next();
        match say(users, &confirm) {
            Err(Failure::Refused(fault)) if !tries.is_empty() && ask::is_terminal() => {
                complain(&fault.what);
            }
            outcome => return outcome,
        }
    }
}

fn recovery_codes(users: &Users, name: &str) -> Result<(), Failure> {
    let codes = users.ask(&Request::NewRecoveryCodes { name: name.to_owned() })?;
    if let Reply::RecoveryCodes(codes) = codes {
        codes.iter().for_each(|code| text(format_args!("{}", code.expose())));
        complain("each is good once, in place of a code of the app; those from before are void");
    }
    Ok(())
}

fn list(users: &Users, json: bool) -> Result<(), Failure> {
    let Reply::Users(all) = users.ask(&Request::Users)? else { return Ok(()) };
    if json {
        output::json(&all);
        return Ok(());
    }
    let heads = ["name", "full name", "roles", "factors", ">failures", "state"];
    let mut table = Table::new("Users", &heads);
    all.iter().for_each(|user| table.row(row(user)));
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
