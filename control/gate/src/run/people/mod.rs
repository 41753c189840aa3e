//! People in the running gate: who is logged in, what they may use now, and what takes it back.
//!
//! ```text
//!   control socket --ask--> control --login, store--> clerk (a thread: argon2, SQLite)
//!                              |  ^--------word---------'
//!                              v
//!                           Access -> effects: cut (Sessions::revoke), audit, tables
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `book` | the policy's rules, as access asks for them |
//! | `clerk` | the thread that has the store |
//! | `deeds` | what happened, as the audit tells it |
//! | `effects` | what access wants done, done |
//! | `refusals` | what users of tunnels are told of what was refused, and what they can do about it |
//! | `registry` | sessions that are live, and whose they are |
//! | `requests` | what is asked at the control socket |
//! | `told` | logins, grants and sessions as the control socket tells them |
//! | `tunnels` | logins by tunnels, and what becomes of what their users ask for |
//!
//! Invariant: a cut comes before anything is compiled, and nothing here waits for the disk.

mod book;
mod clerk;
mod deeds;
mod effects;
mod refusals;
pub(super) mod registry;
mod requests;
mod told;
mod tunnels;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use wicketgate_engine::tables::Side;
use wicketgate_engine::{AssetId, Event, EventKind, Operations, SessionId, Sessions, Tables};
use wicketgate_identity::access::{
    Access, Binding, End, GrantId, Lifetimes, LoginError, Right, Standing,
};
use wicketgate_identity::{Authenticated, Authenticator, LoginId, Now, UserId, UserName};
use wicketgate_packet::PortId;
use wicketgate_policy::{Held, Holder, Policy};
use wicketgate_ports::tunnel::mac_of;

use super::clock;
use crate::exit::complain;
use crate::users::{Change, What};
use book::Book;
use clerk::Clerk;
use registry::Registry;

/// Logins and what comes of them.
pub(super) struct People {
    access: Access,
    book: Book,
    registry: Registry,
    /// What is known of a login until its end has been told.
    faces: BTreeMap<LoginId, Face>,
    /// Users that have been named.
    names: BTreeMap<UserId, UserName>,
    /// `None`: nobody logs in.
    clerk: Option<Clerk>,
    /// The store, until the thread is made.
    authenticator: Option<Authenticator>,
    sessions: Arc<Sessions>,
    /// The epoch of the tables in force.
    epoch: u32,
    /// Logins that no frame belongs to, so far.
    unbound: u64,
    /// Whose doing it is, what is happening now.
    acting: Option<String>,
}

/// Who a login is, for the tables and for the audit.
#[derive(Clone, Debug)]
struct Face {
    user: String,
    address: Option<IpAddr>,
    /// The only port that its frames may come in by.
    port: Option<PortId>,
    /// The tunnel by which they come, by its number.
    tunnel: Option<u32>,
    /// The number of its rights, and those of assets on which something was taken back since.
    right: u64,
    renewed: BTreeMap<Arc<str>, u64>,
    /// The last of these numbers.
    last: u64,
    /// Its end, once that was told; something of it may drain.
    over: Option<End>,
}

impl Face {
    /// That of somebody whom no frame belongs to.
    fn of(proven: &Authenticated) -> Face {
        Face {
            user: proven.user().name.to_string(),
            address: None,
            port: None,
            tunnel: None,
            right: 0,
            renewed: BTreeMap::new(),
            last: 0,
            over: None,
        }
    }
}

impl People {
    /// Nobody is logged in. The store is opened now, before files are fenced; without one the gate runs
    /// on, for machines.
    pub(super) fn open(policy: &Policy, sessions: Arc<Sessions>) -> People {
        let authenticator = match policy.gate().state_dir().map(clerk::authenticator) {
            None => {
                complain("no state_dir in [gate]: nobody can log in");
                None
            }
            Some(Err(what)) => {
                complain(format_args!("{what}; nobody can log in until the gate starts again"));
                None
            }
            Some(Ok(authenticator)) => Some(authenticator),
        };
        People {
            access: Access::new(Lifetimes::default()),
            book: Book::of(policy),
            registry: Registry::default(),
            faces: BTreeMap::new(),
            names: BTreeMap::new(),
            clerk: None,
            authenticator,
            sessions,
            epoch: 0,
            unbound: 0,
            acting: None,
        }
    }

    /// Makes the thread that has the store.
    pub(super) fn start(&mut self) {
        let Some(authenticator) = self.authenticator.take() else { return };
        match Clerk::start(authenticator) {
            Ok(clerk) => self.clerk = Some(clerk),
            Err(error) => complain(format_args!("nobody can log in: no thread: {error}")),
        }
    }

    /// Ends the thread that has the store.
    pub(super) fn stop(&mut self) {
        if let Some(clerk) = self.clerk.take() {
            clerk.stop();
        }
    }

    /// The policy in force is another.
    pub(super) fn follow(&mut self, policy: &Policy, now: Now) {
        self.book = Book::of(policy);
        self.access.reload(&self.book, now);
    }

    /// Somebody has proven who they are: a login from this address, or, without one, of frames that are
    /// still to come.
    fn log_in(
        &mut self,
        source: Option<IpAddr>,
        proven: &Authenticated,
        policy: &Policy,
        now: Now,
    ) -> Result<LoginId, LoginError> {
        let binding = match source {
            Some(address) => Binding::Address(address),
            None => {
                self.unbound += 1;
                Binding::Tunnel(self.unbound)
            }
        };
        let port = match source {
            Some(IpAddr::V4(address)) => port_of(policy, address),
            _ => None,
        };
        let face = Face { address: source, port, ..Face::of(proven) };
        self.admit(proven, binding, face, now)
    }

    /// Makes the login whose face this is.
    fn admit(
        &mut self,
        proven: &Authenticated,
        binding: Binding,
        face: Face,
        now: Now,
    ) -> Result<LoginId, LoginError> {
        let id = self.access.login(proven, binding, now)?;
        let right = registry::first_right(id);
        self.faces.insert(id, Face { right, last: right, ..face });
        Ok(id)
    }

    /// A login has proven more, or anew.
    fn step_up(
        &mut self,
        id: LoginId,
        proven: &Authenticated,
        now: Now,
    ) -> Result<LoginId, LoginError> {
        self.access.step_up(id, proven, &self.book, now).map(|()| id)
    }

    /// A user was changed: what rests on what is no more, ends.
    fn user_changed(&mut self, change: &Change, now: Now) {
        match &change.what {
            What::Removed | What::Disabled | What::Reset(_) => {
                self.access.user_disabled(change.user, None, now);
            }
            What::Roles(roles) => {
                self.access.roles_changed(change.user, roles, &self.book, None, now);
            }
            What::Added | What::Enabled | What::Unlocked | What::Enrolled(_) => {}
        }
    }

    /// Tables of this epoch are in force.
    pub(super) fn in_force(&mut self, epoch: u32) {
        self.epoch = epoch;
    }

    /// Takes note of what a worker tells. A session that began by what had just been taken back ends.
    pub(super) fn note(&mut self, tables: &Tables, event: &Event) {
        self.registry.note(tables, event);
        match event.kind {
            EventKind::OperationStart { grant } => self.access.operation_begun(GrantId(grant)),
            EventKind::OperationEnd { grant } => self.access.operation_ended(GrantId(grant)),
            _ => {}
        }
        let id = SessionId(event.session);
        let began = matches!(event.kind, EventKind::SessionStart);
        if let Some(session) = self.registry.get(id).filter(|_| began)
            && let Some(login) = session.login
            && self.right_on(login, &session.asset) != Some(session.right)
        {
            self.sessions.revoke(id);
        }
    }

    /// Ends whatever is over.
    pub(super) fn tick(&mut self, now: Now) {
        self.access.tick(now);
    }

    /// Logins of which frames have passed are not idle.
    pub(super) fn see(&mut self, now: Now) {
        let People { access, registry, sessions, .. } = self;
        for (id, _, totals) in sessions.list() {
            if let Some(login) = registry.has_moved(id, totals.frames) {
                access.seen(login, now);
            }
        }
    }

    /// What everybody holds now: what tables are compiled from.
    pub(super) fn holders(&self, now: Now) -> Vec<Holder> {
        let mut granted: BTreeMap<LoginId, Vec<Held>> = BTreeMap::new();
        for right in self.access.rights(now) {
            if let Some(held) = self.held(&right) {
                granted.entry(right.login).or_default().push(held);
            }
        }
        let logins = self.access.logins().map(|(id, _)| (id, granted.remove(&id)));
        let mut all: Vec<Holder> = logins
            .filter_map(|(id, held)| self.holder(id, held.unwrap_or_default(), now))
            .collect();
        // Logins that are over, in which something drains: behind whoever has the address now.
        all.extend(granted.into_iter().filter_map(|(id, held)| self.holder(id, held, now)));
        all
    }

    /// What a grant gives.
    fn held(&self, right: &Right<'_>) -> Option<Held> {
        let (grant, takes, drain) = (right.grant.0, right.operation, right.drain);
        let said = !takes.is_zero() || !drain.is_zero();
        Some(Held {
            rule: self.book.rule(&right.scope.rule)?,
            asset: Some(self.book.asset(&right.scope.asset)?),
            window: right.window,
            until: clock::of(right.until),
            operations: said.then_some(Operations { grant, takes, drain }),
        })
    }

    fn holder(&self, id: LoginId, mut held: Vec<Held>, now: Now) -> Option<Holder> {
        let (login, face) = (self.access.login_of(id), self.faces.get(&id)?);
        let Some(IpAddr::V4(address)) = face.address else { return None };
        for (rule, terms) in login.iter().flat_map(|l| self.book.standing(&l.roles, now.wall)) {
            if let Standing::Until(until) = self.access.standing(id, &terms, now) {
                let (window, until) = (terms.window, clock::of(until));
                held.push(Held { rule, asset: None, window, until, operations: None });
            }
        }
        let over = |held: &Held| held.until + held.operations.map_or(Duration::ZERO, |o| o.drain);
        let ends = held.iter().map(over).chain(login.map(|login| clock::of(login.until)));
        Some(Holder {
            address,
            port: face.port,
            mac: face.tunnel.map(mac_of),
            user: face.user.clone(),
            until: ends.max()?,
            held,
            right: face.right,
            renewed: self.renewed(face),
        })
    }

    fn renewed(&self, face: &Face) -> BTreeMap<AssetId, u64> {
        let number = |(asset, right): (&Arc<str>, &u64)| Some((self.book.asset(asset)?, *right));
        face.renewed.iter().filter_map(number).collect()
    }

    /// The number of what a login holds on an asset; `None` where it is over.
    fn right_on(&self, login: LoginId, asset: &str) -> Option<u64> {
        let face = self.faces.get(&login)?;
        Some(face.renewed.get(asset).copied().unwrap_or(face.right))
    }

    /// Another number for what a login holds on an asset: what it is given from now on is another right.
    fn renew(&mut self, login: LoginId, asset: &Arc<str>) {
        if let Some(face) = self.faces.get_mut(&login) {
            face.last += 1;
            face.renewed.insert(asset.clone(), face.last);
        }
    }

    /// Whose doing it is, what is happening now.
    pub(super) fn acting(&self) -> Option<&str> {
        self.acting.as_deref()
    }

    /// The login of a tunnel.
    pub(super) fn in_tunnel(&self, tunnel: u32) -> Option<LoginId> {
        let mut faces = self.faces.iter();
        faces.find(|(_, face)| face.tunnel == Some(tunnel)).map(|(login, _)| *login)
    }

    /// The name of a user.
    fn name(&self, user: UserId) -> Option<&str> {
        self.names.get(&user).map(UserName::as_str)
    }
}

/// The port by which the frames of a login from this address come, if one lets people log in so.
fn port_of(policy: &Policy, address: Ipv4Addr) -> Option<PortId> {
    let fits = |port: &wicketgate_policy::Port| {
        let near = port.address.is_none_or(|net| net.contains(address) && net.address != address);
        port.cleartext_logins && port.side != Side::Underlay && near
    };
    policy.ports().iter().zip((0..).map(PortId)).find(|(port, _)| fits(port)).map(|(_, id)| id)
}
