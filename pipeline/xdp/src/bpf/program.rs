//! The XDP program: which frames are the gate's.
//!
//! ```text
//! Ethernet, up to two VLAN tags, IPv4?
//!   destination in the overlay?                              yes -> the gate's
//!   source an asset, destination the gate's address
//!   towards it?                                              yes -> the gate's
//!   ICMP error to that address, about a packet from
//!   there to an asset (a router on the way sends it)?        yes -> the gate's
//! ARP behind a tag, from an asset in a VLAN, for the gate's
//! address towards it?                                        yes -> the gate's
//! everything else                                                -> the kernel's
//! ```
//!
//! The same program runs on every port. On an overlay port no asset is known, so only the first question can
//! be answered yes. On an underlay port that one finds assets that reach for other assets: the engine refuses
//! and counts them, and a kernel that was told to forward never sees them.
//!
//! Invariant: what is the gate's goes to a socket or is dropped. A queue without a socket drops: the
//! third argument of `bpf_redirect_map` is what happens when the map has none.
//!
//! Invariant: nothing is rewritten. The program reads at most 70 bytes of a frame.

use std::net::Ipv4Addr;
use std::os::fd::BorrowedFd;

use super::assembler::{Assembler, Instruction, Jump, Register, When, Width};

use Register::{Frame, R0, R1, R2, R3, R6, R7, R8, R9};

/// Helpers of linux/bpf.h.
const MAP_LOOKUP: i32 = 1;
const REDIRECT_MAP: i32 = 51;

/// Actions of linux/bpf.h.
pub(crate) const DROP: i32 = 1;
pub(crate) const PASS: i32 = 2;

/// Fields of `struct xdp_md`.
mod context {
    pub(super) const DATA: i16 = 0;
    pub(super) const DATA_END: i16 = 4;
    pub(super) const RX_QUEUE: i16 = 16;
}

/// Offsets in an untagged frame.
mod at {
    pub(super) const ETHERTYPE: i16 = 12;
    pub(super) const ETHERNET_END: i32 = 14;
    pub(super) const VERSION_AND_LENGTH: i16 = 14;
    pub(super) const PROTOCOL: i16 = 23;
    pub(super) const SOURCE: i16 = 26;
    pub(super) const DESTINATION: i16 = 30;
    pub(super) const IPV4_END: i32 = 34;
    /// Of an ICMP error behind an IPv4 header without options.
    pub(super) const ICMP_TYPE: i16 = 34;
    pub(super) const QUOTED_SOURCE: i16 = 54;
    pub(super) const QUOTED_DESTINATION: i16 = 58;
    pub(super) const QUOTE_END: i32 = 62;
    /// Of ARP.
    pub(super) const SENDER: i16 = 28;
    pub(super) const TARGET: i16 = 38;
    pub(super) const ARP_END: i32 = 42;
}

/// Bytes of a VLAN tag.
const TAG: i32 = 4;
/// VLAN tags that are looked behind.
const TAGS: usize = 2;

/// EtherTypes, in the order of bytes in which they are loaded.
const IPV4: u32 = loaded([0x08, 0x00]);
const ARP: u32 = loaded([0x08, 0x06]);
const VLAN: u32 = loaded([0x81, 0x00]);
const SERVICE_VLAN: u32 = loaded([0x88, 0xa8]);

/// Version 4, five words of header.
const PLAIN: u32 = 0x45;
/// ICMP, and those of its types that quote a packet.
const ICMP: u32 = 1;
const ICMP_ERRORS: [u32; 3] = [3, 11, 12];

const fn loaded(bytes: [u8; 2]) -> u32 {
    u16::from_ne_bytes(bytes) as u32
}

/// An address, in the order of bytes in which it is loaded and kept in the map of assets.
pub(crate) fn address(address: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(address.octets())
}

/// Maps of the program.
#[derive(Clone, Copy)]
pub(crate) struct Maps<'m> {
    /// By queue, its socket.
    pub(crate) sockets: BorrowedFd<'m>,
    /// By an asset's address, the gate's towards it.
    pub(crate) assets: BorrowedFd<'m>,
    /// The same, of those for which the gate speaks ARP.
    pub(crate) tagged: BorrowedFd<'m>,
}

/// The program.
pub(crate) fn assemble((network, length): (Ipv4Addr, u8), maps: Maps<'_>) -> Vec<Instruction> {
    let mut asm = Assembler::default();
    let mut kernels = Vec::new();
    asm.copy(R6, R1);
    asm.load(Width::Word, R7, R6, context::DATA);
    asm.load(Width::Word, R8, R6, context::DATA_END);
    let arps = find_ipv4(&mut asm, &mut kernels);
    asm.load(Width::Word, R9, R7, at::DESTINATION);
    asm.copy(R1, R9);
    asm.mask(R1, mask(length));
    let mut gates = vec![asm.jump(When::Is(R1, address(network) & mask(length)))];
    let strangers = ask_for_asset(&mut asm, &mut kernels, at::SOURCE, maps.assets);
    gates.push(asm.jump(When::Always));

    asm.land([strangers]);
    find_error(&mut asm, &mut kernels);
    let others = ask_for_asset(&mut asm, &mut kernels, at::QUOTED_DESTINATION, maps.assets);
    kernels.push(others);
    gates.push(asm.jump(When::Always));

    asm.land([arps]);
    find_tagged_arp(&mut asm, &mut kernels);
    let others = ask_for_asset(&mut asm, &mut kernels, at::SENDER, maps.tagged);
    kernels.push(others);

    asm.land(gates);
    redirect(&mut asm, maps.sockets);
    asm.land(kernels);
    asm.set(R0, PASS);
    asm.exit();
    asm.finish()
}

/// Moves R7, by the length of the tags, to where it would be without tags, and counts them in R9. Jumps where
/// there is ARP; anything else but IPv4 is the kernel's.
fn find_ipv4(asm: &mut Assembler, kernels: &mut Vec<Jump>) -> Jump {
    asm.set(R9, 0);
    kernels.push(unless_long(asm, at::ETHERNET_END));
    asm.load(Width::Half, R2, R7, at::ETHERTYPE);
    for _ in 0..TAGS {
        let tagged = [asm.jump(When::Is(R2, VLAN)), asm.jump(When::Is(R2, SERVICE_VLAN))];
        let untagged = asm.jump(When::Always);
        asm.land(tagged);
        kernels.push(unless_long(asm, at::ETHERNET_END + TAG));
        asm.advance(R7, TAG);
        asm.advance(R9, 1);
        asm.load(Width::Half, R2, R7, at::ETHERTYPE);
        asm.land([untagged]);
    }
    let arps = asm.jump(When::Is(R2, ARP));
    kernels.push(asm.jump(When::IsNot(R2, IPV4)));
    kernels.push(unless_long(asm, at::IPV4_END));
    arps
}

/// Goes on where there is an ICMP error to R9 about a packet from there.
fn find_error(asm: &mut Assembler, kernels: &mut Vec<Jump>) {
    asm.load(Width::Byte, R1, R7, at::VERSION_AND_LENGTH);
    kernels.push(asm.jump(When::IsNot(R1, PLAIN)));
    asm.load(Width::Byte, R1, R7, at::PROTOCOL);
    kernels.push(asm.jump(When::IsNot(R1, ICMP)));
    kernels.push(unless_long(asm, at::QUOTE_END));
    asm.load(Width::Byte, R1, R7, at::ICMP_TYPE);
    let errors = ICMP_ERRORS.map(|kind| asm.jump(When::Is(R1, kind)));
    kernels.push(asm.jump(When::Always));
    asm.land(errors);
    asm.load(Width::Word, R1, R7, at::QUOTED_SOURCE);
    kernels.push(asm.jump(When::Differ(R1, R9)));
}

/// Goes on, with the target in R9, where ARP has a tag in front of it.
fn find_tagged_arp(asm: &mut Assembler, kernels: &mut Vec<Jump>) {
    kernels.push(asm.jump(When::Is(R9, 0)));
    kernels.push(unless_long(asm, at::ARP_END));
    asm.load(Width::Word, R9, R7, at::TARGET);
}

/// Jumps where there are fewer than `length` bytes behind R7.
fn unless_long(asm: &mut Assembler, length: i32) -> Jump {
    asm.copy(R1, R7);
    asm.advance(R1, length);
    asm.jump(When::Greater(R1, R8))
}

/// Goes on where the address at `place` is one of `assets` and R9 the gate's towards it; jumps where it is
/// none of them.
fn ask_for_asset(
    asm: &mut Assembler,
    kernels: &mut Vec<Jump>,
    place: i16,
    assets: BorrowedFd<'_>,
) -> Jump {
    const KEY: i16 = -4;
    asm.load(Width::Word, R1, R7, place);
    asm.store(Frame, KEY, R1);
    asm.load_map(R1, assets);
    asm.copy(R2, Frame);
    asm.advance(R2, KEY.into());
    asm.call(MAP_LOOKUP);
    let none = asm.jump(When::Null(R0));
    asm.load(Width::Word, R1, R0, 0);
    kernels.push(asm.jump(When::Differ(R1, R9)));
    none
}

/// Returns with the frame given to the socket of its queue, or dropped.
fn redirect(asm: &mut Assembler, sockets: BorrowedFd<'_>) {
    asm.load_map(R1, sockets);
    asm.load(Width::Word, R2, R6, context::RX_QUEUE);
    asm.set(R3, DROP);
    asm.call(REDIRECT_MAP);
    asm.exit();
}

fn mask(length: u8) -> u32 {
    let bits = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
    address(Ipv4Addr::from_bits(bits))
}
