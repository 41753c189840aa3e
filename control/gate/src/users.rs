//! What is asked about users, done in the store: by the gate's own thread, and by the command line where no
//! gate runs.

use wicketgate_identity::store::{NewUser, User};
use wicketgate_identity::{
    Factor, Now, Password, Role, Store, StoreError, Thumbprint, UserId, UserName,
};

use crate::api::desk::Answer;
use crate::api::model::{self, Fault, Request};
use crate::api::reply::{self, Reply};
use crate::api::secret::Secret;

/// A user was changed.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) user: UserId,
    pub(crate) name: String,
    pub(crate) what: What,
}

/// How.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Added,
    Removed,
    Disabled,
    Enabled,
    Roles(Vec<Role>),
    Unlocked,
    Enrolled(&'static str),
    Reset(&'static str),
}

/// What is done, and which user is another for it.
type Done = Result<(Reply, Option<Change>), Fault>;

/// Does it.
pub(crate) fn execute(store: &mut Store, request: &Request, now: Now) -> (Answer, Option<Change>) {
    match try_execute(store, request, now) {
        Ok((reply, change)) => (Ok(reply), change),
        Err(fault) => (Err(fault), None),
    }
}

fn try_execute(store: &mut Store, request: &Request, now: Now) -> Done {
    match request {
        Request::Users => {
            let users = store.users().map_err(fault)?;
            Ok((Reply::Users(users.iter().map(told).collect()), None))
        }
        Request::AddUser(new) => add(store, new, now),
        Request::RemoveUser { name } => {
            let user = find(store, name)?;
            store.remove_user(user.id).map_err(fault)?;
            done(&user, What::Removed, "is removed")
        }
        Request::SetRoles { name, roles } => set_roles(store, name, roles),
        Request::SetDisabled { name, disabled } => {
            let user = find(store, name)?;
            store.set_disabled(user.id, *disabled).map_err(fault)?;
            match disabled {
                true => done(&user, What::Disabled, "is disabled"),
                false => done(&user, What::Enabled, "may log in again"),
            }
        }
        Request::Unlock { name } => {
            let user = find(store, name)?;
            store.unlock(user.id).map_err(fault)?;
            done(&user, What::Unlocked, "is unlocked")
        }
        _ => factors(store, request, now),
    }
}

fn factors(store: &mut Store, request: &Request, now: Now) -> Done {
    match request {
        Request::SetPassword { name, password } => {
            let user = find(store, name)?;
            let password = Password::new(password.expose().to_owned());
            store.enrol_password(user.id, &password, now).map_err(fault)?;
            done(&user, What::Enrolled(Factor::Password.name()), "has a password")
        }
        Request::EnrolTotp { name } => {
            let enrolment = store.enrol_totp(find(store, name)?.id).map_err(fault)?;
            let secret = |text: &str| Secret::new(text.to_owned());
            Ok((
                Reply::Totp(reply::Enrolment {
                    secret: secret(enrolment.secret()),
                    uri: secret(enrolment.uri()),
                    qr: secret(&enrolment.qr(false)),
                }),
                None,
            ))
        }
        Request::ConfirmTotp { name, code } => {
            let user = find(store, name)?;
            store.confirm_totp(user.id, code.expose(), now).map_err(fault)?;
            done(&user, What::Enrolled(Factor::Totp.name()), "has TOTP")
        }
        Request::NewRecoveryCodes { name } => {
            let user = find(store, name)?;
            let codes = store.new_recovery_codes(user.id).map_err(fault)?;
            let codes = codes.iter().map(|code| Secret::new(code.reveal().to_string())).collect();
            Ok((Reply::RecoveryCodes(codes), Some(change(&user, What::Enrolled("recovery-codes")))))
        }
        Request::EnrolCertificate { name, new } => {
            let (user, thumbprint) = (find(store, name)?, new.thumbprint.parse::<Thumbprint>());
            let thumbprint = thumbprint.map_err(Fault::invalid)?;
            store.enrol_certificate(user.id, thumbprint, &new.label, now).map_err(fault)?;
            let what = What::Enrolled(Factor::Certificate.name());
            done(&user, what, format_args!("has certificate {thumbprint}"))
        }
        Request::ResetFactor { name, factor } => reset(store, name, factor),
        _ => Err(Fault::unavailable("that is not asked of the store")),
    }
}

fn add(store: &mut Store, new: &model::NewUser, now: Now) -> Done {
    let name = UserName::new(&new.name).map_err(Fault::invalid)?;
    let (display_name, person) = (new.display_name.clone(), new.person.clone());
    let user = NewUser { name, display_name, person, roles: roles(&new.roles)? };
    let id = store.add_user(&user, now).map_err(fault)?;
    let user = store.user_by_id(id).map_err(fault)?;
    Ok((Reply::User(told(&user)), Some(change(&user, What::Added))))
}

fn set_roles(store: &mut Store, name: &str, names: &[String]) -> Done {
    let (user, roles) = (find(store, name)?, roles(names)?);
    store.set_roles(user.id, &roles).map_err(fault)?;
    done(&user, What::Roles(roles), "has these roles")
}

fn reset(store: &mut Store, name: &str, factor: &str) -> Done {
    let user = find(store, name)?;
    let factor = Factor::from_name(factor)
        .ok_or_else(|| Fault::invalid(format_args!("there is no factor `{factor}`")))?;
    if !store.reset_factor(user.id, factor).map_err(fault)? {
        let what = format!("{} has no {factor}", user.name);
        return Err(Fault::conflict("not-enrolled", what));
    }
    done(&user, What::Reset(factor.name()), format_args!("has no {factor} any more"))
}

fn find(store: &Store, name: &str) -> Result<User, Fault> {
    // A name that cannot be one is nobody's.
    let name = UserName::new(name).map_err(|_| fault(StoreError::NoSuchUser))?;
    store.user(&name).map_err(fault)
}

fn roles(names: &[String]) -> Result<Vec<Role>, Fault> {
    names.iter().map(|name| Role::new(name).map_err(Fault::invalid)).collect()
}

fn change(user: &User, what: What) -> Change {
    Change { user: user.id, name: user.name.to_string(), what }
}

fn done(user: &User, what: What, said: impl std::fmt::Display) -> Done {
    Ok((Reply::done(format_args!("{} {said}", user.name)), Some(change(user, what))))
}

fn told(user: &User) -> reply::User {
    let factors = [
        (user.has_password, Factor::Password),
        (user.has_totp, Factor::Totp),
        (user.certificates > 0, Factor::Certificate),
    ];
    let factors = factors.into_iter().filter(|(has, _)| *has);
    reply::User {
        name: user.name.to_string(),
        display_name: user.display_name.clone(),
        person: user.person.clone(),
        roles: user.roles.iter().map(ToString::to_string).collect(),
        disabled: user.disabled,
        last_login: user.last_login,
        failures: user.failures,
        factors: factors.map(|(_, factor)| factor.name().to_owned()).collect(),
        recovery_codes: user.recovery_codes,
    }
}

/// A refusal of the store as HTTP has it. What the disk says is for the gate's own words.
fn fault(error: StoreError) -> Fault {
    match &error {
        StoreError::NoSuchUser => Fault::missing("no-such-user", error),
        StoreError::NameTaken => Fault::conflict("name-taken", error),
        StoreError::AlreadyEnrolled => Fault::conflict("already-enrolled", error),
        StoreError::NotEnrolled => Fault::conflict("not-enrolled", error),
        StoreError::LastAdmin => Fault::conflict("last-admin", error),
        StoreError::WrongCode => Fault::new(422, "wrong-code", error),
        StoreError::Weak(_) | StoreError::BadText => Fault::new(422, "not-accepted", error),
        _ => Fault::unavailable(error),
    }
}
