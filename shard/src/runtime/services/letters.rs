//! What cores and services say to each other, as records.

use super::{ACCOUNT_NAME_BYTES_MAX, AccountId};
use std::net::{IpAddr, Ipv6Addr};

/// What a core says. `player` is the number of a player of that core: [`PlayerId::number`](crate::game::PlayerId::number).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FromCore<'a> {
    /// A client wants to enter, and shows a ticket.
    Knock {
        /// The player that it would be.
        player: u64,
        /// The client's address.
        address: IpAddr,
        /// What it shows: up to [`TICKET_BYTES_MAX`](ringshard_world::limits::TICKET_BYTES_MAX) bytes that nobody has checked.
        ticket: &'a [u8],
    },
    /// A player is in the world.
    Entered {
        /// The player.
        player: u64,
        /// The client's address.
        address: IpAddr,
        /// Its account.
        account: Option<AccountId>,
    },
    /// A player's client has fallen silent.
    Suspended {
        /// The player.
        player: u64,
    },
    /// A suspended player's client is back.
    Resumed {
        /// The player.
        player: u64,
    },
    /// A player that had entered has left the world.
    Left {
        /// The player.
        player: u64,
    },
    /// A client in the world sends a message for services.
    Message {
        /// The player.
        player: u64,
        /// The message, from its kind on.
        bytes: &'a [u8],
    },
}

/// What services say to a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToCore<'a> {
    /// The ticket is good, or none is needed.
    Admit {
        /// The player that has knocked.
        player: u64,
        /// The account; none for a guest.
        account: Option<AccountId>,
        /// The account's name, or the bytes that a guest has shown.
        shown: &'a [u8],
    },
    /// The ticket is not good.
    Refuse {
        /// The player that has knocked.
        player: u64,
        /// The reason that the client gets (PROTOCOL.md#entering).
        reason: u8,
    },
    /// A player must leave.
    PutOut {
        /// The player.
        player: u64,
        /// The reason that the client gets.
        reason: u8,
    },
    /// A message for a client.
    Message {
        /// The player.
        player: u64,
        /// Whether it is a part of a download, which yields to all other messages.
        is_bulk: bool,
        /// The message, from its kind on.
        bytes: &'a [u8],
    },
}

const _: () = assert!(ACCOUNT_NAME_BYTES_MAX <= ringshard_world::limits::TICKET_BYTES_MAX);

/// The fixed part of a record: a number for its kind, the player, an address, an account, a flag.
pub(super) const HEAD: usize = 1 + 8 + 16 + 8 + 1;

/// A record whose fixed part has these values.
struct Head {
    kind: u8,
    player: u64,
    address: Ipv6Addr,
    account: u64,
    flag: u8,
}

impl Head {
    fn of(kind: u8, player: u64) -> Head {
        Head { kind, player, address: Ipv6Addr::UNSPECIFIED, account: 0, flag: 0 }
    }

    fn write(&self) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[0] = self.kind;
        head[1..9].copy_from_slice(&self.player.to_le_bytes());
        head[9..25].copy_from_slice(&self.address.octets());
        head[25..33].copy_from_slice(&self.account.to_le_bytes());
        head[33] = self.flag;
        head
    }

    fn read(record: &[u8]) -> (Head, &[u8]) {
        let (head, rest) = record.split_first_chunk::<HEAD>().expect("each record has a head");
        let number = |at: usize| u64::from_le_bytes(*head[at..].first_chunk().expect("a head has room for it"));
        let address = Ipv6Addr::from(*head[9..].first_chunk::<16>().expect("a head has room for it"));
        (Head { kind: head[0], player: number(1), address, account: number(25), flag: head[33] }, rest)
    }
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn number(account: Option<AccountId>) -> u64 {
    account.map_or(0, |account| account.0)
}

fn named(account: u64) -> Option<AccountId> {
    Some(AccountId(account)).filter(|account| account.0 != 0)
}

impl<'a> FromCore<'a> {
    pub(super) fn write(&self) -> ([u8; HEAD], &'a [u8]) {
        let (head, rest): (Head, &'a [u8]) = match *self {
            FromCore::Knock { player, address, ticket } => {
                (Head { address: v6(address), ..Head::of(0, player) }, ticket)
            }
            FromCore::Entered { player, address, account } => {
                (Head { address: v6(address), account: number(account), ..Head::of(1, player) }, &[])
            }
            FromCore::Suspended { player } => (Head::of(2, player), &[]),
            FromCore::Resumed { player } => (Head::of(3, player), &[]),
            FromCore::Left { player } => (Head::of(4, player), &[]),
            FromCore::Message { player, bytes } => (Head::of(5, player), bytes),
        };
        (head.write(), rest)
    }

    pub(super) fn read(record: &'a [u8]) -> Self {
        let (Head { kind, player, address, account, .. }, rest) = Head::read(record);
        let (address, account) = (address.to_canonical(), named(account));
        match kind {
            0 => FromCore::Knock { player, address, ticket: rest },
            1 => FromCore::Entered { player, address, account },
            2 => FromCore::Suspended { player },
            3 => FromCore::Resumed { player },
            4 => FromCore::Left { player },
            5 => FromCore::Message { player, bytes: rest },
            _ => unreachable!("a core writes no other records"),
        }
    }
}

impl<'a> ToCore<'a> {
    pub(super) fn write(&self) -> ([u8; HEAD], &'a [u8]) {
        let (head, rest): (Head, &'a [u8]) = match *self {
            ToCore::Admit { player, account, shown } => {
                (Head { account: number(account), ..Head::of(0, player) }, shown)
            }
            ToCore::Refuse { player, reason } => (Head { flag: reason, ..Head::of(1, player) }, &[]),
            ToCore::PutOut { player, reason } => (Head { flag: reason, ..Head::of(2, player) }, &[]),
            ToCore::Message { player, is_bulk, bytes } => (Head { flag: is_bulk.into(), ..Head::of(3, player) }, bytes),
        };
        (head.write(), rest)
    }

    pub(super) fn read(record: &'a [u8]) -> Self {
        let (Head { kind, player, account, flag, .. }, rest) = Head::read(record);
        match kind {
            0 => ToCore::Admit { player, account: named(account), shown: rest },
            1 => ToCore::Refuse { player, reason: flag },
            2 => ToCore::PutOut { player, reason: flag },
            3 => ToCore::Message { player, is_bulk: flag != 0, bytes: rest },
            _ => unreachable!("services write no other records"),
        }
    }
}
