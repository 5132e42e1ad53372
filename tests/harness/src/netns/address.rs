//! Brings `lo` up and gives it the namespace's address, over netlink: the `ip` program may be missing.

use std::net::IpAddr;

use anyhow::{Context, bail};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::ADDRESS;

/// `lo` is the first interface of every network namespace.
const LOOPBACK_INDEX: u32 = 1;

pub(super) fn set_up_loopback() -> anyhow::Result<()> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    request(&socket, RouteNetlinkMessage::SetLink(up())).context("bring lo up")?;
    request(&socket, RouteNetlinkMessage::NewAddress(address()))
        .with_context(|| format!("add {ADDRESS} to lo"))
}

fn up() -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = LOOPBACK_INDEX;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message
}

fn address() -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = 32;
    message.header.index = LOOPBACK_INDEX;
    message.attributes = vec![
        AddressAttribute::Local(IpAddr::V4(ADDRESS)),
        AddressAttribute::Address(IpAddr::V4(ADDRESS)),
    ];
    message
}

fn request(socket: &Socket, message: RouteNetlinkMessage) -> anyhow::Result<()> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    let mut packet = NetlinkMessage::new(header, NetlinkPayload::from(message));
    packet.finalize();
    let mut buffer = vec![0; packet.buffer_len()];
    packet.serialize(&mut buffer);
    socket.send(&buffer, 0)?;

    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut &mut answer[..], 0)?;
    match NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer[..length])?.payload {
        // An acknowledgement is an error message with code 0.
        NetlinkPayload::Error(error) => match error.code {
            None => Ok(()),
            Some(_) => Err(error.to_io().into()),
        },
        other => bail!("unexpected netlink answer {other:?}"),
    }
}
