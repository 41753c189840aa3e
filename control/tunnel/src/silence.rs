//! A connection of QUIC that has gone silent.
//!
//! QUIC's own idle timeout begins anew with what an end sends, too (RFC 9000 section 10.1: the first packet that asks
//! for an acknowledgement behind one that came). So it lasts up to twice as long where one end still has something
//! to say to the other, which is gone: a controller that speaks up keeps a login. What counts here is what has come.

use std::time::Duration;

use quinn::Connection;
use tokio::time::sleep;

use crate::end::End;
use crate::transport::IDLE;

/// Between two looks at what has come.
const LOOK: Duration = Duration::from_secs(1);

/// Looks in a row that find nothing before the other end is taken to be gone. Looks are counted, not time: where
/// this machine stands still, none is made, and what has come meanwhile is read first.
const SILENT: u64 = IDLE.as_secs() / LOOK.as_secs();

/// What had come at the last look, and looks since that changed.
#[derive(Debug, Default)]
struct Ear {
    came: u64,
    looks: u64,
}

impl Ear {
    /// Looks at how much has come so far; whether the other end is gone.
    fn is_silent(&mut self, came: u64) -> bool {
        self.looks = if came == self.came { self.looks + 1 } else { 0 };
        self.came = came;
        self.looks >= SILENT
    }
}

/// Waits until nothing has come for [`IDLE`].
pub(crate) async fn of(connection: &Connection) -> End {
    let mut ear = Ear::default();
    while !ear.is_silent(came(connection)) {
        sleep(LOOK).await;
    }
    End::silent()
}

/// Frames that have come. Of datagrams of UDP anybody may send some.
fn came(connection: &Connection) -> u64 {
    let frames = connection.stats().frame_rx;
    frames.ping + frames.acks + frames.datagram + frames.stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_gone_when_nothing_has_come_for_the_whole_time() {
        let mut ear = Ear::default();
        assert!((0..100).all(|came| !ear.is_silent(came / 3)), "something comes now and then");
        let looks = (0..).take_while(|_| !ear.is_silent(33)).count() as u64;
        assert_eq!(looks + 1, SILENT);
        assert!(!ear.is_silent(34), "it is there again");
    }
}
