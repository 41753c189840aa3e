//! One connection, from its handshake to its end.

use std::sync::Arc;

use quinn::{Connection, ConnectionError, Incoming, RecvStream, SendStream};
use rustls::pki_types::CertificateDer;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, timeout_at};

use super::directory::{Seat, Tunnel, close};
use super::{Host, PATIENCE, Shared, packets};
use crate::dialog::{Dialog, Step};
use crate::end::{Code, End};
use crate::message::{Admitted, Credentials, Inbox, Refused, ToGate, ToUser, encode};
use crate::packet::OVERHEAD;

/// Words to one user that wait; what comes on top is lost, as who asks for a thousand things that are
/// refused need not read each.
const WORDS: usize = 64;

/// Bytes read from the stream at a time.
const PIECE: usize = 4096;

/// Serves a connection as long as it lasts.
pub(super) async fn serve<H: Host>(incoming: Incoming, seat: Seat, shared: Arc<Shared<H>>) {
    let deadline = Instant::now() + PATIENCE;
    let Ok(connecting) = incoming.accept() else { return };
    let Ok(Ok(connection)) = timeout_at(deadline, connecting).await else { return };
    let number = seat.number;
    let (words, heard) = channel(WORDS);
    shared.directory.add(number, connection.clone(), words);
    let end = match Line::begin(&connection, &shared, deadline).await {
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
    close(&connection, &end);
    shared.directory.remove(number);
}

/// The first stream.
struct Line<'a, H> {
    connection: &'a Connection,
    shared: &'a Arc<Shared<H>>,
    send: SendStream,
    receive: RecvStream,
    inbox: Inbox,
    dialog: Dialog,
    deadline: Instant,
}

impl<'a, H: Host> Line<'a, H> {
    async fn begin(
        connection: &'a Connection,
        shared: &'a Arc<Shared<H>>,
        deadline: Instant,
    ) -> Result<Line<'a, H>, End> {
        let (send, receive) = timeout_at(deadline, connection.accept_bi())
            .await
            .map_err(|_| slow())?
            .map_err(lost)?;
        let (inbox, dialog) = (Inbox::default(), Dialog::default());
        Ok(Line { connection, shared, send, receive, inbox, dialog, deadline })
    }

    /// Talks until somebody is admitted.
    async fn greet(&mut self, number: u32) -> Result<Arc<Tunnel>, End> {
        loop {
            let message = timeout_at(self.deadline, self.hear()).await.map_err(|_| slow())??;
            match self.dialog.hear(message) {
                Step::Say(what) => self.say(&what).await?,
                Step::End(end) => return Err(end),
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
        let peer = self.connection.remote_address();
        let certificate = self.certificate();
        let mut admitted = self.shared.host.log_in(number, peer, shown, certificate).await?;
        admitted.mtu = self.mtu();
        Ok(admitted)
    }

    /// The user's own certificate, in DER.
    fn certificate(&self) -> Option<Vec<u8>> {
        let shown = self.connection.peer_identity()?;
        let chain = shown.downcast::<Vec<CertificateDer<'static>>>().ok()?;
        chain.first().map(|first| first.to_vec())
    }

    /// Longest packet that fits both what was configured and the path.
    fn mtu(&self) -> u16 {
        let fits = self.connection.max_datagram_size().unwrap_or(0).saturating_sub(OVERHEAD);
        self.shared.limits.mtu.min(u16::try_from(fits).unwrap_or(u16::MAX))
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

    /// Moves packets and words, until one end has enough.
    async fn carry(&mut self, tunnel: &Arc<Tunnel>, mut words: Receiver<ToUser>) -> End {
        let packets = packets::collect(tunnel.clone(), self.shared.clone());
        tokio::pin!(packets);
        loop {
            tokio::select! {
                end = &mut packets => return end,
                word = words.recv() => {
                    let Some(word) = word else { return End::protocol("gone") };
                    if let Err(end) = self.say(&word).await {
                        return end;
                    }
                }
                message = self.hear() => match message.map(|message| self.dialog.hear(message)) {
                    Ok(Step::Say(what)) => if let Err(end) = self.say(&what).await {
                        return end;
                    },
                    Ok(Step::End(end)) | Err(end) => return end,
                    Ok(Step::Prove(_)) => return End::protocol("a login within a login"),
                },
            }
        }
    }

    /// The next message. May be given up on at any time: what has come is kept.
    async fn hear(&mut self) -> Result<ToGate, End> {
        loop {
            if let Some(message) = self.inbox.take().map_err(End::protocol)? {
                return Ok(message);
            }
            let chunk = self.receive.read_chunk(PIECE, true).await;
            match chunk {
                Ok(Some(chunk)) => self.inbox.add(&chunk.bytes),
                Ok(None) => return Err(End::new(Code::Bye, "logged out")),
                Err(quinn::ReadError::ConnectionLost(error)) => return Err(lost(error)),
                Err(error) => return Err(End::protocol(error)),
            }
        }
    }

    async fn say(&mut self, what: &ToUser) -> Result<(), End> {
        let bytes = encode(what).map_err(End::protocol)?;
        self.send.write_all(&bytes).await.map_err(End::protocol)
    }

    /// Lets the last words arrive before the connection is closed.
    async fn leave(&mut self, end: End) -> End {
        let _ = self.send.finish();
        let _ = timeout_at(self.deadline, self.send.stopped()).await;
        end
    }
}

fn slow() -> End {
    End::new(Code::Slow, "nobody logged in in time")
}

/// A connection that ended without a word of this end.
pub(super) fn lost(error: ConnectionError) -> End {
    match error {
        ConnectionError::ApplicationClosed(closed) => {
            let code = Code::from_number(closed.error_code.into_inner()).unwrap_or(Code::Bye);
            End::new(code, String::from_utf8_lossy(&closed.reason))
        }
        // Control has ended it, and knows why.
        ConnectionError::LocallyClosed => End::new(Code::Over, "ended by the gate"),
        error => End::new(Code::Over, error.to_string()),
    }
}
