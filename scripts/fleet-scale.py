#!/usr/bin/env python3
"""Calculates what a fleet of many hosts carries: to players, between hosts over NATS, and in etcd; and what is full first.

Each host has a square zone in the middle of others, and its players stand evenly in it. The figures that the calculation begins
with were measured (perf/README.md); the capacities of a network card, of NATS and of a core are yours to state."""
import argparse
import json
import math
import sys

# Measured: perf/README.md, "Fleet" and "World".
BYTES_PER_UPDATE = 19  # of an entity that runs, from border to neighbour
UPDATES_NEAR, UPDATES_FAR = 30, 10  # per second: up to 20 m from the neighbour's zone, and farther
NEAR = 20.0  # metres
BORDER_CORE_PER_ENTITY = 0.014 / 1000  # of a core, for one entity shown and one seen
BYTES_TO_PLAYER = {"spread": 2300, "crowd": 7800}  # per second, on average
# By construction.
MESSAGES_TO_NEIGHBOUR = 60  # per second: one per turn of the border
MESSAGE_OVERHEAD = 60 + 41 + 60  # bytes: head of the border's message, seal, subject and frame of NATS
BEAT_BYTES = 250
BEATS = 2  # per second
NEIGHBOUR_BYTES_MAX = 4_000_000  # per second: then the farthest entities wait
MOVE_BYTES = 3_000  # a player that moves, and the letters about it
MOVES_PER_SECOND_MAX = 256 / 0.35  # 256 at a time, each of a third of a second
REPORTS_PER_SECOND = 1  # of each host, to etcd


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--players", type=int, nargs="+", default=[100_000, 1_000_000], metavar="N", help="in the whole fleet [100000 1000000]")
    add("--per-host", type=int, default=3_000, metavar="N", help="players of a host [3000]")
    add("--density", type=float, nargs="+", default=[0.001, 0.01, 0.05], metavar="D", help="players per square metre [0.001 0.01 0.05]")
    add("--sight", type=float, default=100.0, metavar="M", help="how far players see, in metres [100]")
    add("--speed", type=float, default=4.0, metavar="M/S", help="how fast they walk [4]")
    add("--card", type=float, default=25.0, metavar="GBIT/S", help="network card of a host, and of a server of NATS [25]")
    add("--nats-messages", type=float, default=1e6, metavar="N", help="messages per second that a server of NATS carries [1000000]")
    add("--nats-servers", type=int, default=3, metavar="N", help="servers of NATS, which share the load [3]")
    add("--json", action="store_true", help="for machines")
    return parser.parse_args()


def plan(players, density, given):
    """One row: what a fleet of so many players at this density carries."""
    hosts = math.ceil(players / given.per_host)
    on_host = players / hosts
    side = math.sqrt(on_host / density)
    # A neighbour sees a strip along one side, as deep as players see; the diagonal ones a quarter of a circle.
    deep, near = min(given.sight, side), min(NEAR, side)
    strip, strip_near = side * deep * density, side * near * density
    corner, corner_near = (math.pi / 4 * reach**2 * density for reach in (deep, near))
    neighbours = 0 if hosts == 1 else min(hosts - 1, 8)
    sides, corners = min(neighbours, 4), max(neighbours - 4, 0)
    bytes_of = lambda shown, of_near: (of_near * UPDATES_NEAR + (shown - of_near) * UPDATES_FAR) * BYTES_PER_UPDATE
    to_side, to_corner = bytes_of(strip, strip_near), bytes_of(corner, corner_near)
    shown = sides * strip + corners * corner
    wanted = max(to_side, to_corner)
    border = sides * min(to_side, NEIGHBOUR_BYTES_MAX) + corners * min(to_corner, NEIGHBOUR_BYTES_MAX)
    messages = neighbours * MESSAGES_TO_NEIGHBOUR
    # Of people who walk in all directions, density x speed / pi cross a metre of border in a second.
    moves = density * given.speed / math.pi * side * sides
    bus_out = border + messages * MESSAGE_OVERHEAD + moves * MOVE_BYTES + BEATS * BEAT_BYTES
    # Each beat goes to all.
    bus_in = bus_out + hosts * BEATS * BEAT_BYTES
    nats_bytes = hosts * (bus_out + bus_in)
    nats_messages = hosts * (messages + hosts * BEATS + moves * 8)
    layout = "crowd" if density >= 0.03 else "spread"
    to_players = on_host * BYTES_TO_PLAYER[layout]
    card = given.card * 1e9 / 8
    shares = {
        "bus: bytes of a neighbour": wanted / NEIGHBOUR_BYTES_MAX,
        "host: core of the border": shown * BORDER_CORE_PER_ENTITY,
        "host: network card": (to_players + bus_out + bus_in) / card,
        "host: moves at a time": moves / MOVES_PER_SECOND_MAX,
        "NATS: bytes": nats_bytes / (card * given.nats_servers),
        "NATS: messages": nats_messages / (given.nats_messages * given.nats_servers),
    }
    return {
        "players": players,
        "density": density,
        "hosts": hosts,
        "zone_side_m": side,
        "entities_shown_per_host": shown,
        "moves_per_second_per_host": moves,
        "to_players_bytes_per_second_per_host": to_players,
        "bus_out_bytes_per_second_per_host": bus_out,
        "bus_in_bytes_per_second_per_host": bus_in,
        "nats_bytes_per_second": nats_bytes,
        "nats_messages_per_second": nats_messages,
        "etcd_writes_per_second": hosts * REPORTS_PER_SECOND,
        "shares": shares,
        "full_first": max(shares, key=shares.get),
    }


def amount(number):
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f} "


def table(rows):
    head = ("players", "per m²", "hosts", "zone", "shown", "moves/s", "to players", "to the bus", "NATS", "letters/s", "etcd/s", "full first")
    lines = [head]
    for row in rows:
        first = row["full_first"]
        lines.append(
            (
                f"{row['players']:,}",
                f"{row['density']:g}",
                f"{row['hosts']:,}",
                f"{row['zone_side_m']:,.0f} m",
                f"{row['entities_shown_per_host']:,.0f}",
                f"{row['moves_per_second_per_host']:.0f}",
                amount(row["to_players_bytes_per_second_per_host"]) + "B/s",
                amount(row["bus_out_bytes_per_second_per_host"]) + "B/s",
                amount(row["nats_bytes_per_second"]) + "B/s",
                amount(row["nats_messages_per_second"]).strip(),
                f"{row['etcd_writes_per_second']:,}",
                f"{first}: {row['shares'][first]:.0%}",
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in lines)


def main():
    given = arguments()
    numbers = [*given.players, given.per_host, *given.density, given.sight, given.speed, given.card, given.nats_messages, given.nats_servers]
    if min(numbers) <= 0:
        sys.exit("fleet-scale: all numbers must be greater than 0")
    rows = [plan(players, density, given) for players in given.players for density in given.density]
    print(json.dumps(rows, indent=2) if given.json else table(rows))


if __name__ == "__main__":
    main()
