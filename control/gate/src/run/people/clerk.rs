//! The thread that has the store: it proves people and changes users, while control goes on.
//!
//! A proof costs an argon2id (some 20 ms) and every change a write to the disk, which may be full, slow or
//! gone: nothing of that is control's to wait for.

use std::collections::HashMap;
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel,
};
use std::thread::JoinHandle;
use std::time::Duration;

use wicketgate_identity::{
    Attempt, Authenticator, Monotonic, Outcome, Password, Store, StoreError, Thumbprint, User,
    UserId,
};

use crate::api::desk::{Answer, Ask, WAITING};
use crate::api::model::Request;
use crate::api::secret::Secret;
use crate::run::clock;
use crate::users::{self, Change, What};

/// Between two looks whether somebody beside the gate has changed the store.
const LOOK: Duration = Duration::from_millis(250);

/// Words to control that wait at most.
const WORDS: usize = 256;

/// What the thread has to say.
#[derive(Debug)]
pub(super) enum Word {
    /// Somebody tried to prove who they are.
    Attempt(Box<(Ask, Outcome)>),
    /// The store was asked or changed.
    Stored(Box<(Ask, Answer, Option<Change>)>),
    /// Somebody beside the gate changed the store.
    Beside(Change),
}

/// Control's end of the thread.
#[derive(Debug)]
pub(super) struct Clerk {
    asks: SyncSender<(Ask, Option<String>)>,
    words: Receiver<Word>,
    thread: JoinHandle<()>,
}

impl Clerk {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread can be made.
    pub(super) fn start(authenticator: Authenticator) -> std::io::Result<Clerk> {
        let (asks, asked) = sync_channel(WAITING);
        let (say, words) = sync_channel(WORDS);
        let thread = std::thread::Builder::new().name("identity".to_owned());
        let thread = thread.spawn(move || {
            let mut desk = Desk { authenticator, say, known: None };
            desk.serve(&asked);
            // SQLite would tidy up its files, which the sandbox forbids; the next opening does.
            std::mem::forget(desk);
        })?;
        Ok(Clerk { asks, words, thread })
    }

    /// Hands a request on, with the user of the login that is to prove more; it comes back where too many
    /// wait.
    pub(super) fn hand_on(&self, ask: Ask, user: Option<String>) -> Result<(), Box<Ask>> {
        self.asks.try_send((ask, user)).map_err(|refused| match refused {
            TrySendError::Full((ask, _)) | TrySendError::Disconnected((ask, _)) => Box::new(ask),
        })
    }

    /// What it has to say next; `Err` once it is gone.
    pub(super) fn word(&self) -> Result<Option<Word>, ()> {
        match self.words.try_recv() {
            Ok(word) => Ok(Some(word)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(()),
        }
    }

    /// Has it finish what it is at, and end.
    pub(super) fn stop(self) {
        let Clerk { asks, words, thread } = self;
        drop((asks, words));
        let _ = thread.join();
    }
}

/// The mark of the store, and its users.
type Seen = (i64, HashMap<UserId, User>);

/// The thread's end.
struct Desk {
    authenticator: Authenticator,
    say: SyncSender<Word>,
    /// The users as they were seen last, and the mark of the store then.
    known: Option<Seen>,
}

impl Desk {
    fn serve(&mut self, asked: &Receiver<(Ask, Option<String>)>) {
        let _ = self.look();
        loop {
            let said = match asked.recv_timeout(LOOK) {
                Ok((ask, user)) => {
                    let word = self.work(ask, user);
                    self.say(word)
                }
                Err(RecvTimeoutError::Timeout) => Some(()),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if said.and_then(|()| self.look()).is_none() {
                return;
            }
        }
    }

    /// `None` once nobody listens.
    fn say(&self, word: Word) -> Option<()> {
        self.say.send(word).ok()
    }

    fn work(&mut self, ask: Ask, user: Option<String>) -> Word {
        let (user, source, password, code) = match &ask.request {
            Request::Login(shown) => {
                (shown.user.clone(), shown.source, &shown.password, &shown.code)
            }
            Request::OpenTunnel(open) => {
                let shown = &open.shown;
                (shown.user.clone(), Some(open.peer.ip()), &shown.password, &shown.code)
            }
            Request::StepUp { proof, .. } => {
                (user.unwrap_or_default(), None, &proof.password, &proof.code)
            }
            _ => return self.store(ask),
        };
        let password = password.as_ref().map(|text| Password::new(text.expose().to_owned()));
        let attempt = Attempt {
            user: &user,
            source: source.unwrap_or(std::net::Ipv4Addr::LOCALHOST.into()),
            password: password.as_ref(),
            code: code.as_ref().map(Secret::expose),
            certificate: certificate(&ask.request),
        };
        let outcome = self.authenticator.authenticate(&attempt, clock::both());
        Word::Attempt(Box::new((ask, outcome)))
    }

    fn store(&mut self, ask: Ask) -> Word {
        let store = self.authenticator.store();
        let (answer, change) = users::execute(store, &ask.request, clock::both());
        if let (Some(change), Some((_, known))) = (&change, &mut self.known) {
            // So that it is not told again as somebody else's.
            match store.user_by_id(change.user) {
                Ok(user) => drop(known.insert(change.user, user)),
                Err(_) => drop(known.remove(&change.user)),
            }
        }
        Word::Stored(Box::new((ask, answer, change)))
    }

    /// Tells control what others have changed; `None` once nobody listens. A store that cannot be read now
    /// is looked at again.
    fn look(&mut self) -> Option<()> {
        let seen = self.known.as_ref().map(|(mark, _)| *mark);
        let Ok(Some((mark, users))) = changed(self.authenticator.store(), seen) else {
            return Some(());
        };
        let before = self.known.replace((mark, users));
        let (Some((_, before)), Some((_, after))) = (before, &self.known) else { return Some(()) };
        let changes = differences(&before, after);
        changes.into_iter().try_for_each(|change| self.say(Word::Beside(change)))
    }
}

/// The thumbprint of the certificate that was shown.
fn certificate(request: &Request) -> Option<Thumbprint> {
    match request {
        Request::OpenTunnel(open) => open.certificate.as_deref().map(Thumbprint::of),
        _ => None,
    }
}

/// The users, where another process has written since the store had this mark.
fn changed(store: &Store, seen: Option<i64>) -> Result<Option<Seen>, StoreError> {
    let mark = store.mark()?;
    if seen == Some(mark) {
        return Ok(None);
    }
    let users = store.users()?.into_iter().map(|user| (user.id, user)).collect();
    Ok(Some((mark, users)))
}

/// What became otherwise.
fn differences(before: &HashMap<UserId, User>, after: &HashMap<UserId, User>) -> Vec<Change> {
    let change = |user: &User, what| Change { user: user.id, name: user.name.to_string(), what };
    let gone = before.values().filter(|user| !after.contains_key(&user.id));
    let mut changes: Vec<Change> = gone.map(|user| change(user, What::Removed)).collect();
    for user in after.values() {
        match before.get(&user.id) {
            None => changes.push(change(user, What::Added)),
            Some(old) => changes.extend(otherwise(old, user).into_iter().map(|w| change(user, w))),
        }
    }
    changes
}

fn otherwise(old: &User, new: &User) -> Vec<What> {
    let mut all = Vec::new();
    match (old.disabled, new.disabled) {
        (false, true) => all.push(What::Disabled),
        (true, false) => all.push(What::Enabled),
        _ => {}
    }
    if old.roles != new.roles {
        all.push(What::Roles(new.roles.clone()));
    }
    let factors = [
        ("password", old.has_password, new.has_password),
        ("totp", old.has_totp, new.has_totp),
        ("certificate", old.certificates > 0, new.certificates > 0),
    ];
    all.extend(factors.into_iter().filter_map(|(name, had, has)| match (had, has) {
        (true, false) => Some(What::Reset(name)),
        (false, true) => Some(What::Enrolled(name)),
        _ => None,
    }));
    all
}

/// An authenticator over the gate's store.
///
/// # Errors
/// Why there are no people.
pub(super) fn authenticator(state_dir: &std::path::Path) -> Result<Authenticator, String> {
    let store = crate::identity::open(state_dir)?;
    let now: Monotonic = clock::both().monotonic;
    Authenticator::new(store, now).map_err(|error| error.to_string())
}
