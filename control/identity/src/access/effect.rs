//! What the daemon has to do, in the order in which it has to.

use std::sync::Arc;

use super::{BreakGlassId, GrantId, LoginId, Scope};
use crate::factor::Factor;
use crate::store::UserId;

/// Something that the machine cannot do itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// End all sessions of this login now, those of standing rights included: by
    /// `Sessions::revoke`, before new tables are made.
    CutLogin {
        /// The login.
        login: LoginId,
        /// But for those of these grants, which drain.
        keep: Vec<GrantId>,
    },
    /// A login that goes on has lost a role: end all its sessions now, likewise. What is left to it, it
    /// may do in others.
    CutSessions {
        /// The login.
        login: LoginId,
    },
    /// A grant was taken back: end its sessions now, likewise. What ended by itself needs no cut:
    /// tables close it at its time, or leave it out when they are made anew, and what else the login
    /// may do there goes on.
    CutGrant {
        /// Its login.
        login: LoginId,
        /// The grant.
        grant: GrantId,
        /// The asset it was for.
        asset: Arc<str>,
    },
    /// Write this to the audit.
    Audit(Event),
    /// Write this to the audit and make it heard: break-glass.
    Alarm(Event),
    /// Rights changed: compile the tables anew. Comes after all cuts, once for many changes.
    Compile,
}

/// What happened, to whom, by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// The login it is about; `None` for arming and disarming.
    pub login: Option<LoginId>,
    /// The user it is about.
    pub user: Option<UserId>,
    /// The grant it is about.
    pub grant: Option<GrantId>,
    /// The rule and asset it is about.
    pub scope: Option<Scope>,
    /// Who did it, where that is someone else: approver, revoker, who armed.
    pub actor: Option<UserId>,
    /// The reason given, as the user wrote it.
    pub reason: Option<Box<str>>,
}

impl Event {
    pub(super) fn new(kind: EventKind) -> Event {
        Event { kind, login: None, user: None, grant: None, scope: None, actor: None, reason: None }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A user logged in, having proven these.
    Login(Vec<Factor>),
    /// A login proved more, or anew.
    StepUp(Vec<Factor>),
    /// A login ended.
    LoginEnd(End),
    /// A grant was asked for.
    Requested,
    /// A request waits for these factors.
    Challenged(Vec<Factor>),
    /// A request waits for someone's approval.
    AwaitsApproval,
    /// Someone approved a request.
    Approved,
    /// A grant began.
    Granted,
    /// A grant ended in the middle of an operation, which may go on for a while.
    Draining(End),
    /// A grant or request ended.
    GrantEnd(End),
    /// Break-glass was armed.
    Armed(BreakGlassId),
    /// Break-glass was disarmed.
    Disarmed(BreakGlassId),
    /// Break-glass armed itself off: its time is over.
    ArmedExpired(BreakGlassId),
    /// Break-glass was used.
    BreakGlass(BreakGlassId),
}

/// Why a login, a grant or a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Its time is over.
    Expired,
    /// Its window closed.
    WindowClosed,
    /// A proof it rests on became too old.
    ProofTooOld,
    /// The login was not used for too long.
    Idle,
    /// The user logged out, or gave the grant back.
    GivenBack,
    /// The tunnel was lost.
    TunnelLost,
    /// The same tunnel or address logged in anew.
    Superseded,
    /// Nobody approved or proved in time.
    Unanswered,
    /// Proven and approved, but by now the user holds as many as the rule allows.
    TooManySessions,
    /// The approver said no.
    Denied,
    /// Someone took it back.
    Revoked,
    /// The user was disabled or removed.
    Disabled,
    /// The user lost the role.
    RoleLost,
    /// The policy has no such rule any more, or asks for more.
    PolicyChanged,
    /// The break-glass that it came of was disarmed.
    Disarmed,
}

impl End {
    /// Whether it ended by itself or by the user's own doing, so that an operation under way may
    /// drain. What is taken back is taken at once.
    pub const fn drains(self) -> bool {
        match self {
            End::Expired
            | End::WindowClosed
            | End::ProofTooOld
            | End::Idle
            | End::GivenBack
            | End::TunnelLost => true,
            End::Superseded
            | End::Unanswered
            | End::TooManySessions
            | End::Denied
            | End::Revoked
            | End::Disabled
            | End::RoleLost
            | End::PolicyChanged
            | End::Disarmed => false,
        }
    }

    /// The word for it in the audit.
    pub const fn name(self) -> &'static str {
        match self {
            End::Expired => "expired",
            End::WindowClosed => "window-closed",
            End::ProofTooOld => "proof-too-old",
            End::Idle => "idle",
            End::GivenBack => "given-back",
            End::TunnelLost => "tunnel-lost",
            End::Superseded => "superseded",
            End::Unanswered => "unanswered",
            End::TooManySessions => "too-many-sessions",
            End::Denied => "denied",
            End::Revoked => "revoked",
            End::Disabled => "disabled",
            End::RoleLost => "role-lost",
            End::PolicyChanged => "policy-changed",
            End::Disarmed => "disarmed",
        }
    }
}
