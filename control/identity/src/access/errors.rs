//! Why an input was refused. Nothing has changed then.

use std::fmt;

use super::grant::GrantId;
use super::{MAX_REASON, PROOF_LIFETIME};
use crate::factor::Factor;

/// Why there is no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginError {
    /// [`MAX_LOGINS`](super::MAX_LOGINS).
    Full,
    /// The proof is older than [`PROOF_LIFETIME`], or an admin changed the user since.
    Stale,
    /// There is no such login.
    NoSuchLogin,
    /// The proof is another user's.
    OtherUser,
}

/// Why there is no grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// There is no such login.
    NoSuchLogin,
    /// There is no such rule on that asset, or it is not for this user: which, is not said.
    NoSuchRule,
    /// The rule asks for a reason.
    ReasonNeeded,
    /// The reason is too long, or has characters that do not print.
    BadReason,
    /// The window is not open.
    OutsideWindow,
    /// The user has as many grants on the asset as the rule allows.
    TooManySessions,
    /// The login has this grant or request for the same already.
    Duplicate(GrantId),
    /// The table, or the user's share of it, is full.
    Full,
}

/// Why an approval, a denial or a revocation does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApproveError {
    /// There is no such login.
    NoSuchLogin,
    /// There is no such grant, or it does not wait for approval.
    NotWaiting,
    /// The one who asked is the same person, be it by another login or account.
    SamePerson,
    /// The rule asks for a role that the approver does not have.
    NotApprover,
    /// The approver has not proven these, which the rule asks of its users.
    NotProven(Vec<Factor>),
    /// The window closed, or the policy changed, meanwhile: the request is over.
    Over,
    /// The user has as many grants on the asset as the rule allows; the request waits on.
    TooManySessions,
}

/// Why break-glass was not armed, disarmed or used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakGlassError {
    /// There is no such login.
    NoSuchLogin,
    /// Only an admin arms and disarms.
    NotAdmin,
    /// The lifetime or duration is nothing, or longer than it may be.
    BadTime,
    /// Too many are armed.
    Full,
    /// None is armed for this rule and one of the user's roles.
    NotArmed,
    /// There is no such rule on that asset.
    NoSuchRule,
    /// A reason must be given, of letters that print.
    BadReason,
    /// The user has not proven these, which the rule asks.
    NotProven(Vec<Factor>),
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoginError::Full => f.write_str("too many logins"),
            LoginError::Stale => {
                write!(f, "the proof is older than {} s, or void", PROOF_LIFETIME.as_secs())
            }
            LoginError::NoSuchLogin => f.write_str("there is no such login"),
            LoginError::OtherUser => f.write_str("the login is another user's"),
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::NoSuchLogin => f.write_str("there is no such login"),
            RequestError::NoSuchRule => f.write_str("there is no such rule for you on this asset"),
            RequestError::ReasonNeeded => f.write_str("the rule asks for a reason"),
            RequestError::BadReason => {
                write!(f, "a reason is at most {MAX_REASON} bytes of characters that print")
            }
            RequestError::OutsideWindow => f.write_str("the rule's window is not open"),
            RequestError::TooManySessions => {
                f.write_str("you have as many sessions on this asset as the rule allows")
            }
            RequestError::Duplicate(grant) => write!(f, "this is grant {} already", grant.0),
            RequestError::Full => f.write_str("too many grants and requests"),
        }
    }
}

impl fmt::Display for ApproveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApproveError::NoSuchLogin => f.write_str("there is no such login"),
            ApproveError::NotWaiting => f.write_str("no request of that number waits for approval"),
            ApproveError::SamePerson => f.write_str("nobody approves what they asked for"),
            ApproveError::NotApprover => f.write_str("the rule asks for another role to approve"),
            ApproveError::NotProven(factors) => lacking(f, factors),
            ApproveError::Over => f.write_str("the request is over: window or policy changed"),
            ApproveError::TooManySessions => {
                f.write_str("the user has as many sessions on this asset as the rule allows")
            }
        }
    }
}

impl fmt::Display for BreakGlassError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BreakGlassError::NoSuchLogin => "there is no such login",
            BreakGlassError::NotAdmin => "only an admin arms and disarms break-glass",
            BreakGlassError::BadTime => "the time is nothing, or longer than break-glass may last",
            BreakGlassError::Full => "too many break-glass are armed",
            BreakGlassError::NotArmed => "no break-glass is armed for this rule and your roles",
            BreakGlassError::NoSuchRule => "there is no such rule on this asset",
            BreakGlassError::BadReason => "break-glass asks for a reason, of characters that print",
            BreakGlassError::NotProven(factors) => return lacking(f, factors),
        })
    }
}

fn lacking(f: &mut fmt::Formatter<'_>, factors: &[Factor]) -> fmt::Result {
    let names: Vec<&str> = factors.iter().map(|factor| factor.name()).collect();
    write!(f, "prove first: {}", names.join(", "))
}

impl std::error::Error for LoginError {}
impl std::error::Error for RequestError {}
impl std::error::Error for ApproveError {}
impl std::error::Error for BreakGlassError {}
