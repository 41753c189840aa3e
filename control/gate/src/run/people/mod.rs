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
//! | `registry` | sessions that are live, and whose they are |
//! | `requests` | what is asked at the control socket |
//! | `told` | logins, grants and sessions as the control socket tells them |
//! | `tunnels` | logins by tunnels, and what their users are told |
//!
//! Invariant: a cut comes before anything is compiled, and nothing here waits for the disk.

mod book;
mod clerk;
mod deeds;
mod effects;
pub(super) mod registry;
mod requests;
mod told;
mod tunnels;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use wicketgate_engine::tables::Side;
use wicketgate_engine::{AssetId, Event, Sessions, Tables};
use wicketgate_identity::access::{Access, Lifetimes, Standing};
use wicketgate_identity::{Authenticator, LoginId, Now, UserId, UserName};
use wicketgate_packet::PortId;
use wicketgate_policy::{Held, Holder, Policy};
use wicketgate_ports::tunnel::mac_of;

use super::clock;
use crate::exit::complain;
use book::Book;
use clerk::Clerk;
use registry::Registry;
pub(super) use tunnels::tell_denied;

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
    /// Logins that no frame belongs to, so far.
    unbound: u64,
    /// The asset of the grant that ended last: its cut comes next.
    ended: Option<Arc<str>>,
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
    /// The last number of its rights, and those of assets on which something was taken back.
    right: u64,
    renewed: BTreeMap<Arc<str>, u64>,
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
            unbound: 0,
            ended: None,
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
    pub(super) fn follow(&mut self, policy: &Policy) {
        self.book = Book::of(policy);
        self.access.reload(&self.book, clock::both());
    }

    /// Takes note of what a worker tells.
    pub(super) fn note(&mut self, tables: &Tables, event: &Event) {
        self.registry.note(tables, event);
    }

    /// Ends whatever is over.
    pub(super) fn tick(&mut self) {
        self.access.tick(clock::both());
    }

    /// Logins of which frames have passed are not idle.
    pub(super) fn see(&mut self) {
        let now = clock::both();
        let People { access, registry, sessions, .. } = self;
        for (id, _, totals) in sessions.list() {
            if let Some(login) = registry.has_moved(id, totals.frames) {
                access.seen(login, now);
            }
        }
    }

    /// What everybody holds now: what tables are compiled from.
    pub(super) fn holders(&self) -> Vec<Holder> {
        let now = clock::both();
        let mut granted: BTreeMap<LoginId, Vec<Held>> = BTreeMap::new();
        for right in self.access.rights(now) {
            let named = (self.book.rule(&right.scope.rule), self.book.asset(&right.scope.asset));
            let (Some(rule), Some(asset)) = named else { continue };
            let (window, until) = (right.window, clock::of(right.until));
            let held = Held { rule, asset: Some(asset), window, until };
            granted.entry(right.login).or_default().push(held);
        }
        let logins = self.access.logins();
        logins.filter_map(|(id, _)| self.holder(id, granted.remove(&id), now)).collect()
    }

    fn holder(&self, id: LoginId, granted: Option<Vec<Held>>, now: Now) -> Option<Holder> {
        let (login, face) = (self.access.login_of(id)?, self.faces.get(&id)?);
        let IpAddr::V4(address) = face.address? else { return None };
        let mut held = granted.unwrap_or_default();
        for (rule, terms) in self.book.standing(&login.roles, now.wall) {
            if let Standing::Until(until) = self.access.standing(id, &terms, now) {
                let until = clock::of(until);
                held.push(Held { rule, asset: None, window: terms.window, until });
            }
        }
        Some(Holder {
            address,
            port: face.port,
            mac: face.tunnel.map(mac_of),
            user: face.user.clone(),
            until: clock::of(login.until),
            held,
            right: registry::first_right(id),
            renewed: self.renewed(face),
        })
    }

    fn renewed(&self, face: &Face) -> BTreeMap<AssetId, u64> {
        let number = |(asset, right): (&Arc<str>, &u64)| Some((self.book.asset(asset)?, *right));
        face.renewed.iter().filter_map(number).collect()
    }

    /// Another number for what a login holds on an asset: what it is given from now on is another right.
    fn renew(&mut self, login: LoginId, asset: &Arc<str>) {
        if let Some(face) = self.faces.get_mut(&login) {
            face.right += 1;
            face.renewed.insert(asset.clone(), face.right);
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
