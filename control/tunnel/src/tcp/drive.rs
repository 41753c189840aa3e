//! What moves a link's bytes, until one end has enough.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::{sleep, timeout};

use super::frame::{Frame, put_alive, take};
use super::link::{Inlet, Link};
use crate::end::{Code, End};
use crate::transport::{IDLE, KEEP_ALIVE};

/// Bytes of a write, before it is given to TLS: a record's (RFC 8446 section 5.1).
const PIECE: usize = 16 * 1024;

/// How long the other end has to take the end of a link.
const FAREWELL: Duration = Duration::from_secs(2);

/// Moves bytes both ways until the link is over; then the link knows how it ended.
pub(super) async fn drive<S: AsyncRead + AsyncWrite>(stream: S, link: Link, inlet: Inlet) {
    let (read, write) = split(stream);
    let end = tokio::select! {
        end = receive(read, &link, inlet) => end,
        end = transmit(write, &link) => end,
        end = overdue(&link) => end,
    };
    link.lost(end);
}

/// A link that was ended here, and whose other end does not take that.
async fn overdue(link: &Link) -> End {
    let end = link.closed().await;
    sleep(FAREWELL).await;
    end
}

async fn receive<S: AsyncRead>(mut read: ReadHalf<S>, link: &Link, inlet: Inlet) -> End {
    let mut come = BytesMut::with_capacity(2 * PIECE);
    loop {
        match take(&mut come) {
            // Ended here: what still comes is read, or TCP would cut off what was said last.
            Ok(Some(_)) if link.parting().is_some() => continue,
            Ok(Some(Frame::Packet(packet))) => drop(inlet.packets.send(packet).await),
            Ok(Some(Frame::Words(words))) => drop(inlet.words.send(words).await),
            Ok(Some(Frame::Alive)) => {}
            Ok(Some(Frame::End(end))) | Err(end) => return end,
            Ok(None) => {
                come.reserve(PIECE);
                match timeout(IDLE, read.read_buf(&mut come)).await {
                    Err(_) => return End::silent(),
                    Ok(Ok(0)) => return End::new(Code::Over, "the connection was closed"),
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return End::new(Code::Over, error.to_string()),
                }
            }
        }
    }
}

async fn transmit<S: AsyncWrite>(mut write: WriteHalf<S>, link: &Link) -> End {
    match send(&mut write, link).await {
        // The other end closes when it has read that.
        Ok(()) => std::future::pending().await,
        Err(error) => End::new(Code::Over, error.to_string()),
    }
}

/// Sends what there is to send; comes back once the end is sent.
async fn send<S: AsyncWrite>(write: &mut WriteHalf<S>, link: &Link) -> io::Result<()> {
    let mut wire = BytesMut::with_capacity(2 * PIECE);
    loop {
        let last = link.fill(&mut wire, PIECE);
        if wire.is_empty() && timeout(KEEP_ALIVE, link.work()).await.is_err() {
            put_alive(&mut wire);
        }
        write.write_all(&wire).await?;
        write.flush().await?;
        wire.clear();
        if last {
            return write.shutdown().await;
        }
    }
}
