"""The figures of a run of the arena, and the verdict. scripts/arena.sh runs it and explains the targets."""
import argparse
import json
import statistics
import sys

# If less of the CPUs is idle, late inputs say nothing about the server.
IDLE_MIN = 0.05


def read_idle(path):
    """The share of the CPU time that was idle between the two lines of /proc/stat."""
    before, after = ([int(field) for field in line.split()[1:9]] for line in open(path))
    spent = [late - early for early, late in zip(before, after)]
    return (spent[3] + spent[4]) / max(sum(spent), 1)


def share(part, whole):
    return part / whole if whole else 0.0


def unexplained(bot):
    """Mispredictions that no bot can avoid: the first state, death, respawn, and an input that came too late."""
    known = 1 + 2 * bot["deaths"] + bot["inputs_missed"]
    return max(0, bot["mispredicted"] - known)


def figures(bots, secs):
    """Name, unit, digits and value of each bot."""
    return [
        ("snapshots per second", "", 1, [bot["snapshots"] / secs for bot in bots]),
        ("datagrams in per second", "", 1, [bot["datagrams_in"] / secs for bot in bots]),
        ("datagrams out per second", "", 1, [bot["datagrams_out"] / secs for bot in bots]),
        ("kB in per second", "", 1, [bot["bytes_in"] / secs / 1e3 for bot in bots]),
        ("inputs on time", "%", 2, [100 - 100 * share(bot["inputs_missed"], bot["snapshots"]) for bot in bots]),
        ("mispredicted", "%", 2, [100 * share(bot["mispredicted"], bot["predicted"]) for bot in bots]),
        ("of these, unexplained", "%", 2, [100 * share(unexplained(bot), bot["predicted"]) for bot in bots]),
        ("corrections", "", 0, [bot["corrections"] for bot in bots]),
        ("shots", "", 0, [bot["shots"] for bot in bots]),
        ("shots that hit", "%", 1, [100 * share(bot["hits"], bot["shots"]) for bot in bots]),
        ("kills", "", 0, [bot["kills"] for bot in bots]),
        ("deaths", "", 0, [bot["deaths"] for bot in bots]),
        ("asks", "", 0, [bot["asked"] for bot in bots]),
        ("asks answered", "%", 1, [100 * share(bot["answered"], bot["asked"]) for bot in bots]),
        ("words heard", "", 0, [bot["words"] for bot in bots]),
    ]


def missed_targets(bots, secs):
    median = {name: statistics.median(values) for name, _, _, values in figures(bots, secs)}
    total = {name: sum(bot[name] for bot in bots) for name in bots[0]}
    absent = sum(bot["snapshots"] == 0 for bot in bots)
    peaceful = sum(bot["kills"] == 0 or bot["deaths"] == 0 for bot in bots)
    refused = total["snapshots_refused"] + total["malformed"]
    targets = [
        (absent == 0, f"{absent} bots never entered the arena"),
        (refused == 0, f"{refused} messages of the server were malformed"),
        (median["snapshots per second"] >= 57, f"{median['snapshots per second']:.1f} snapshots per second, not 57"),
        (median["inputs on time"] >= 99, f"{median['inputs on time']:.2f} % of the inputs on time, not 99 %"),
        (share(sum(map(unexplained, bots)), total["predicted"]) <= 0.001,
         f"{sum(map(unexplained, bots))} mispredictions that no death and no late input explains, more than 0.1 %"),
        (total["answered"] >= 0.95 * total["asked"], f"{total['answered']} of {total['asked']} asks answered, not 95 %"),
        (share(total["hits"], total["shots"]) >= 0.8, f"{total['hits']} of {total['shots']} shots hit, not 80 %"),
        (peaceful <= len(bots) / 4 or secs < 20, f"{peaceful} bots did not kill, or were not killed"),
    ]
    return [text for is_met, text in targets if not is_met]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secs", type=float, required=True)
    parser.add_argument("--bots", required=True, help="what the bots printed: a JSON object per line")
    parser.add_argument("--cpu", required=True, help="the first line of /proc/stat, before and after")
    parser.add_argument("--json", required=True, help="where to write the figures; nowhere if it is empty")
    options = parser.parse_args()
    bots = [json.loads(line) for line in open(options.bots)]
    idle = read_idle(options.cpu)

    rows = figures(bots, options.secs)
    print(f"\n{'per bot':<26}{'median':>10}{'least':>10}{'most':>10}")
    for name, unit, digits, values in rows:
        columns = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
        print(f"{name + (f', {unit}' if unit else ''):<26}" + "".join(f"{column:>10}" for column in columns))

    missed = missed_targets(bots, options.secs)
    is_busy = idle < IDLE_MIN
    verdict = "pass" if not missed else "undecided" if is_busy else "fail"
    print(f"\nverdict: {verdict}" + "".join(f"\n  missed: {text}" for text in missed))
    if missed and is_busy:
        print(f"  The CPUs were idle for only {100 * idle:.0f} % of the time: use fewer bots, or a machine with more CPUs.")
    if options.json:
        medians = {name: statistics.median(values) for name, _, _, values in rows}
        result = {"verdict": verdict, "missed": missed, "cpu_idle": idle, "secs": options.secs, "medians": medians, "bots": bots}
        with open(options.json, "w") as file:
            json.dump(result, file)
    return {"pass": 0, "undecided": 3, "fail": 2}[verdict]


if __name__ == "__main__":
    sys.exit(main())
