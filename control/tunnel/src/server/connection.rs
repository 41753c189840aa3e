//! One connection, from its handshake to its end.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::Incoming;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::directory::{Seat, Tunnel};
use super::{Host, PACE, PATIENCE, Shared, packets};
use crate::carrier::{Carrier, Words};
use crate::dialog::{Dialog, Question, Step};
use crate::end::{Code, End};
use crate::fit::encode_cut;
use crate::message::{Admitted, Credentials, Inbox, Refused, ToGate, ToUser};
use crate::tcp::{self, HANDSHAKE};

/// Words to one user that wait; what comes on top is lost, as who asks for a thousand things that are
/// refused need not read each.
const WORDS: usize = 64;

/// Serves a connection of QUIC as long as it lasts.
pub(super) async fn serve_quic<H: Host>(incoming: Incoming, seat: Seat, shared: Arc<Shared<H>>) {
    let deadline = Instant::now() + PATIENCE;
    let Ok(connecting) = incoming.accept() else { return };
    let Ok(Ok(connection)) = timeout_at(deadline, connecting).await else { return };
    serve(Carrier::Quic(connection), seat, shared, deadline).await;
}

/// Serves a connection of TCP as long as it lasts.
pub(super) async fn serve_tcp<H: Host>(
    stream: TcpStream,
    peer: SocketAddr,
    tls: TlsAcceptor,
    seat: Seat,
    shared: Arc<Shared<H>>,
) {
    let deadline = Instant::now() + PATIENCE;
    let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await else { return };
    let shown = stream.get_ref().1.peer_certificates().map(<[_]>::to_vec);
    let (link, drive) = tcp::link(stream, peer, shown.as_deref());
    let serve = serve(Carrier::Tcp(link), seat, shared, deadline);
    // Its last words go out after it has been served.
    tokio::join!(drive, serve);
}

/// Serves whoever is at the other end, over what carries that.
async fn serve<H: Host>(carrier: Carrier, seat: Seat, shared: Arc<Shared<H>>, deadline: Instant) {
    let number = seat.number;
    let (words, heard) = channel(WORDS);
    shared.directory.add(number, carrier.clone(), words);
    let end = match Line::begin(&carrier, &shared, deadline).await {
        Ok(mut line) => match line.greet(number).await {
            Ok(tunnel) => {
                drop(seat);
                let end = line.carry(&tunnel, heard).await;
                shared.directory.remove(number);
                shared.host.ended(number, &end).await;
                end
            }
            Err(end) => end,
        },
        Err(end) => end,
    };
    carrier.close(&end);
    shared.directory.remove(number);
}

/// What both ends say.
struct Line<'a, H> {
    carrier: &'a Carrier,
    shared: &'a Arc<Shared<H>>,
    words: Words,
    inbox: Inbox,
    dialog: Dialog,
    deadline: Instant,
}

impl<'a, H: Host> Line<'a, H> {
    async fn begin(
        carrier: &'a Carrier,
        shared: &'a Arc<Shared<H>>,
        deadline: Instant,
    ) -> Result<Line<'a, H>, End> {
        let words = timeout_at(deadline, carrier.accept()).await.map_err(|_| slow())??;
        let (inbox, dialog) = (Inbox::default(), Dialog::default());
        Ok(Line { carrier, shared, words, inbox, dialog, deadline })
    }

    /// Talks until somebody is admitted.
    async fn greet(&mut self, number: u32) -> Result<Arc<Tunnel>, End> {
        loop {
            let message = timeout_at(self.deadline, self.hear()).await.map_err(|_| slow())??;
            match self.dialog.hear(message) {
                Step::Say(what) => self.say(&what).await?,
                Step::End(end) => return Err(end),
                Step::Ask(_) => return Err(End::protocol("a question before the login")),
                Step::Prove(shown) => {
                    let outcome = self.prove(number, shown).await;
                    let tunnel = match &outcome {
                        Ok(admitted) => Some(self.open(number, admitted).await?),
                        Err(_) => None,
                    };
                    let (what, end) = self.dialog.answer(outcome);
                    let said = self.say(&what).await;
                    match (tunnel, end) {
                        (Some(tunnel), _) => return Ok(tunnel),
                        (None, Some(end)) => return Err(self.leave(end).await),
                        (None, None) => said?,
                    }
                }
            }
        }
    }

    async fn prove(&self, number: u32, shown: Credentials) -> Result<Admitted, Refused> {
        // It fails only where the semaphore was closed, which nobody does.
        let _turn = self.shared.proofs.acquire().await;
        let (peer, certificate) = (self.carrier.peer(), self.carrier.certificate());
        let mut admitted = self.shared.host.log_in(number, peer, shown, certificate).await?;
        admitted.mtu = self.shared.limits.mtu.min(self.carrier.most());
        Ok(admitted)
    }

    async fn open(&self, number: u32, admitted: &Admitted) -> Result<Arc<Tunnel>, End> {
        let Admitted { address, mtu, .. } = *admitted;
        if let Some(tunnel) = self.shared.directory.open(number, address, mtu) {
            return Ok(tunnel);
        }
        let end = End::new(Code::Full, "the gate has as many tunnels as it takes");
        self.shared.host.ended(number, &end).await;
        Err(end)
    }

    /// Moves packets and words, until one end has enough, or is gone.
    async fn carry(&mut self, tunnel: &Arc<Tunnel>, words: Receiver<ToUser>) -> End {
        let packets = packets::collect(tunnel.clone(), self.shared.clone());
        tokio::select! {
            end = packets => end,
            end = self.converse(tunnel.sender.tunnel, words) => end,
            end = tunnel.carrier.silence() => end,
        }
    }

    /// Says what control has to say, and has questions answered: one at a time, and no more than one in
    /// [`PACE`]. Whatever else the user says waits that long.
    async fn converse(&mut self, number: u32, mut words: Receiver<ToUser>) -> End {
        let mut next = Instant::now();
        loop {
            let said = tokio::select! {
                word = words.recv() => match word {
                    Some(word) => self.say(&word).await,
                    None => return End::protocol("gone"),
                },
                step = self.next_step(next) => match step {
                    Ok(Step::Say(what)) => self.say(&what).await,
                    Ok(Step::Ask(question)) => {
                        let said = self.answer(number, question, &mut words).await;
                        next = Instant::now() + PACE;
                        said
                    }
                    Ok(Step::Prove(_)) => Err(End::protocol("a login within a login")),
                    Ok(Step::End(end)) | Err(end) => Err(end),
                },
            };
            if let Err(end) = said {
                return end;
            }
        }
    }

    /// What is to be done about the next message, not before `from`. May be given up on at any time.
    async fn next_step(&mut self, from: Instant) -> Result<Step, End> {
        tokio::time::sleep_until(from).await;
        let message = self.hear().await?;
        Ok(self.dialog.hear(message))
    }

    /// Has a question answered. What control tells meanwhile is said meanwhile.
    async fn answer(
        &mut self,
        number: u32,
        question: Question,
        words: &mut Receiver<ToUser>,
    ) -> Result<(), End> {
        let (shared, peer) = (self.shared.clone(), self.carrier.peer());
        // On its own, as others wait for its turn: who does not read what is said meanwhile does not keep it, and
        // who leaves does not give it up while control is still at it.
        let mut answer = tokio::spawn(async move {
            // It fails only where the semaphore was closed, which nobody does.
            let _turn = shared.proofs.acquire().await;
            shared.host.ask(number, peer, question).await
        });
        loop {
            tokio::select! {
                answer = &mut answer => match answer {
                    Ok(Some(answer)) => return self.say(&answer).await,
                    // There is none where control tells how it stands, or where it panicked and has said so.
                    Ok(None) | Err(_) => return Ok(()),
                },
                Some(word) = words.recv() => self.say(&word).await?,
            }
        }
    }

    /// The next message. May be given up on at any time: what has come is kept.
    async fn hear(&mut self) -> Result<ToGate, End> {
        loop {
            if let Some(message) = self.inbox.take().map_err(End::protocol)? {
                return Ok(message);
            }
            match self.words.hear().await? {
                Some(bytes) => self.inbox.add(&bytes),
                None => return Err(End::new(Code::Bye, "logged out")),
            }
        }
    }

    async fn say(&mut self, what: &ToUser) -> Result<(), End> {
        let bytes = encode_cut(what).map_err(End::protocol)?;
        self.words.say(&bytes).await
    }

    /// Lets the last words arrive before the connection is closed.
    async fn leave(&mut self, end: End) -> End {
        let _ = timeout_at(self.deadline, self.words.finish()).await;
        end
    }
}

fn slow() -> End {
    End::new(Code::Slow, "nobody logged in in time")
}
