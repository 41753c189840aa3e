//! Addresses that no host has.

use core::net::Ipv4Addr;

use wicketgate_packet::Headers;

use crate::verdict::Reason;

/// Refuses addresses that are no host's (RFC 1122 section 3.2.1.3, RFC 6890): this network, loopback,
/// multicast, reserved and broadcast; and packets from a host to itself.
///
/// # Errors
/// [`Reason::Spoofed`], [`Reason::NotUnicast`].
#[inline]
pub(crate) fn check(headers: &Headers) -> Result<(), Reason> {
    let group_sender = headers.link.src.first().is_none_or(|first| first & 1 != 0);
    if is_no_host(headers.src) || headers.src == headers.dst || group_sender {
        return Err(Reason::Spoofed);
    }
    if is_no_host(headers.dst) { Err(Reason::NotUnicast) } else { Ok(()) }
}

const fn is_no_host(address: Ipv4Addr) -> bool {
    matches!(address.octets(), [0 | 127 | 224..=255, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_others() {
        for host in ["10.0.0.1", "100.64.0.2", "192.168.255.254", "223.255.255.255"] {
            assert!(!is_no_host(host.parse().unwrap()), "{host}");
        }
        for other in ["0.0.0.0", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"] {
            assert!(is_no_host(other.parse().unwrap()), "{other}");
        }
    }
}
