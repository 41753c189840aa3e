//! What people did, and what was done about what they may do.

use std::net::IpAddr;

use crate::fields::{Fields, key};
use crate::record::cut;
use crate::words::Words;

/// Longest text of a person in a record, in bytes of UTF-8.
pub const MAX_TEXT: usize = 1024;

/// A kind of act: the `type` of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Somebody logged in.
    Login,
    /// Somebody was refused a login.
    LoginRefused,
    /// A login proved more, or anew.
    StepUp,
    /// A login ended.
    Logout,
    /// A session was taken back.
    SessionRevoked,
    /// A grant was asked for.
    GrantRequested,
    /// A request waits for proofs.
    GrantChallenged,
    /// A request was approved.
    GrantApproved,
    /// A request was turned down.
    GrantDenied,
    /// A grant began.
    GrantBegun,
    /// A grant ended, but for the operation under way.
    GrantDraining,
    /// A grant or request was taken back.
    GrantRevoked,
    /// A grant or request ended by itself.
    GrantExpired,
    /// Break-glass was armed.
    BreakGlassArmed,
    /// Break-glass was disarmed.
    BreakGlassDisarmed,
    /// The time for which break-glass was armed is over.
    BreakGlassExpired,
    /// Break-glass was used.
    BreakGlassUsed,
    /// A user was added.
    UserAdded,
    /// A user was removed.
    UserRemoved,
    /// A user was disabled.
    UserDisabled,
    /// A user was enabled.
    UserEnabled,
    /// A user has other roles.
    UserRoles,
    /// The failures of a user were forgotten.
    UserUnlocked,
    /// A user has a new factor.
    FactorEnrolled,
    /// A factor was taken from a user.
    FactorReset,
    /// The policy was read again.
    PolicyReload,
    /// Packets came out of a tunnel with an address that is not its own.
    TunnelSpoofed,
    /// Requests at the control socket were refused.
    RequestRefused,
}

impl Deed {
    /// All kinds.
    pub const ALL: [Deed; 28] = [
        Deed::Login,
        Deed::LoginRefused,
        Deed::StepUp,
        Deed::Logout,
        Deed::SessionRevoked,
        Deed::GrantRequested,
        Deed::GrantChallenged,
        Deed::GrantApproved,
        Deed::GrantDenied,
        Deed::GrantBegun,
        Deed::GrantDraining,
        Deed::GrantRevoked,
        Deed::GrantExpired,
        Deed::BreakGlassArmed,
        Deed::BreakGlassDisarmed,
        Deed::BreakGlassExpired,
        Deed::BreakGlassUsed,
        Deed::UserAdded,
        Deed::UserRemoved,
        Deed::UserDisabled,
        Deed::UserEnabled,
        Deed::UserRoles,
        Deed::UserUnlocked,
        Deed::FactorEnrolled,
        Deed::FactorReset,
        Deed::PolicyReload,
        Deed::TunnelSpoofed,
        Deed::RequestRefused,
    ];

    /// The word for it, `type` of its record.
    pub const fn name(self) -> &'static str {
        match self {
            Deed::Login => "login",
            Deed::LoginRefused => "login-refused",
            Deed::StepUp => "step-up",
            Deed::Logout => "logout",
            Deed::SessionRevoked => "session-revoked",
            Deed::GrantRequested => "grant-requested",
            Deed::GrantChallenged => "grant-challenged",
            Deed::GrantApproved => "grant-approved",
            Deed::GrantDenied => "grant-denied",
            Deed::GrantBegun => "grant-begun",
            Deed::GrantDraining => "grant-draining",
            Deed::GrantRevoked => "grant-revoked",
            Deed::GrantExpired => "grant-expired",
            Deed::BreakGlassArmed => "break-glass-armed",
            Deed::BreakGlassDisarmed => "break-glass-disarmed",
            Deed::BreakGlassExpired => "break-glass-expired",
            Deed::BreakGlassUsed => "break-glass-used",
            Deed::UserAdded => "user-added",
            Deed::UserRemoved => "user-removed",
            Deed::UserDisabled => "user-disabled",
            Deed::UserEnabled => "user-enabled",
            Deed::UserRoles => "user-roles",
            Deed::UserUnlocked => "user-unlocked",
            Deed::FactorEnrolled => "factor-enrolled",
            Deed::FactorReset => "factor-reset",
            Deed::PolicyReload => "policy-reload",
            Deed::TunnelSpoofed => "tunnel-spoofed",
            Deed::RequestRefused => "request-refused",
        }
    }

    const fn category(self) -> &'static str {
        match self {
            Deed::Login | Deed::LoginRefused | Deed::StepUp | Deed::Logout => "login",
            Deed::UserAdded
            | Deed::UserRemoved
            | Deed::UserDisabled
            | Deed::UserEnabled
            | Deed::UserRoles
            | Deed::UserUnlocked
            | Deed::FactorEnrolled
            | Deed::FactorReset => "user",
            Deed::PolicyReload => "policy",
            Deed::RequestRefused => "access",
            _ => "grant",
        }
    }

    pub(crate) fn words(self, refused: bool) -> Words {
        Words::new(self.category(), self.name(), if refused { "denied" } else { "success" })
    }
}

/// One act. What has no value is left out of its record. No secret is part of it.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// What.
    pub deed: Deed,
    /// Whether it was refused.
    pub refused: bool,
    /// The user it is about.
    pub user: Option<&'a str>,
    /// The login it is about.
    pub login: Option<u64>,
    /// The grant, or the armed break-glass, it is about.
    pub grant: Option<u64>,
    /// The session it is about.
    pub session: Option<u64>,
    /// Who did it, where that is not the user: a user, or whoever the machine says asked.
    pub actor: Option<&'a str>,
    /// The address that the login stands for, or the attempt came from.
    pub client: Option<IpAddr>,
    /// The asset it is about.
    pub asset: Option<&'a str>,
    /// The rule it is about.
    pub rule: Option<&'a str>,
    /// Factors shown, proven or lacking, or roles given: words separated by blanks. Or what was asked for.
    pub what: Option<&'a str>,
    /// How often, where that is counted and not told each time.
    pub times: Option<u64>,
    /// Why: a word of this log's own.
    pub reason: Option<&'a str>,
    /// Why, as a person wrote it.
    pub text: Option<&'a str>,
}

impl<'a> Act<'a> {
    /// An act of which nothing more is known yet.
    pub const fn new(deed: Deed) -> Act<'a> {
        Act {
            deed,
            refused: false,
            user: None,
            login: None,
            grant: None,
            session: None,
            actor: None,
            client: None,
            asset: None,
            rule: None,
            what: None,
            times: None,
            reason: None,
            text: None,
        }
    }

    pub(crate) fn fields(&self, out: &mut Fields<'_>) {
        out.some(key!("user"), self.user.map(cut));
        out.some(key!("login"), self.login);
        out.some(key!("grant"), self.grant);
        out.some(key!("session"), self.session);
        out.some(key!("actor"), self.actor.map(cut));
        out.some(key!("client"), self.client);
        out.some(key!("asset"), self.asset.map(cut));
        out.some(key!("what"), self.what.map(cut));
        out.some(key!("times"), self.times);
        out.some(key!("reason"), self.reason.map(cut));
        out.some(key!("rule"), self.rule.map(cut));
        let whole = |text: &'a str| text.get(..text.floor_char_boundary(MAX_TEXT));
        out.some(key!("text"), self.text.and_then(whole));
    }
}
