//! Changes as the kernel tells them, in a network namespace.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use wicketgate_lab::{Namespace, Veth, connect, need_laboratory};
use wicketgate_netlink::{Change, Netlink, Watch};

/// A cable with two ends in one namespace.
fn cable(namespace: &Namespace) -> u32 {
    let end = |name, mac| Veth { at: namespace, name, mac, address: "" };
    connect(end("a", "02:00:00:00:00:01"), end("b", "02:00:00:00:00:02"), 1).unwrap();
    namespace.enter(|| Netlink::open().unwrap().link("a").unwrap().index).unwrap()
}

fn open(namespace: &Namespace) -> Watch {
    namespace.enter(|| Watch::open().unwrap()).unwrap()
}

/// Waits until the kernel has told this.
fn await_change(watch: &mut Watch, mut wanted: impl FnMut(&Change) -> bool) {
    for _ in 0..500 {
        let mut found = false;
        watch.changes(|change| found |= wanted(&change)).unwrap();
        if found {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing was told");
}

#[test]
fn every_kind_of_change_is_told() {
    need_laboratory!("every_kind_of_change_is_told");
    let namespace = Namespace::new().unwrap();
    let index = cable(&namespace);
    let mut watch = open(&namespace);
    let address = Ipv4Addr::new(10, 9, 0, 1);

    namespace.ip("address add 10.9.0.1/24 dev a").unwrap();
    await_change(&mut watch, |change| *change == Change::Address(index, address));
    namespace.ip("neighbour replace 10.9.0.7 lladdr 02:00:00:00:00:07 dev a").unwrap();
    await_change(&mut watch, |change| {
        matches!(change, Change::Neighbour(known)
            if known.mac == [2, 0, 0, 0, 0, 7] && known.interface == index)
    });
    namespace.ip("link set dev a mtu 1400 address 02:00:00:00:00:09").unwrap();
    await_change(&mut watch, |change| {
        matches!(change, Change::Link(link)
            if link.index == index && link.mac == [2, 0, 0, 0, 0, 9])
    });
    namespace.ip("link set dev b down").unwrap();
    await_change(
        &mut watch,
        |change| matches!(change, Change::Link(link) if link.index == index && !link.running),
    );
    namespace.ip("address del 10.9.0.1/24 dev a").unwrap();
    await_change(&mut watch, |change| *change == Change::AddressGone(index, address));
    namespace.ip("link del dev a").unwrap();
    await_change(&mut watch, |change| *change == Change::LinkGone(index));
}

#[test]
fn what_is_lost_is_told() {
    need_laboratory!("what_is_lost_is_told");
    let namespace = Namespace::new().unwrap();
    cable(&namespace);
    let mut watch = open(&namespace);
    // More notifications than the socket's buffer (212,992 bytes by default) holds, read by nobody.
    let batch: String = (0..2000_u32)
        .map(|number| {
            format!(
                "neighbour replace 10.8.{}.{} lladdr 02:00:00:00:00:07 dev a\n",
                number >> 8,
                number & 255
            )
        })
        .collect();
    let mut ip = namespace.command("ip");
    let mut ip = ip.args(["-batch", "-"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut ip.stdin.take().unwrap(), batch.as_bytes()).unwrap();
    assert!(ip.wait().unwrap().success());
    await_change(&mut watch, |change| *change == Change::Lost);
}
