//! The stacks at the ends: what they do wrong by themselves, with nothing in the middle, is mended before it
//! can be taken for a fault of the gate.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::collections::VecDeque;
use std::time::Duration;

use wicketgate_packet::Time;
use wicketgate_sim::segment::{ETHERNET, acknowledged, complete, is_bare, numbers};
use wicketgate_sim::stack::{Setup, Stack, State};
use wicketgate_sim::{Scenario, Smol};
use wicketgate_tests::frame::flag;
use wicketgate_tests::gate::START;

/// Packets that a stack sends when these arrive.
fn turn(stack: &mut Smol, now: Time, arrived: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut arrived = arrived.iter().map(|packet| packet.to_vec()).collect();
    let mut sent = VecDeque::new();
    stack.turn(now, &mut arrived, &mut sent);
    sent.into()
}

fn plain(setup: Setup) -> Setup {
    Setup { delayed_ack: None, keep_alive: None, timestamps: false, nagle: false, ..setup }
}

/// A client whose three bytes have been acknowledged, and the packet that said so.
fn open() -> (Smol, Vec<u8>) {
    let Scenario { client, server, .. } = Scenario::new(1);
    let peer = Some((server.address, server.port));
    let mut client = Smol::new(&plain(Setup { peer, ..client }), START);
    let mut server = Smol::new(&plain(server), START);
    let syn = turn(&mut client, START, &[]);
    let answer = turn(&mut server, START, &[&syn[0]]);
    let last = turn(&mut client, START, &[&answer[0]]);
    turn(&mut server, START, &[&last[0]]);
    assert_eq!((client.state(), client.write(b"abc")), (State::Open, 3));
    let bytes = turn(&mut client, START, &[]);
    let ack = turn(&mut server, START, &[&bytes[0]]).swap_remove(0);
    assert!(is_bare(&ack));
    turn(&mut client, START, &[&ack]);
    (client, ack)
}

/// What it sends by itself in two minutes.
fn later(stack: &mut Smol) -> Vec<Vec<u8>> {
    let seconds = (1..120).map(|second| START + Duration::from_secs(second));
    seconds.flat_map(|now| turn(stack, now, &[])).collect()
}

fn fins(packets: &[Vec<u8>]) -> usize {
    packets.iter().filter(|packet| numbers(packet).1 & flag::FIN != 0).count()
}

fn changed(packet: &[u8], change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut frame = [&[0; ETHERNET], packet].concat();
    change(&mut frame[ETHERNET..]);
    complete(&mut frame);
    frame.split_off(ETHERNET)
}

fn set(ip: &mut [u8], at: usize, number: u32) {
    ip[at..at + 4].copy_from_slice(&number.to_be_bytes());
}

/// smoltcp 0.14 takes the third for a loss, has no bytes to send again, and stops its timer for good.
#[test]
fn a_lost_fin_comes_again_though_acknowledgements_are_repeated() {
    for at_once in [true, false] {
        let (mut client, ack) = open();
        client.close();
        assert_eq!(fins(&turn(&mut client, START, &[])), 1);
        if at_once {
            turn(&mut client, START, &[&ack[..]; 4]);
        } else {
            (0..4).for_each(|_| drop(turn(&mut client, START, &[&ack])));
        }
        assert!(fins(&later(&mut client)) > 3);
        assert!(client.owes());
    }
}

/// smoltcp 0.14 loses its timer when a window closes and opens while bytes are under way; the packet that came last need not be one
/// that it would accept again.
#[test]
fn a_stack_without_its_timer_sends_again_when_it_is_told() {
    let (mut client, ack) = open();
    client.write(b"defghi");
    turn(&mut client, START, &[]);
    let half = changed(&ack, |ip| set(ip, 28, acknowledged(ip).wrapping_add(3)));
    let shut = changed(&half, |ip| ip[34..36].fill(0));
    let asks = changed(&half, |ip| set(ip, 24, numbers(ip).0.wrapping_sub(1)));
    turn(&mut client, START, &[&shut, &half, &asks]);
    assert!(!later(&mut client).iter().any(|packet| packet.ends_with(b"ghi")), "it is lost");
    client.nudge();
    let again = turn(&mut client, START + Duration::from_secs(120), &[]);
    assert!(again.iter().any(|packet| packet.ends_with(b"ghi")));
}
