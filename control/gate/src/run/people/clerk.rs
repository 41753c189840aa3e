//! The thread that has the store: it proves people and changes users, while control goes on.
//!
//! A proof costs an argon2id (some 20 ms) and every change a write to the disk, which may be full, slow or
//! gone: nothing of that is control's to wait for.

use std::mem::ManuallyDrop;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;

use wicketgate_identity::{Attempt, Authenticator, Monotonic, Outcome, Password, Thumbprint};

use crate::api::desk::{Answer, Ask, WAITING};
use crate::api::model::Request;
use crate::api::secret::Secret;
use crate::run::clock;
use crate::users::{self, Change};

/// Words to control that wait at most.
const WORDS: usize = 256;

/// What the thread has to say.
#[derive(Debug)]
pub(super) enum Word {
    /// Somebody tried to prove who they are.
    Attempt(Box<(Ask, Outcome)>),
    /// The store was asked or changed.
    Stored(Box<(Ask, Answer, Option<Change>)>),
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
            // Never dropped, not by a panic either: SQLite would tidy up its files, and for that call the
            // sandbox would end the gate. The next opening does it.
            let mut desk = ManuallyDrop::new(Desk { authenticator, say });
            desk.serve(&asked);
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

/// The thread's end.
struct Desk {
    authenticator: Authenticator,
    say: SyncSender<Word>,
}

impl Desk {
    /// Works until nobody asks or listens any more.
    fn serve(&mut self, asked: &Receiver<(Ask, Option<String>)>) {
        for (ask, user) in asked {
            let word = self.work(ask, user);
            if self.say.send(word).is_err() {
                return;
            }
        }
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
            Request::StepUpTunnel(step) => {
                let (user, proof) = (user.unwrap_or_default(), &step.proof);
                (user, Some(step.peer.ip()), &proof.password, &proof.code)
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
        Word::Stored(Box::new((ask, answer, change)))
    }
}

/// The thumbprint of the certificate that was shown.
fn certificate(request: &Request) -> Option<Thumbprint> {
    match request {
        Request::OpenTunnel(open) => open.certificate.as_deref().map(Thumbprint::of),
        _ => None,
    }
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
