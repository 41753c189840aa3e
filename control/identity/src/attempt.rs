//! An attempt to be let in, and what came of it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::factor::{Factor, Password, Proofs, Thumbprint};
use crate::name::UserName;
use crate::store::{StoreError, User, UserId};
use crate::time::Monotonic;

/// What someone shows to be let in. All of it must be right. Not `Debug`: the code is in it.
pub struct Attempt<'a> {
    /// The name, as typed.
    pub user: &'a str,
    /// Where it comes from.
    pub source: IpAddr,
    /// The password.
    pub password: Option<&'a Password>,
    /// A TOTP code or a recovery code, as typed.
    pub code: Option<&'a str>,
    /// The certificate of the TLS connection, whose chain and possession TLS has checked.
    pub certificate: Option<Thumbprint>,
}

impl Attempt<'_> {
    pub(crate) fn factors(&self) -> impl Iterator<Item = Factor> {
        let password = self.password.map(|_| Factor::Password);
        let code = self.code.map(|_| Factor::Totp);
        let certificate = self.certificate.map(|_| Factor::Certificate);
        [password, code, certificate].into_iter().flatten()
    }
}

/// A user who proved who they are. Only
/// [`Authenticator::authenticate`](crate::Authenticator::authenticate) makes one.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub(crate) user: User,
    pub(crate) proofs: Proofs,
    pub(crate) at: Monotonic,
}

impl Authenticated {
    /// Who it is.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// What was proven, and when.
    pub fn proofs(&self) -> &Proofs {
        &self.proofs
    }

    /// As if `user` had proven these at `at`.
    #[cfg(feature = "unproven")]
    pub fn unproven(user: User, factors: &[Factor], at: Monotonic) -> Authenticated {
        let mut proofs = Proofs::default();
        factors.iter().for_each(|factor| proofs.add(*factor, at));
        Authenticated { user, proofs, at }
    }
}

/// What the one who asked may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not let in; why is not said.
    Refused,
    /// Too many failures from this address: nothing is checked for so long. Says nothing of users.
    Wait(Duration),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Refused => f.write_str(
                "name, password or code is not right, or was tried too often: wait up to 15 \
                 minutes, or ask an administrator",
            ),
            Refusal::Wait(time) => {
                write!(f, "too many failures from this address: wait {} s", time.as_secs() + 1)
            }
        }
    }
}

/// Why an attempt was refused: for the audit alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody has the name.
    UnknownUser,
    /// The user is disabled.
    Disabled,
    /// Nothing was shown.
    NothingShown,
    /// The password is not right, or there is none.
    WrongPassword,
    /// The code is not right, or there is no TOTP.
    WrongCode,
    /// The code was right, and used before.
    ReusedCode,
    /// The certificate is not the user's.
    WrongCertificate,
    /// Not checked: too many failures of the user.
    Delayed,
    /// Not checked: so many failures that an admin has to unlock the user.
    Locked,
    /// Not checked: too many failures from the address.
    SourceDelayed,
    /// What was shown was taken back while it was checked.
    TakenBack,
    /// The store failed: nobody is let in without it.
    StoreFailed,
}

impl Cause {
    /// The word for it in the audit.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::UnknownUser => "unknown-user",
            Cause::Disabled => "disabled",
            Cause::NothingShown => "nothing-shown",
            Cause::WrongPassword => "wrong-password",
            Cause::WrongCode => "wrong-code",
            Cause::ReusedCode => "reused-code",
            Cause::WrongCertificate => "wrong-certificate",
            Cause::Delayed => "delayed",
            Cause::Locked => "locked",
            Cause::SourceDelayed => "source-delayed",
            Cause::TakenBack => "taken-back",
            Cause::StoreFailed => "store-failed",
        }
    }
}

/// What the audit is told of an attempt.
///
/// The name is told only if a user has it: people type passwords into the wrong field.
#[derive(Debug)]
pub struct AttemptEvent {
    /// Where it came from.
    pub source: IpAddr,
    /// Whom it named, if there is such a user.
    pub user: Option<(UserId, UserName)>,
    /// What was shown, right or not.
    pub shown: Vec<Factor>,
    /// Whether a recovery code stood for TOTP.
    pub recovery: bool,
    /// `Ok` where the user was proven.
    pub result: Result<(), Cause>,
    /// Failures of the user in a row, this one included.
    pub failures: u32,
    /// What the store said, if it failed.
    pub error: Option<StoreError>,
}

/// How an attempt ended: an answer for the one who asked, an event for the audit.
#[derive(Debug)]
pub struct Outcome {
    /// The answer.
    pub answer: Result<Authenticated, Refusal>,
    /// The event.
    pub event: AttemptEvent,
}
