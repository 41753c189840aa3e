//! Addresses, MACs, ranges and durations as they are written.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use wicketgate_engine::tables::Mac;

/// An IPv4 network, or an address in one: `192.168.10.2/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The address as written.
    pub address: Ipv4Addr,
    /// Bits of the network, 0 to 32.
    pub length: u8,
}

impl Prefix {
    /// The first address: that of the network.
    pub fn network(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() & self.mask())
    }

    /// The last address: that of the broadcast.
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() | !self.mask())
    }

    /// Whether `address` lies in the network.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & self.mask() == 0
    }

    /// Whether a device can have `address` in this network: neither its network nor its broadcast
    /// address. Networks of one or two addresses have neither (RFC 3021).
    pub fn has_host(self, address: Ipv4Addr) -> bool {
        let reserved = address == self.network() || address == self.broadcast();
        self.contains(address) && (self.length > 30 || !reserved)
    }

    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// An address that one device can have: not 0.0.0.0, loopback, multicast or broadcast.
pub(crate) fn host(text: &str) -> Result<Ipv4Addr, String> {
    let address: Ipv4Addr =
        text.parse().map_err(|_| format!("`{text}` is not an IPv4 address like 192.168.10.20"))?;
    let nobody = address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.is_broadcast();
    if nobody { Err(format!("no device can have the address {address}")) } else { Ok(address) }
}

/// `192.168.10.2/24`.
pub(crate) fn prefix(text: &str) -> Result<Prefix, String> {
    let wrong = || format!("`{text}` is not an IPv4 address with its prefix, like 192.168.10.2/24");
    let (address, length) = text.split_once('/').ok_or_else(wrong)?;
    let address = address.parse().map_err(|_| wrong())?;
    let length = length.parse().ok().filter(|bits| *bits <= 32).ok_or_else(wrong)?;
    Ok(Prefix { address, length })
}

/// A network, written by its first address: `100.64.0.0/16`.
pub(crate) fn network(text: &str) -> Result<Prefix, String> {
    let prefix = prefix(text)?;
    if prefix.address == prefix.network() {
        return Ok(prefix);
    }
    Err(format!("`{text}` is not a network: write {}/{}", prefix.network(), prefix.length))
}

/// `192.168.20.1:4433`: where something listens.
pub(crate) fn socket(text: &str) -> Result<SocketAddr, String> {
    let wrong = |_| format!("`{text}` is not an address and port like 192.168.20.1:4433");
    let address: SocketAddr = text.parse().map_err(wrong)?;
    if address.port() == 0 { Err("port 0 is none".to_owned()) } else { Ok(address) }
}

/// `00:1d:9c:aa:bb:cc`, of one device.
pub(crate) fn mac(text: &str) -> Result<Mac, String> {
    let wrong = || format!("`{text}` is not a MAC address like 00:1d:9c:aa:bb:cc");
    let octets = text.split([':', '-']).map(octet).collect::<Option<Vec<u8>>>();
    let mac: Mac = octets.and_then(|octets| octets.try_into().ok()).ok_or_else(wrong)?;
    // Bit 0 of the first octet marks a group address (IEEE 802-2014, 8.2).
    let [first, ..] = mac;
    if first & 1 == 1 || mac == [0; 6] {
        return Err(format!("no device can have the MAC address {text}"));
    }
    Ok(mac)
}

fn octet(text: &str) -> Option<u8> {
    let two_digits = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    two_digits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

/// `10ms`: a whole number of `us`, `ms` or `s`, above zero.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration like 500us, 10ms or 1s");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: u32 = number.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
    let one = match unit.trim() {
        "us" => Duration::from_micros(1),
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        _ => return Err(wrong()),
    };
    Ok(one * number)
}

/// `15min`: a whole number of `s`, `min` or `h`, above zero.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a span of time like 90s, 15min or 8h");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: u32 = number.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
    let seconds = match unit.trim() {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

/// `119` or `0x77`.
pub(crate) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if !digits.starts_with('+') => u32::from_str_radix(digits, 16).ok(),
        None if !text.starts_with('+') => text.parse().ok(),
        _ => None,
    }
}

/// `100-119`, `0x64-0x77` or one number, none above `most`.
pub(crate) fn range(text: &str, most: u32) -> Result<(u32, u32), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (Some(first), Some(last)) = (number(first.trim()), number(last.trim())) else {
        return Err(format!("`{text}` is not a range like 100-119 or 0x64-0x77"));
    };
    if first > last {
        return Err(format!("the range {text} is empty: write {last}-{first}"));
    }
    if last > most {
        return Err(format!("{last} is above {most}, the last there is"));
    }
    Ok((first, last))
}

/// `0-100 step 5`: first, last, step.
pub(crate) fn stepped(text: &str, most: u32) -> Result<(u32, u32, u32), String> {
    let (bounds, step) = text.split_once("step").unwrap_or((text, "1"));
    let (from, to) = range(bounds.trim(), most)?;
    let step = number(step.trim()).filter(|step| *step > 0);
    step.map(|step| (from, to, step)).ok_or_else(|| "the step must be a number above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        let net = network("100.64.0.0/16").unwrap();
        assert_eq!(net.broadcast(), Ipv4Addr::new(100, 64, 255, 255));
        assert!(net.has_host(Ipv4Addr::new(100, 64, 0, 1)));
        for outside in [[100, 64, 0, 0], [100, 64, 255, 255], [100, 65, 0, 1]] {
            assert!(!net.has_host(outside.into()), "{outside:?}");
        }
        assert!(prefix("0.0.0.0/0").unwrap().contains(Ipv4Addr::LOCALHOST));
        assert!(prefix("10.0.0.1/32").unwrap().has_host(Ipv4Addr::new(10, 0, 0, 1)));
        for bad in ["10.0.0.1", "10.0.0.1/33", "10.0.0/8", "10.0.0.1/-1", ""] {
            assert!(prefix(bad).is_err(), "{bad}");
        }
        assert!(network("100.64.0.1/16").unwrap_err().ends_with("write 100.64.0.0/16"));
    }

    #[test]
    fn macs() {
        assert_eq!(mac("02:00:00:00:10:fe"), Ok([2, 0, 0, 0, 0x10, 0xfe]));
        assert_eq!(mac("00-1D-9C-AA-BB-CC"), Ok([0, 0x1d, 0x9c, 0xaa, 0xbb, 0xcc]));
        for bad in ["", "2:0:0:0:0:1", "02:00:00:00:00", "02:00:00:00:00:0g", "02:00:00:00:00:+1"] {
            assert!(mac(bad).unwrap_err().contains("not a MAC address"), "{bad}");
        }
        for nobody in ["ff:ff:ff:ff:ff:ff", "01:80:c2:00:00:00", "00:00:00:00:00:00"] {
            assert!(mac(nobody).unwrap_err().contains("no device"), "{nobody}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("500us"), Ok(Duration::from_micros(500)));
        assert_eq!(duration("10 ms"), Ok(Duration::from_millis(10)));
        assert_eq!(duration("1s"), Ok(Duration::from_secs(1)));
        for bad in ["", "10", "ms", "0ms", "-1ms", "1.5ms", "10m", "99999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges() {
        assert_eq!(range("100-119", 65535), Ok((100, 119)));
        assert_eq!(range("0x64 - 0x77", 65535), Ok((100, 119)));
        assert_eq!(range("7", 65535), Ok((7, 7)));
        assert!(range("119-100", 65535).unwrap_err().ends_with("write 100-119"));
        assert!(range("0-65536", 65535).unwrap_err().contains("above 65535"));
        for bad in ["", "-", "1-", "-1", "1-2-3", "a-b", "+1", "0x+1", "4294967296"] {
            assert!(range(bad, 65535).unwrap_err().contains("not a range"), "{bad}");
        }
        assert_eq!(stepped("0-100 step 5", 65535), Ok((0, 100, 5)));
        assert_eq!(stepped("0-100", 65535), Ok((0, 100, 1)));
        for bad in ["0-100 step 0", "0-100 step", "step 5", "9-0 step 5"] {
            assert!(stepped(bad, 65535).is_err(), "{bad}");
        }
    }
}
