//! A TUN device: any program's packets to the overlay.

use std::convert::Infallible;
use std::io;

use tun_rs::{AsyncDevice, DeviceBuilder};
use wicketgate_tunnel::client::Packets;
use wicketgate_tunnel::message::Admitted;
use wicketgate_tunnel::packet::whole;

use super::Failure;
use super::arguments::Connect;
use crate::exit::complain;

/// Room for a packet: more than any MTU that the gate gives.
const PACKET: usize = 2048;

/// The device; it and its route are gone with it.
pub(super) struct Device {
    device: AsyncDevice,
    name: String,
}

/// Opens the device. Its address is one of the overlay, so that the kernel's route to its network is the route
/// to the overlay, and there is no other.
///
/// # Errors
/// No right to, or a device of that name is there.
pub(super) fn open(arguments: &Connect, admitted: &Admitted) -> Result<Device, String> {
    let name = arguments.device.clone();
    let (_, length) = admitted.overlay;
    let device = DeviceBuilder::new()
        .name(&name)
        .ipv4(admitted.address, length, None)
        .mtu(admitted.mtu)
        .build_async();
    match device {
        Ok(device) => Ok(Device { device, name }),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(format!(
            "no device {name}: {error}: it takes CAP_NET_ADMIN (root, or `setcap cap_net_admin+ep`)"
        )),
        Err(error) => Err(format!("no device {name}: {error}")),
    }
}

impl Device {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Moves packets both ways, until one end has enough.
    pub(super) async fn pump(&self, packets: &Packets) -> Result<(), Failure> {
        let ended = tokio::select! {
            ended = self.send_packets(packets) => ended,
            ended = self.receive_packets(packets) => ended,
        };
        ended.map(|never| match never {})
    }

    async fn send_packets(&self, packets: &Packets) -> Result<Infallible, Failure> {
        let mut room = vec![0; PACKET];
        let mut told = false;
        loop {
            let length = self.device.recv(&mut room).await.map_err(|error| self.broken(&error))?;
            let packet = room.get(..length).unwrap_or_default();
            // The kernel's own (IPv6, groups) go nowhere.
            if whole(packet).is_err() {
                continue;
            }
            if let Err(long) = packets.send(packet)
                && !std::mem::replace(&mut told, true)
            {
                complain(format_args!(
                    "the path carries packets of {} bytes only now: longer ones are lost; connect again",
                    long.most
                ));
            }
        }
    }

    async fn receive_packets(&self, packets: &Packets) -> Result<Infallible, Failure> {
        loop {
            let packet = packets.next().await?;
            match self.device.send(&packet).await {
                Ok(_) => {}
                // One that the kernel does not take is lost as on any wire.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }

    fn broken(&self, error: &io::Error) -> Failure {
        Failure::Unusable(format!("device {}: {error}", self.name))
    }
}
