//! Sockets and program between two hosts in network namespaces.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test asserts by panicking"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::Stdio;
use std::time::Duration;

use common::{LINE, OFFICE, Plant, SETTINGS, clock, drain, queues, redirect, umem};
use wicketgate_lab::need_laboratory;
use wicketgate_netlink::{Netlink, XdpMode};
use wicketgate_packet::FrameBuf;
use wicketgate_packet::checksum::Delta;
use wicketgate_ports::{Port, Received};
use wicketgate_xdp::{Accounts, RedirectError, Transfer, XdpPort, occupant};

/// Frames sent in one go by a test.
const BURST: usize = 64;

/// A socket at the user's, and how it sends to an overlay address: by way of the gate.
fn user(plant: &Plant) -> UdpSocket {
    plant.user.ip("route add 100.64.0.0/16 via 10.1.0.1").unwrap();
    let socket = plant.user.enter(|| UdpSocket::bind("10.1.0.2:5000").unwrap()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    socket
}

/// Waits until `wanted` frames have come in, giving each to `each`.
fn receive<'u>(
    port: &mut XdpPort<'u>,
    wanted: usize,
    mut each: impl FnMut(&mut XdpPort<'u>, Received<wicketgate_xdp::Frame<'u>>),
) -> usize {
    let (mut seen, mut idle) = (0, 0);
    let mut burst = Vec::new();
    while seen < wanted && idle < 100 {
        let count = port.receive(&mut burst, BURST).unwrap();
        seen += count;
        burst.drain(..).for_each(|received| each(port, received));
        port.flush().unwrap();
        if count == 0 {
            idle += 1;
            port.wait(Duration::from_millis(20)).unwrap();
        }
    }
    seen
}

/// Turns a frame from the user to the overlay into one from the gate to the asset.
fn translate(frame: &mut impl FrameBuf) {
    let bytes = frame.bytes_mut();
    bytes[..6].copy_from_slice(&[2, 0, 0, 0, 0, 3]);
    bytes[6..12].copy_from_slice(&[2, 0, 0, 0, 1, 3]);
    let delta = Delta::NONE
        .address([10, 1, 0, 2].into(), [10, 2, 0, 1].into())
        .address([100, 64, 10, 20].into(), [10, 2, 0, 3].into());
    bytes[26..30].copy_from_slice(&[10, 2, 0, 1]);
    bytes[30..34].copy_from_slice(&[10, 2, 0, 3]);
    for at in [24, 40] {
        let sum = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        bytes[at..at + 2].copy_from_slice(&delta.apply(sum).to_be_bytes());
    }
}

#[test]
fn frames_cross_and_none_leaks() {
    need_laboratory!("frames_cross_and_none_leaks");
    let plant = Plant::new(1);
    let client = user(&plant);
    let device = plant.asset.enter(|| UdpSocket::bind("10.2.0.3:502").unwrap()).unwrap();
    device.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let queues = queues(&plant);
    let mut umem = umem(&queues);
    let total = umem.frames();
    plant
        .gate
        .enter(|| {
            let (mut port, opened) = XdpPort::open(&mut umem, &queues, SETTINGS, clock).unwrap();
            assert_eq!(opened.transfer, Transfer::Copy, "veth has no zero-copy");
            assert!(opened.refused.is_some(), "and it was tried");
            let program = redirect();
            port.register(queues[0].1.interface, &program).unwrap();
            let attached = program.attach(queues[0].1.interface).unwrap();
            assert_eq!(attached.mode, XdpMode::Native);
            for round in 0..10_u8 {
                for n in 0..BURST as u8 {
                    client.send_to(&[round, n], "100.64.10.20:502").unwrap();
                }
                let seen = receive(&mut port, BURST, |port, mut received| {
                    assert_eq!((received.port, received.original_len), (OFFICE, 44));
                    translate(&mut received.frame);
                    port.send(received, LINE);
                });
                assert_eq!(seen, BURST);
                for n in 0..BURST as u8 {
                    let mut bytes = [0; 8];
                    let (length, from) = device.recv_from(&mut bytes).unwrap();
                    assert_eq!(
                        (&bytes[..length], from.ip()),
                        (&[round, n][..], [10, 2, 0, 1].into())
                    );
                }
            }
            drain(&mut port);
            let (ring, total) = (i64::from(SETTINGS.ring), i64::from(total));
            let wanted =
                Accounts { free: total - 2 * ring, filling: 2 * ring, ..Accounts::default() };
            assert_eq!((port.accounts(), port.strays(), port.unsent()), (wanted, 0, 0));
            for (_, _, statistics) in port.statistics().unwrap() {
                assert_eq!((statistics.rx_dropped, statistics.rx_ring_full), (0, 0));
                assert_eq!((statistics.rx_invalid, statistics.tx_invalid), (0, 0));
                assert_eq!(statistics.fill_ring_empty, 0);
            }
        })
        .unwrap();
}

#[test]
fn a_full_tx_ring_gives_frames_back() {
    need_laboratory!("a_full_tx_ring_gives_frames_back");
    let plant = Plant::new(1);
    let queues = queues(&plant);
    let mut umem = umem(&queues);
    let total = umem.frames();
    plant
        .gate
        .enter(|| {
            let (mut port, _) = XdpPort::open(&mut umem, &queues, SETTINGS, clock).unwrap();
            let mut tried = 0;
            while let Some(mut frame) = port.take() {
                assert!(frame.fill(&[0xff; 60]));
                port.send(Received::own(frame, clock()), LINE);
                tried += 1;
                // Without a flush nothing leaves.
                if port.unsent() == 3 {
                    break;
                }
            }
            let ring = i64::from(SETTINGS.ring);
            assert_eq!((tried, port.accounts().sending), (ring + 3, ring));
            let idle = (0..200).find(|_| {
                drain(&mut port);
                port.wait(Duration::from_millis(1)).unwrap();
                port.accounts().sending == 0
            });
            assert!(idle.is_some(), "all leave in the end: {:?}", port.accounts());
            assert_eq!((port.accounts().total(), port.accounts().held), (i64::from(total), 0));
            let nowhere = port.take().unwrap();
            port.send(Received::own(nowhere, clock()), wicketgate_packet::PortId(9));
            assert_eq!((port.unsent(), port.accounts().held), (4, 0));
        })
        .unwrap();
}

#[test]
fn a_worker_that_does_not_receive_loses_frames_and_recovers() {
    need_laboratory!("a_worker_that_does_not_receive_loses_frames_and_recovers");
    let plant = Plant::new(1);
    let client = user(&plant);
    let queues = queues(&plant);
    let mut umem = umem(&queues);
    plant
        .gate
        .enter(|| {
            let (mut port, _) = XdpPort::open(&mut umem, &queues, SETTINGS, clock).unwrap();
            let program = redirect();
            port.register(queues[0].1.interface, &program).unwrap();
            let _attached = program.attach(queues[0].1.interface).unwrap();
            let ring = SETTINGS.ring as usize;
            for _ in 0..ring + 100 {
                client.send_to(b"?", "100.64.10.20:502").unwrap();
            }
            std::thread::sleep(Duration::from_millis(100));
            let seen =
                receive(&mut port, ring + 100, |port, received| port.recycle(received.frame));
            assert_eq!(seen, ring, "as many as there were chunks for");
            let statistics = port.statistics().unwrap()[0].2;
            let lost = statistics.rx_dropped + statistics.rx_ring_full;
            assert!(lost > 0 || statistics.fill_ring_empty > 0, "{statistics:?}");
            client.send_to(b"?", "100.64.10.20:502").unwrap();
            assert_eq!(receive(&mut port, 1, |port, received| port.recycle(received.frame)), 1);
            assert_eq!(port.accounts().held, 0);
        })
        .unwrap();
}

#[test]
fn a_program_without_sockets_drops_and_lets_the_kernels_frames_by() {
    need_laboratory!("a_program_without_sockets_drops_and_lets_the_kernels_frames_by");
    let plant = Plant::new(1);
    // Even a kernel that was told to forward does not get to.
    plant.gate.setting("ipv4/ip_forward", "1").unwrap();
    plant.asset.ip("route add default via 10.2.0.1").unwrap();
    plant.asset.ip("address add 100.64.10.20/32 dev lo").unwrap();
    plant.gate.ip("route add 100.64.10.20 via 10.2.0.3").unwrap();
    let client = user(&plant);
    let device = plant.asset.enter(|| UdpSocket::bind("100.64.10.20:502").unwrap()).unwrap();
    device.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    client.send_to(b"?", "100.64.10.20:502").unwrap();
    device.recv_from(&mut [0; 8]).expect("the trap is open: the kernel forwards");
    plant
        .gate
        .enter(|| {
            let program = redirect();
            let _attached = program.attach(plant.interface("office")).unwrap();
            client.send_to(b"?", "100.64.10.20:502").unwrap();
            device.recv_from(&mut [0; 8]).expect_err("dropped, not forwarded");
            let ssh = UdpSocket::bind("10.1.0.1:22").unwrap();
            ssh.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            client.send_to(b"ssh", "10.1.0.1:22").unwrap();
            ssh.recv_from(&mut [0; 8]).expect("the kernel's own traffic goes on");
        })
        .unwrap();
}

#[test]
fn every_queue_has_its_socket() {
    need_laboratory!("every_queue_has_its_socket");
    let plant = Plant::new(2);
    let client = user(&plant);
    let interface = plant.interface("office");
    plant
        .gate
        .enter(|| {
            let count = wicketgate_xdp::rx_queues("office", 1).unwrap();
            assert_eq!(count, 2);
            let queues: Vec<_> = (0..count)
                .map(|number| (OFFICE, wicketgate_xdp::Queue { interface, number }))
                .collect();
            let mut umem = umem(&queues);
            let (mut port, _) = XdpPort::open(&mut umem, &queues, SETTINGS, clock).unwrap();
            let program = redirect();
            port.register(interface, &program).unwrap();
            let _attached = program.attach(interface).unwrap();
            for source in 6000..6064 {
                let local = format!("10.1.0.2:{source}");
                let other = plant.user.enter(|| UdpSocket::bind(local).unwrap()).unwrap();
                other.send_to(b"?", "100.64.10.20:502").unwrap();
            }
            client.send_to(b"?", "100.64.10.20:502").unwrap();
            assert_eq!(receive(&mut port, 65, |port, received| port.recycle(received.frame)), 65);
        })
        .unwrap();
}

#[test]
fn a_port_opens_again_at_once() {
    need_laboratory!("a_port_opens_again_at_once");
    let plant = Plant::new(1);
    let queues = queues(&plant);
    plant
        .gate
        .enter(|| {
            for _ in 0..5 {
                let mut umem = umem(&queues);
                let (port, _) = XdpPort::open(&mut umem, &queues, SETTINGS, clock).unwrap();
                let program = redirect();
                port.register(queues[0].1.interface, &program).unwrap();
                drop(program.attach(queues[0].1.interface).unwrap());
            }
        })
        .unwrap();
}

#[test]
fn a_taken_queue_is_reported() {
    need_laboratory!("a_taken_queue_is_reported");
    let plant = Plant::new(1);
    let queues = queues(&plant);
    plant
        .gate
        .enter(|| {
            let (mut first, mut second) = (umem(&queues), umem(&queues));
            let _holder = XdpPort::open(&mut first, &queues, SETTINGS, clock).unwrap();
            let refused = XdpPort::open(&mut second, &queues, SETTINGS, clock).unwrap_err();
            assert!(refused.to_string().contains("another program has it"), "{refused}");
        })
        .unwrap();
}

#[test]
fn a_foreign_program_is_named() {
    need_laboratory!("a_foreign_program_is_named");
    let plant = Plant::new(1);
    plant
        .gate
        .enter(|| {
            let interface = plant.interface("office");
            assert!(occupant(interface).is_none());
            let (first, second) = (redirect(), redirect());
            let attached = first.attach(interface).unwrap();
            let error = second.attach(interface).unwrap_err();
            let RedirectError::Occupied { interface: name, id, name: program, mode } = &error
            else {
                panic!("{error}");
            };
            assert_eq!((&**name, &**program, *mode), ("office", "wicketgate", XdpMode::Native));
            assert!(*id > 0 && error.to_string().contains("ip link set dev office xdp off"));
            drop(attached);
            second.attach(interface).unwrap();
        })
        .unwrap();
}

#[test]
fn where_the_driver_refuses_the_program_runs_in_the_stack() {
    need_laboratory!("where_the_driver_refuses_the_program_runs_in_the_stack");
    let plant = Plant::new(1);
    // The driver of veth takes no program where frames may be longer than a page.
    plant.user.ip("link set dev eth0 mtu 9000").unwrap();
    plant.gate.ip("link set dev office mtu 9000").unwrap();
    let client = user(&plant);
    let queues = queues(&plant);
    let mut umem = umem(&queues);
    plant
        .gate
        .enter(|| {
            let (mut port, _) = XdpPort::open(&mut umem, &queues, SETTINGS, clock).unwrap();
            let program = redirect();
            port.register(queues[0].1.interface, &program).unwrap();
            let attached = program.attach(queues[0].1.interface).unwrap();
            assert_eq!((attached.mode, attached.refused.is_some()), (XdpMode::Generic, true));
            client.send_to(b"?", "100.64.10.20:502").unwrap();
            assert_eq!(receive(&mut port, 1, |port, received| port.recycle(received.frame)), 1);
        })
        .unwrap();
}

/// Not a test: the process that the next one kills.
#[test]
#[ignore = "is started by kill_leaves_no_program"]
fn holder() {
    let interface = Netlink::open().unwrap().link("office").unwrap().index;
    let program = redirect();
    let _attached = program.attach(interface).unwrap();
    println!("\nATTACHED");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn kill_leaves_no_program() {
    need_laboratory!("kill_leaves_no_program");
    let plant = Plant::new(1);
    let mut child = plant
        .gate
        .command(std::env::current_exe().unwrap())
        .args(["--exact", "holder", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ATTACHED"));
    let interface = plant.interface("office");
    let attached = || plant.gate.enter(|| occupant(interface).is_some()).unwrap();
    assert!(attached());
    child.kill().unwrap();
    child.wait().unwrap();
    let gone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        !attached()
    });
    assert!(gone, "the link ends with its process");
}

#[test]
fn rings_that_are_full_both_ways_leave_a_reserve() {
    let umem = wicketgate_xdp::Umem::new(SETTINGS.frames(2, 1)).unwrap();
    assert_eq!(umem.frames(), 4 * SETTINGS.ring + 128);
}

#[test]
fn a_port_needs_a_queue() {
    let mut umem = umem(&[]);
    assert!(XdpPort::open(&mut umem, &[], SETTINGS, clock).is_err());
}
