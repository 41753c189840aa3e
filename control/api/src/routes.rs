//! Every route: who may use it, what it takes, what it gives. The router, the roles and the OpenAPI
//! document are made of this one table.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use crate::model::{
    Arm, Code, Credentials, Denial, Fault, GrantRequest, LoginNumber, NewCertificate, NewPassword,
    NewRoles, NewUser, Proof, Request, Role, Roles,
};
use crate::reply;

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Does, or makes.
    Post,
    /// Puts in place of what is there.
    Put,
    /// Takes away.
    Delete,
}

impl Method {
    /// The word for it (RFC 9110, 9.3).
    pub const fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// How a type is described.
type Describe = fn(&mut SchemaGenerator) -> Schema;

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path; `{id}` is a number, `{name}` and `{factor}` are words.
    pub path: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Whoever has one of these roles may use it.
    pub roles: Roles,
    /// Whether the token of a login must be shown.
    pub login: bool,
    /// What it takes.
    pub body: Option<Describe>,
    /// What it gives.
    pub reply: Describe,
    /// Whether that is Prometheus' text rather than JSON.
    pub text: bool,
    /// The request it becomes.
    pub request: fn(&Parts<'_>) -> Result<Request, Fault>,
}

/// What a request is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'r> {
    /// The variable parts of the path, in order.
    pub path: &'r [String],
    /// The login whose token was shown: 0, which is none's, where the route asks for no token.
    pub login: LoginNumber,
    /// The body as it came.
    pub body: &'r [u8],
}

impl Parts<'_> {
    fn word(&self) -> String {
        self.path.first().cloned().unwrap_or_default()
    }

    fn id(&self) -> Result<u64, Fault> {
        let word = self.word();
        word.parse().map_err(|_| Fault::invalid(format_args!("`{word}` is not a number")))
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(self.body)
            .map_err(|error| Fault::invalid(format_args!("the body does not fit: {error}")))
    }

    /// The same of a body that holds a secret: nothing of it is repeated, where it goes wrong is said by its
    /// place alone. What was typed as a number or as a name may be the secret.
    fn secret_json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Fault::invalid(format_args!("the body does not fit at line {line}, column {column}"))
        })
    }
}

const ADMIN: Roles = Roles::of(&[Role::Admin]);
const RUNS: Roles = Roles::of(&[Role::Admin, Role::Operator]);
const SEES: Roles = Roles::of(&[Role::Admin, Role::Operator, Role::Auditor]);
const SEES_USERS: Roles = Roles::of(&[Role::Admin, Role::Auditor]);
const APPROVES: Roles = Roles::of(&[Role::Admin, Role::Approver]);
const LOGS_IN: Roles = Roles::of(&[Role::Admin, Role::Operator, Role::Approver]);
/// Whoever has any role.
pub(crate) const ANY: Roles = Roles::of(&Role::ALL);

/// How `T` is described.
fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const fn get<T: JsonSchema>(
    path: &'static str,
    summary: &'static str,
    roles: Roles,
    request: fn(&Parts<'_>) -> Result<Request, Fault>,
) -> Route {
    Route {
        method: Method::Get,
        path,
        summary,
        roles,
        login: false,
        body: None,
        reply: of::<T>,
        text: false,
        request,
    }
}

const fn post<T: JsonSchema>(
    path: &'static str,
    summary: &'static str,
    roles: Roles,
    request: fn(&Parts<'_>) -> Result<Request, Fault>,
) -> Route {
    Route { method: Method::Post, ..get::<T>(path, summary, roles, request) }
}

const fn delete(
    path: &'static str,
    summary: &'static str,
    roles: Roles,
    request: fn(&Parts<'_>) -> Result<Request, Fault>,
) -> Route {
    Route { method: Method::Delete, ..get::<reply::Done>(path, summary, roles, request) }
}

const fn put(
    path: &'static str,
    summary: &'static str,
    roles: Roles,
    request: fn(&Parts<'_>) -> Result<Request, Fault>,
) -> Route {
    Route { method: Method::Put, ..get::<reply::Done>(path, summary, roles, request) }
}

impl Route {
    /// Takes a body of this form.
    const fn takes<T: JsonSchema>(self) -> Route {
        Route { body: Some(of::<T>), ..self }
    }

    /// Gives text.
    const fn as_text(self) -> Route {
        Route { text: true, ..self }
    }

    /// Is done by a login, whose token must be shown.
    const fn by_login(self) -> Route {
        Route { login: true, ..self }
    }
}

/// All routes.
pub const ROUTES: &[Route] = &[
    // People prove themselves.
    post::<reply::LoggedIn>("/v1/logins", "Log in", LOGS_IN, |parts| {
        Ok(Request::Login(parts.secret_json()?))
    })
    .takes::<Credentials>(),
    get::<Vec<reply::Login>>("/v1/logins", "List logins", SEES, |_| Ok(Request::Logins)),
    delete("/v1/logins/{id}", "Revoke a login: its sessions end at once", RUNS, |parts| {
        Ok(Request::RevokeLogin { id: parts.id()? })
    }),
    post::<reply::Login>("/v1/login/proof", "Prove factors anew (step-up)", LOGS_IN, |parts| {
        Ok(Request::StepUp { login: parts.login, proof: parts.secret_json()? })
    })
    .takes::<Proof>()
    .by_login(),
    delete("/v1/login", "Log out", LOGS_IN, |parts| Ok(Request::Logout { login: parts.login }))
        .by_login(),
    // What they were given.
    get::<Vec<reply::Grant>>("/v1/grants", "List grants and requests", ANY, |_| {
        Ok(Request::Grants)
    }),
    post::<reply::Grant>("/v1/grants", "Ask for a grant", LOGS_IN, |parts| {
        Ok(Request::RequestGrant { login: parts.login, wanted: parts.json()? })
    })
    .takes::<GrantRequest>()
    .by_login(),
    post::<reply::Done>("/v1/grants/{id}/approve", "Approve a request", APPROVES, |parts| {
        Ok(Request::Approve { login: parts.login, grant: parts.id()? })
    })
    .by_login(),
    post::<reply::Done>("/v1/grants/{id}/deny", "Deny a request", APPROVES, |parts| {
        let Denial { reason } = parts.json()?;
        Ok(Request::Deny { login: parts.login, grant: parts.id()?, reason })
    })
    .takes::<Denial>()
    .by_login(),
    post::<reply::Done>("/v1/grants/{id}/give-back", "Give a grant back", LOGS_IN, |parts| {
        Ok(Request::GiveBack { login: parts.login, grant: parts.id()? })
    })
    .by_login(),
    delete("/v1/grants/{id}", "Revoke a grant: its sessions end at once", RUNS, |parts| {
        Ok(Request::RevokeGrant { grant: parts.id()? })
    }),
    // Break-glass.
    get::<Vec<reply::Armed>>("/v1/break-glass", "List what is armed", ANY, |_| {
        Ok(Request::BreakGlass)
    }),
    post::<reply::Armed>(
        "/v1/break-glass",
        "Arm break-glass for a rule and a role",
        ADMIN,
        |parts| Ok(Request::ArmBreakGlass { login: parts.login, arm: parts.json()? }),
    )
    .takes::<Arm>()
    .by_login(),
    post::<reply::Grant>("/v1/break-glass/use", "Break the glass: an alarm", LOGS_IN, |parts| {
        Ok(Request::UseBreakGlass { login: parts.login, wanted: parts.json()? })
    })
    .takes::<GrantRequest>()
    .by_login(),
    delete("/v1/break-glass/{id}", "Disarm: grants by it end at once", ADMIN, |parts| {
        Ok(Request::DisarmBreakGlass { login: parts.login, id: parts.id()? })
    })
    .by_login(),
    // Users.
    get::<Vec<reply::User>>("/v1/users", "List users", SEES_USERS, |_| Ok(Request::Users)),
    post::<reply::User>("/v1/users", "Add a user, who has no factor yet", ADMIN, |parts| {
        Ok(Request::AddUser(parts.json()?))
    })
    .takes::<NewUser>(),
    delete("/v1/users/{name}", "Remove a user", ADMIN, |parts| {
        Ok(Request::RemoveUser { name: parts.word() })
    }),
    put("/v1/users/{name}/roles", "Give a user these roles", ADMIN, |parts| {
        let NewRoles { roles } = parts.json()?;
        Ok(Request::SetRoles { name: parts.word(), roles })
    })
    .takes::<NewRoles>(),
    put("/v1/users/{name}/disabled", "Disable a user: logged out at once", ADMIN, |parts| {
        Ok(Request::SetDisabled { name: parts.word(), disabled: true })
    }),
    delete("/v1/users/{name}/disabled", "Enable a user again", ADMIN, |parts| {
        Ok(Request::SetDisabled { name: parts.word(), disabled: false })
    }),
    delete("/v1/users/{name}/lock", "Unlock a user after too many failures", ADMIN, |parts| {
        Ok(Request::Unlock { name: parts.word() })
    }),
    put("/v1/users/{name}/password", "Enrol a first password", ADMIN, |parts| {
        let NewPassword { password } = parts.secret_json()?;
        Ok(Request::SetPassword { name: parts.word(), password })
    })
    .takes::<NewPassword>(),
    post::<reply::Enrolment>("/v1/users/{name}/totp", "Enrol a TOTP device", ADMIN, |parts| {
        Ok(Request::EnrolTotp { name: parts.word() })
    }),
    post::<reply::Done>("/v1/users/{name}/totp/confirm", "Confirm it by a code", ADMIN, |parts| {
        let Code { code } = parts.secret_json()?;
        Ok(Request::ConfirmTotp { name: parts.word(), code })
    })
    .takes::<Code>(),
    post::<Vec<crate::secret::Secret>>(
        "/v1/users/{name}/recovery-codes",
        "Make new recovery codes; older ones are void",
        ADMIN,
        |parts| Ok(Request::NewRecoveryCodes { name: parts.word() }),
    ),
    post::<reply::Done>(
        "/v1/users/{name}/certificates",
        "Enrol a client certificate by its thumbprint",
        ADMIN,
        |parts| Ok(Request::EnrolCertificate { name: parts.word(), new: parts.json()? }),
    )
    .takes::<NewCertificate>(),
    delete("/v1/users/{name}/factors/{factor}", "Reset a factor", ADMIN, |parts| {
        let factor = parts.path.get(1).cloned().unwrap_or_default();
        Ok(Request::ResetFactor { name: parts.word(), factor })
    }),
    // What is going on.
    get::<Vec<reply::Session>>("/v1/sessions", "List sessions", SEES, |_| Ok(Request::Sessions)),
    delete("/v1/sessions/{id}", "Revoke a session: its next frame is refused", RUNS, |parts| {
        Ok(Request::RevokeSession { id: parts.id()? })
    }),
    get::<Vec<reply::Asset>>("/v1/assets", "List assets", ANY, |_| Ok(Request::Assets)),
    get::<reply::Policy>("/v1/policy", "Show the policy in force", SEES, |_| {
        Ok(Request::PolicyShow)
    }),
    post::<reply::Done>("/v1/policy/reload", "Read the policy file again", ADMIN, |_| {
        Ok(Request::Reload)
    }),
    get::<reply::Stats>("/v1/stats", "Count", SEES, |_| Ok(Request::Stats)),
    get::<String>("/v1/metrics", "The same for Prometheus", SEES, |_| Ok(Request::Stats)).as_text(),
];
