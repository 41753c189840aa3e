//! The thread that asks the kernel by netlink.
//!
//! The kernel answers under one lock for all network settings (rtnl), which whoever makes or removes
//! interfaces may hold for seconds. Control does not wait for that: it asks, goes on, and takes the answer when
//! it is there. Meanwhile the gate works with what is known, and changes are told by the kernel itself, without
//! that lock (`Watch`).

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use wicketgate_netlink::{Link, Neighbour, Netlink};

/// Questions that wait at most; beyond it they are lost: who is missing is asked for every second.
const QUESTIONS: usize = 16;

/// Seconds without the answer that are cause for alarm.
const SILENT: u32 = 5;

/// A neighbour to be found: the number of its interface, its address.
pub(super) type Target = (u32, Ipv4Addr);

/// What the kernel knows.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) links: Vec<Link>,
    /// By the number of the interface.
    pub(super) addresses: Vec<(u32, Ipv4Addr)>,
    pub(super) neighbours: Vec<Neighbour>,
}

#[derive(Debug)]
struct Question {
    /// Neighbours that the kernel is to find, at most all assets.
    resolve: BTreeSet<Target>,
    /// Whether to tell all that is known.
    look: bool,
}

/// The one look that may be under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Look {
    #[default]
    None,
    Asked,
    /// Something was told since: the answer may be older than that.
    Overtaken,
}

/// Control's end of the thread. Nothing here waits.
pub(super) struct Kernel {
    questions: SyncSender<Question>,
    answers: Receiver<io::Result<Known>>,
    look: Look,
    /// Another look is to be asked for.
    due: bool,
    /// Seconds for which the answer has been due.
    silent: u32,
    is_gone: bool,
}

impl Kernel {
    /// Both ends of a thread that is not made yet.
    pub(super) fn open(kernel: Netlink) -> (Kernel, Responder) {
        let (questions, asked) = sync_channel(QUESTIONS);
        // One look is under way at most, so that an answer always has room.
        let (answer, answers) = sync_channel(1);
        let look = Look::default();
        let control = Kernel { questions, answers, look, due: false, silent: 0, is_gone: false };
        (control, Responder { kernel, asked, answer })
    }

    /// Everything is to be looked at anew.
    pub(super) fn look_again(&mut self) {
        self.due = true;
    }

    /// Something was told that the answer under way may not know.
    pub(super) fn overtake(&mut self) {
        if self.look == Look::Asked {
            self.look = Look::Overtaken;
        }
    }

    /// Has neighbours found, and asks for a look where one is due and none under way.
    pub(super) fn ask(&mut self, resolve: BTreeSet<Target>) {
        let look = self.due && self.look == Look::None;
        if resolve.is_empty() && !look {
            return;
        }
        let sent = self.questions.try_send(Question { resolve, look }).is_ok();
        if look && sent {
            (self.look, self.due) = (Look::Asked, false);
        }
    }

    /// The answer, once it is there; an overtaken one is none.
    pub(super) fn answer(&mut self) -> Option<io::Result<Known>> {
        match self.answers.try_recv() {
            Ok(answer) => {
                self.silent = 0;
                (std::mem::take(&mut self.look) == Look::Asked).then_some(answer)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.is_gone = true;
                None
            }
        }
    }

    /// What is wrong, if anything; to be asked once a second.
    pub(super) fn fault(&mut self) -> Option<String> {
        if self.look != Look::None {
            self.silent = self.silent.saturating_add(1);
        }
        let why = match self.silent {
            _ if self.is_gone => "the thread that asks it has ended: start the gate again",
            SILENT.. => "it has not answered for five seconds",
            _ => return None,
        };
        Some(format!("the kernel's links and neighbours are not looked at: {why}"))
    }
}

/// The thread's end.
pub(super) struct Responder {
    kernel: Netlink,
    asked: Receiver<Question>,
    answer: SyncSender<io::Result<Known>>,
}

impl Responder {
    /// Answers on a thread of its own, for as long as control asks. It may wait in the kernel, so that nobody
    /// waits for its end.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn serve(mut self) -> Result<(), String> {
        let thread = thread::Builder::new().name("netlink".to_owned()).spawn(move || self.run());
        thread.map(drop).map_err(|error| format!("no thread for netlink: {error}"))
    }

    fn run(&mut self) {
        for Question { resolve, look } in &self.asked {
            for (interface, address) in resolve {
                // An interface that is down now is asked again.
                let _ = self.kernel.resolve(interface, address);
            }
            if look && self.answer.send(known(&mut self.kernel)).is_err() {
                return;
            }
        }
    }
}

fn known(kernel: &mut Netlink) -> io::Result<Known> {
    let (links, addresses) = (kernel.links()?, kernel.addresses()?);
    Ok(Known { links, addresses, neighbours: kernel.neighbours()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (Kernel, Responder) {
        Kernel::open(Netlink::open().unwrap())
    }

    fn someone() -> BTreeSet<Target> {
        BTreeSet::from([(7, Ipv4Addr::new(10, 0, 0, 9))])
    }

    /// Answers the next question, which wants a look.
    fn reply(responder: &Responder) {
        assert!(responder.asked.try_iter().any(|question| question.look));
        responder.answer.try_send(Ok(Known::default())).unwrap();
    }

    #[test]
    fn a_thread_that_does_not_answer_holds_nobody_up_and_is_alarmed() {
        let (mut kernel, responder) = open();
        kernel.look_again();
        for second in 0..SILENT {
            assert_eq!(kernel.fault(), None, "second {second}");
            (0..2 * QUESTIONS).for_each(|_| kernel.ask(someone()));
            kernel.look_again();
            assert!(kernel.answer().is_none());
        }
        assert!(kernel.fault().unwrap().contains("not answered for five seconds"));
        let asked: Vec<Question> = responder.asked.try_iter().collect();
        let looks = asked.iter().filter(|question| question.look).count();
        assert_eq!((asked.len(), looks), (QUESTIONS, 1), "bounded, and one look at a time");
        responder.answer.try_send(Ok(Known::default())).unwrap();
        assert!(kernel.answer().unwrap().is_ok());
        assert_eq!(kernel.fault(), None);
        kernel.ask(BTreeSet::new());
        reply(&responder);
    }

    #[test]
    fn an_answer_that_may_be_older_than_what_was_told_is_none() {
        let (mut kernel, responder) = open();
        kernel.look_again();
        kernel.ask(BTreeSet::new());
        kernel.overtake();
        reply(&responder);
        assert!(kernel.answer().is_none());
        kernel.overtake();
        kernel.look_again();
        kernel.ask(BTreeSet::new());
        reply(&responder);
        assert!(kernel.answer().is_some(), "asked after that");
    }

    #[test]
    fn a_question_without_room_is_asked_later() {
        let (mut kernel, responder) = open();
        (0..QUESTIONS).for_each(|_| kernel.ask(someone()));
        kernel.look_again();
        kernel.ask(BTreeSet::new());
        assert_eq!(responder.asked.try_iter().filter(|question| question.look).count(), 0);
        kernel.ask(BTreeSet::new());
        reply(&responder);
    }

    #[test]
    fn a_thread_that_has_ended_is_alarmed() {
        let (mut kernel, responder) = open();
        drop(responder);
        kernel.ask(someone());
        assert!(kernel.answer().is_none());
        assert!(kernel.fault().unwrap().contains("has ended"));
    }

    #[test]
    fn the_kernel_answers() {
        let (mut kernel, responder) = open();
        responder.serve().unwrap();
        kernel.look_again();
        kernel.ask(someone());
        let known = kernel.answers.recv().unwrap().unwrap();
        assert!(known.links.iter().any(|link| link.name == "lo"));
    }
}
