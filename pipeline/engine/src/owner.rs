//! Which worker a frame is for (DESIGN 3, "One asset, one worker").
//!
//! Asked before anything is checked or decided: it reads addresses where they lie, and what it says of a
//! broken frame only decides which engine refuses it. What the engine would find a flow for, it finds
//! the flow's asset for: both go by overlay destination, underlay source, or the packet that an ICMP
//! error quotes.

use core::net::Ipv4Addr;

use wicketgate_packet::PortId;
use wicketgate_packet::parse::Link;
use wicketgate_packet::quote::Quote;
use wicketgate_packet::wire::{Icmp, Ipv4, ethertype, icmp, protocol};

use crate::tables::{AssetId, Tables, WorkerId};

/// The worker that owns the asset which a frame is from or for; `None` where it is no asset's, and
/// whoever received it decides.
#[inline]
pub fn owner_of(tables: &Tables, port: PortId, frame: &[u8]) -> Option<WorkerId> {
    tables.asset(asset_of(tables, port, frame)?).map(|asset| asset.owner)
}

/// The asset that a frame is from or for.
pub fn asset_of(tables: &Tables, port: PortId, frame: &[u8]) -> Option<AssetId> {
    let link = Link::parse(frame).ok().filter(|link| link.ethertype == ethertype::IPV4)?;
    let at = usize::from(link.end);
    let ip = Ipv4::at(frame, at)?;
    let (src, dst) = match quoted(frame, at, ip) {
        // An answer to the quoted packet would come the other way.
        Some(quote) => (quote.dst.0, quote.src.0),
        None => (ip.src.into(), ip.dst.into()),
    };
    by_ends(tables, port, src, dst)
}

fn by_ends(tables: &Tables, port: PortId, src: Ipv4Addr, dst: Ipv4Addr) -> Option<AssetId> {
    tables.asset_by_overlay(dst).or_else(|| tables.asset_by_underlay(port, src))
}

/// The packet that an ICMP error is about.
fn quoted(frame: &[u8], at: usize, ip: &Ipv4) -> Option<Quote> {
    if ip.protocol != protocol::ICMP {
        return None;
    }
    let at = at + ip.header_len();
    let is_error =
        |kind| matches!(kind, icmp::UNREACHABLE | icmp::TIME_EXCEEDED | icmp::PARAMETER_PROBLEM);
    Icmp::at(frame, at).filter(|icmp| is_error(icmp.kind))?;
    Quote::read(frame, at + Icmp::LEN)
}
