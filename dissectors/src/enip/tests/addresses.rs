use std::net::Ipv4Addr;

use super::{READ_TAG, hex, packet, ucmm};
use crate::enip::{Ends, translate};

const ENDS: Ends =
    Ends { target: Ipv4Addr::new(100, 64, 10, 20), originator: Ipv4Addr::new(192, 168, 20, 7) };

/// The reply to ListIdentity of a device at this address, as cpppo writes it.
fn identity(address: &str) -> Vec<u8> {
    packet(
        0x63,
        &hex(&format!(
            "0100 0c00 3600 0100 0002af12 {address} 0000000000000000 0100 0e00 3600 140b 6031 1a066c00 \
             14 313735362d4c36312f42204c4f47495835353631 ff"
        )),
    )
}

/// A message with these items behind it, in hex.
fn with_items(items: &[&str]) -> Vec<u8> {
    let count = 2 + items.len();
    let front = format!("00000000 0500 {count:02x}00 0000 0000 b200 0400 d4000000");
    packet(0x6f, &hex(&format!("{front} {}", items.concat())))
}

fn translated(pdu: &[u8]) -> Option<Vec<u8>> {
    let mut changed = pdu.to_vec();
    let said = translate(&mut changed, &ENDS);
    assert_eq!(said, changed != pdu);
    said.then_some(changed)
}

#[test]
fn an_identity_is_given_the_address_that_its_reader_knows() {
    assert_eq!(translated(&identity("c0a80a14")), Some(identity("64400a14")));
    assert_eq!(translated(&identity("64400a14")), None, "nothing to change");
    assert_eq!(translated(&identity("00000000")), None, "none given, none written");
}

/// ENIP 3-3.9: 0x8000 is where the device wants data, 0x8001 where the client does. Another address than its sender's is
/// no reason to send there.
#[test]
fn socket_address_items_are_the_ends() {
    let item =
        |kind: &str, address: &str| format!("{kind} 1000 000208ae {address} 0000000000000000");
    let both = |there: &str, back: &str| with_items(&[&item("0080", there), &item("0180", back)]);
    let expected = both("64400a14", "c0a81407");
    assert_eq!(translated(&both("c0a80a14", "c0a80a02")), Some(expected.clone()));
    assert_eq!(translated(&both("08080808", "08080404")), Some(expected), "a third's");
    assert_eq!(translated(&both("00000000", "00000000")), None);
    let one = both("00000000", "c0a80a02");
    assert_eq!(translated(&one), Some(both("00000000", "c0a81407")));
}

#[test]
fn what_has_no_address_or_is_cut_short_stays_as_it_is() {
    assert_eq!(translated(&ucmm(READ_TAG)), None);
    let whole = identity("c0a80a14");
    // The item says that it is longer than what is there.
    assert!((0..whole.len()).all(|length| translated(&whole[..length]).is_none()));
    for short in ["0080 0400 000208ae", "0080 0000"] {
        assert_eq!(translated(&with_items(&[short])), None, "{short}");
    }
}
