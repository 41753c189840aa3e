//! The contract: who asks, what is asked, and how it is refused. What is answered is in `reply`.
//!
//! A request comes to control already checked: the kernel has said who the peer is, a role of the peer
//! allows the route, the body has the right form, and a `login` is the login that the peer has shown
//! the token of. What is left to control is what only the gate's state can tell.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// The number of a login. No secret: acting by a login takes its token, which the API thread checks.
pub type LoginNumber = u64;

/// Who asks, as the kernel knows them (unix(7), SO_PEERCRED).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// User of the machine.
    pub uid: u32,
    /// Process; 0 where the peer is in another PID namespace.
    pub pid: i32,
    /// What it may do.
    pub roles: Roles,
    /// The user's name on this machine, if it has one.
    pub name: Option<String>,
}

/// `root (uid 0)`, as the audit has it.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} (uid {})", self.uid),
            None => write!(f, "uid {}", self.uid),
        }
    }
}

/// What somebody may do at the socket.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Runs the plant: logs in, sees, revokes.
    Operator,
    /// Sees everything, changes nothing.
    Auditor,
    /// Says yes or no to requests.
    Approver,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 4] = [Role::Admin, Role::Operator, Role::Auditor, Role::Approver];

    /// The word for it in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Operator => "operator",
            Role::Auditor => "auditor",
            Role::Approver => "approver",
        }
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Nobody's.
    pub const NONE: Roles = Roles(0);

    /// These.
    pub const fn of(roles: &[Role]) -> Roles {
        let (mut set, mut rest) = (0, roles);
        while let [first, more @ ..] = rest {
            set |= 1 << *first as u8;
            rest = more;
        }
        Roles(set)
    }

    /// These and those.
    pub const fn with(self, others: Roles) -> Roles {
        Roles(self.0 | others.0)
    }

    /// Whether there is one in both.
    pub const fn meet(self, others: Roles) -> bool {
        self.0 & others.0 != 0
    }

    /// Which.
    pub fn each(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.meet(Roles::of(&[*role])))
    }
}

/// `admin, approver`.
impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.each().map(Role::name).collect();
        f.write_str(if names.is_empty() { "none".into() } else { names.join(", ") }.as_str())
    }
}

/// What is asked of control.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is what its route's summary says (`routes`)")]
pub enum Request {
    // People prove themselves. -> Reply::Login, Reply::Done
    Login(Credentials),
    StepUp {
        login: LoginNumber,
        proof: Proof,
    },
    Logout {
        login: LoginNumber,
    },
    Logins,
    RevokeLogin {
        id: LoginNumber,
    },

    // Tunnels: the gate's own thread asks, on no route. -> Reply::Tunnel, Reply::Login, Reply::Grant, Reply::Done
    OpenTunnel(TunnelLogin),
    StepUpTunnel(TunnelProof),
    AskByTunnel(TunnelAsk),
    CloseTunnel {
        tunnel: u32,
        by_user: bool,
    },
    TunnelSpoofed {
        tunnel: u32,
        source: Ipv4Addr,
        packets: u64,
    },

    // What they were given. -> Reply::Grant, Reply::Grants, Reply::Done
    Grants,
    RequestGrant {
        login: LoginNumber,
        wanted: GrantRequest,
    },
    Approve {
        login: LoginNumber,
        grant: u64,
    },
    Deny {
        login: LoginNumber,
        grant: u64,
        reason: Option<String>,
    },
    /// By the login that has it.
    GiveBack {
        login: LoginNumber,
        grant: u64,
    },
    /// By an operator.
    RevokeGrant {
        grant: u64,
    },

    // Break-glass. -> Reply::BreakGlass, Reply::Armed, Reply::Grant, Reply::Done
    BreakGlass,
    ArmBreakGlass {
        login: LoginNumber,
        arm: Arm,
    },
    UseBreakGlass {
        login: LoginNumber,
        wanted: GrantRequest,
    },
    DisarmBreakGlass {
        login: LoginNumber,
        id: u64,
    },

    // Users. -> Reply::Users, Reply::User, Reply::Totp, Reply::RecoveryCodes, Reply::Done
    Users,
    AddUser(NewUser),
    RemoveUser {
        name: String,
    },
    SetRoles {
        name: String,
        roles: Vec<String>,
    },
    SetDisabled {
        name: String,
        disabled: bool,
    },
    Unlock {
        name: String,
    },
    SetPassword {
        name: String,
        password: Secret,
    },
    EnrolTotp {
        name: String,
    },
    ConfirmTotp {
        name: String,
        code: Secret,
    },
    NewRecoveryCodes {
        name: String,
    },
    EnrolCertificate {
        name: String,
        new: NewCertificate,
    },
    ResetFactor {
        name: String,
        factor: String,
    },

    // What is going on. -> Reply::Sessions, Reply::Assets, Reply::Policy, Reply::Stats, Reply::Done
    Sessions,
    RevokeSession {
        id: u64,
    },
    Assets,
    PolicyShow,
    Reload,
    Stats,
}

/// The body of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The name to log in by.
    pub user: String,
    /// The password.
    pub password: Option<Secret>,
    /// A TOTP code or a recovery code.
    pub code: Option<Secret>,
    /// The address whose frames this login stands for; without one it only asks, approves and arms.
    pub source: Option<IpAddr>,
}

/// A login by a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelLogin {
    /// The tunnel's number, which no other ever has.
    pub tunnel: u32,
    /// Where its frames come from.
    pub peer: SocketAddr,
    /// Who it is.
    pub shown: Credentials,
    /// The user's certificate in DER, whose chain and possession TLS has checked.
    pub certificate: Option<Vec<u8>>,
}

/// A step-up by the login of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelProof {
    /// The tunnel's number, by which its login is known.
    pub tunnel: u32,
    /// Where its frames come from.
    pub peer: SocketAddr,
    /// What is proven.
    pub proof: Proof,
}

/// A request for a grant by the login of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelAsk {
    /// The tunnel's number, by which its login is known.
    pub tunnel: u32,
    /// Where its frames come from.
    pub peer: SocketAddr,
    /// What is asked for.
    pub wanted: GrantRequest,
}

/// The body of a step-up: factors proven anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The password.
    pub password: Option<Secret>,
    /// A TOTP code or a recovery code.
    pub code: Option<Secret>,
}

/// The body of a request for a grant, and of using break-glass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    /// The rule's name.
    pub rule: String,
    /// The asset's name.
    pub asset: String,
    /// What for; break-glass and some rules ask for it.
    pub reason: Option<String>,
}

/// The body of a denial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// Why, for the audit.
    pub reason: Option<String>,
}

/// The body of arming break-glass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// The rule's name.
    pub rule: String,
    /// Which role of people may use it.
    pub role: String,
    /// Seconds that it stays armed.
    pub lifetime: u64,
    /// Seconds that a grant by it lasts.
    pub duration: u64,
}

/// The body of adding a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The name to log in by.
    pub name: String,
    /// The full name.
    #[serde(default)]
    pub display_name: String,
    /// Whose account it is; the name, if this is the person's only one.
    pub person: Option<String>,
    /// Roles of the policy.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// The body of giving roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoles {
    /// Roles of the policy, instead of those before.
    pub roles: Vec<String>,
}

/// The body of a new password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The password.
    pub password: Secret,
}

/// The body of a new client certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// SHA-256 of its DER encoding, in 64 hex digits (RFC 8705, 3.1).
    pub thumbprint: String,
    /// What it is called.
    #[serde(default)]
    pub label: String,
}

/// The body of a confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// A code of the device that was enrolled.
    pub code: Secret,
}

/// Why there is no answer, as HTTP (RFC 9110, 15.5, 15.6) and as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// One word for programs, as `no-such-grant`.
    pub code: String,
    /// A sentence for people: what is wrong, and what to do.
    pub what: String,
}

impl Fault {
    /// A fault of any kind.
    pub fn new(status: u16, code: &str, what: impl fmt::Display) -> Fault {
        Fault { status, code: code.to_owned(), what: what.to_string() }
    }

    /// The request has not the form that the route asks for, or a value that cannot be.
    pub fn invalid(what: impl fmt::Display) -> Fault {
        Fault::new(400, "invalid", what)
    }

    /// Not let in, or the login is over.
    pub fn unproven(what: impl fmt::Display) -> Fault {
        Fault::new(401, "not-logged-in", what)
    }

    /// Whoever asks may not.
    pub fn forbidden(what: impl fmt::Display) -> Fault {
        Fault::new(403, "forbidden", what)
    }

    /// What it is about is not there.
    pub fn missing(code: &str, what: impl fmt::Display) -> Fault {
        Fault::new(404, code, what)
    }

    /// It does not fit to how things stand now.
    pub fn conflict(code: &str, what: impl fmt::Display) -> Fault {
        Fault::new(409, code, what)
    }

    /// The gate cannot, now.
    pub fn unavailable(what: impl fmt::Display) -> Fault {
        Fault::new(503, "unavailable", what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_a_set() {
        let two = Roles::of(&[Role::Operator, Role::Approver]);
        assert!(two.meet(Roles::of(&[Role::Approver])) && !two.meet(Roles::of(&[Role::Admin])));
        assert_eq!(
            (two.to_string().as_str(), Roles::NONE.to_string().as_str()),
            ("operator, approver", "none")
        );
        assert_eq!(Roles::NONE.with(two), two);
        assert!(!Roles::NONE.meet(Roles::of(&Role::ALL)));
    }

    #[test]
    fn requests_do_not_print_secrets() {
        let body = r#"{"user":"anna","password":"correct horse","code":"123456"}"#;
        let printed = format!("{:?}", Request::Login(serde_json::from_str(body).unwrap()));
        assert!(printed.contains("anna"), "{printed}");
        assert!(!printed.contains("horse") && !printed.contains("123456"), "{printed}");
    }
}
