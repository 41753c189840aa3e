//! The gate's end of the first stream, as a state machine: no clock, no I/O.
//!
//! ```text
//!   greeting --hello--> asking --log in--> proving --admitted--> open
//!                         ^                   |            |  ^
//!                         '----- refused -----'      step up, ask
//!                     three times, then the tunnel ends
//! ```

use crate::end::{Code, End};
use crate::message::{Admitted, Credentials, Proof, Refused, ToGate, ToUser, VERSION, Wanted};

/// Attempts to log in by one connection. Whoever is wrong that often begins anew, and waits as long as the
/// gate's delays say.
pub const ATTEMPTS: u8 = 3;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Greeting,
    Asking,
    Proving,
    Open,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Say this.
    Say(ToUser),
    /// Have this proven; the answer goes to [`Dialog::answer`].
    Prove(Credentials),
    /// Have this answered; packets flow meanwhile.
    Ask(Question),
    /// End the tunnel.
    End(End),
}

/// What somebody who is logged in asks of the gate.
#[derive(Debug, PartialEq, Eq)]
pub enum Question {
    /// To take these proofs.
    StepUp(Proof),
    /// For a grant.
    Grant(Wanted),
}

/// The gate's end.
#[derive(Debug)]
pub struct Dialog {
    state: State,
    attempts: u8,
}

impl Default for Dialog {
    fn default() -> Dialog {
        Dialog { state: State::Greeting, attempts: 0 }
    }
}

impl Dialog {
    /// The user's end has said something.
    pub fn hear(&mut self, message: ToGate) -> Step {
        match (self.state, message) {
            (_, ToGate::Bye) => Step::End(End::new(Code::Bye, "logged out")),
            (State::Greeting, ToGate::Hello { version: VERSION, .. }) => {
                self.state = State::Asking;
                Step::Say(ToUser::Hello { version: VERSION })
            }
            (State::Greeting, ToGate::Hello { version, .. }) => {
                let why = format!("the gate speaks version {VERSION}, not {version}");
                Step::End(End::new(Code::Version, why))
            }
            (State::Asking, ToGate::LogIn(shown)) => {
                self.state = State::Proving;
                self.attempts += 1;
                Step::Prove(shown)
            }
            (State::Open, ToGate::StepUp(proof)) => Step::Ask(Question::StepUp(proof)),
            (State::Open, ToGate::Ask(wanted)) => Step::Ask(Question::Grant(wanted)),
            _ => Step::End(End::protocol("a message that is out of turn")),
        }
    }

    /// What came of an attempt, for the user; and the end, if it was the last.
    pub fn answer(&mut self, outcome: Result<Admitted, Refused>) -> (ToUser, Option<End>) {
        match outcome {
            Ok(admitted) => {
                self.state = State::Open;
                (ToUser::Admitted(admitted), None)
            }
            Err(refused) => {
                self.state = State::Asking;
                let last = self.attempts >= ATTEMPTS;
                let end = last.then(|| End::new(Code::Refused, "too many attempts"));
                (ToUser::Refused(refused), end)
            }
        }
    }

    /// Whether packets may flow.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn hello(version: u16) -> ToGate {
        ToGate::Hello { version, program: String::new() }
    }

    fn log_in() -> ToGate {
        ToGate::LogIn(Credentials { user: "anna".to_owned(), password: None, code: None })
    }

    fn step_up() -> ToGate {
        ToGate::StepUp(Proof { password: None, code: None })
    }

    fn refused() -> Result<Admitted, Refused> {
        Err(Refused { what: "no".to_owned(), wait: None })
    }

    fn admitted() -> Result<Admitted, Refused> {
        let (address, overlay) = (Ipv4Addr::LOCALHOST, (Ipv4Addr::UNSPECIFIED, 16));
        let (login, mtu, left, user) = (1, 1280, 60, String::new());
        let (proven, assets) = (Vec::new(), Vec::new());
        Ok(Admitted { login, user, address, overlay, mtu, left, proven, assets })
    }

    fn asking() -> Dialog {
        let mut dialog = Dialog::default();
        assert_eq!(dialog.hear(hello(VERSION)), Step::Say(ToUser::Hello { version: VERSION }));
        dialog
    }

    fn ends(step: Step, code: Code) {
        assert!(matches!(&step, Step::End(end) if end.code == code), "{step:?}");
    }

    #[test]
    fn greeting_proof_and_in() {
        let mut dialog = asking();
        assert!(matches!(dialog.hear(log_in()), Step::Prove(_)));
        assert!(!dialog.is_open());
        assert!(matches!(dialog.answer(admitted()), (ToUser::Admitted(_), None)));
        assert!(dialog.is_open());
        ends(dialog.hear(ToGate::Bye), Code::Bye);
    }

    #[test]
    fn only_who_is_logged_in_asks_and_as_often_as_they_like() {
        let wanted = || Wanted { rule: "r".to_owned(), asset: "a".to_owned(), reason: None };
        ends(asking().hear(step_up()), Code::Protocol);
        ends(asking().hear(ToGate::Ask(wanted())), Code::Protocol);
        let mut open = asking();
        open.hear(log_in());
        open.answer(admitted());
        for _ in 0..2 * ATTEMPTS {
            assert!(matches!(open.hear(step_up()), Step::Ask(Question::StepUp(_))));
            let asked = open.hear(ToGate::Ask(wanted()));
            assert_eq!(asked, Step::Ask(Question::Grant(wanted())));
        }
        assert!(open.is_open());
    }

    #[test]
    fn the_third_refusal_ends_it() {
        let mut dialog = asking();
        for attempt in 1..=ATTEMPTS {
            assert!(matches!(dialog.hear(log_in()), Step::Prove(_)));
            let (_, end) = dialog.answer(refused());
            assert_eq!(end.is_some(), attempt == ATTEMPTS);
            assert!(!dialog.is_open());
        }
    }

    #[test]
    fn what_is_out_of_turn_ends_it() {
        ends(Dialog::default().hear(log_in()), Code::Protocol);
        ends(asking().hear(hello(VERSION)), Code::Protocol);
        let mut proving = asking();
        proving.hear(log_in());
        ends(proving.hear(log_in()), Code::Protocol);
        let mut open = asking();
        open.hear(log_in());
        open.answer(admitted());
        ends(open.hear(log_in()), Code::Protocol);
    }

    #[test]
    fn another_version_is_told() {
        let step = Dialog::default().hear(hello(VERSION + 1));
        ends(step, Code::Version);
    }
}
