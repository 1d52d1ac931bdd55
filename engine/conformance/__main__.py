"""Runs all cases against real servers: `python engine/conformance BINARY [PART OF A NAME]`."""

import concurrent.futures
import importlib
import sys
import time

import cases
from server import Server

# The server configurations that cases use, by name. Budgets are off unless a case tests them. Cases of the servers in
# SLOW wait for many seconds, so each runs in its own thread beside all others.
SLOW = ("slow", "clock")
NO_BUDGET = {"connection-messages-per-second": 0, "connection-bytes-per-second": 0}
CONFIGURATIONS = {
    "echo": {**NO_BUDGET, "cipher": "auto"},
    "slow": {**NO_BUDGET, "heartbeat-ms": 400, "timeout-ms": 1200, "integrity-keys": ["21" * 32, "42" * 32]},
    "secret": {**NO_BUDGET, "pre-shared-key": bytes(range(32)).hex()},
    "limits": {"heartbeat-ms": 300, "timeout-ms": 2500, "max-connections": 3},
    "busy": {"address-handshakes-per-second": 1, "address-handshakes-at-once": 2, "allow": ["203.0.113.0/24"]},
    "clock": {"clock": True, "heartbeat-ms": 3_500_000, "timeout-ms": 3_600_000},
    "budget": {"connection-messages-per-second": 2000},
    "gateway": {**NO_BUDGET, "gateway-keys": ["6b" * 32, "6c" * 32], "deny": ["203.0.113.66"],
                "address-handshakes-per-second": 1, "address-handshakes-at-once": 2},
    "memory": {**NO_BUDGET, "message-memory-mib": 4},
    "drain": {"drain-ms": 1500},
    "demo": {**NO_BUDGET, "game": "demo", "npcs": 20, "layout": "crowd", "entities": 256},
}
SUBJECTS = ("cases_vectors", "cases_handshake", "cases_messages", "cases_life", "cases_dropped", "cases_violations",
            "cases_gateways", "cases_world")


def run(case, server):
    """Runs one case and prints one line. Returns whether it passed, or None if it was skipped."""
    begun = time.monotonic()
    try:
        if server is not None:
            server.check_alive()
        case.run(server)
        if server is not None:
            server.check_alive()
    except cases.Skipped as why:
        print(f"skipped {case.name}: {why}", flush=True)
        return None
    except Exception as error:
        text = str(error) if isinstance(error, cases.Differs) else f"{type(error).__name__}: {error}"
        print(f"FAILED  {case.name}: {text}", flush=True)
        return False
    took = time.monotonic() - begun
    print(f"ok      {case.name}" + (f" ({took:.1f} s)" if took >= 1 else ""), flush=True)
    return True


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: conformance BINARY [PART OF A NAME]; BINARY is a built `ringshard`")
    for subject in SUBJECTS:
        importlib.import_module(subject)
    chosen = [case for case in cases.CASES if len(sys.argv) < 3 or sys.argv[2] in case.name]
    if not chosen:
        sys.exit(f"conformance: no case has `{sys.argv[2]}` in its name; without that argument all {len(cases.CASES)} run")
    servers, verdicts = {}, []
    try:
        for name in {case.server for case in chosen if case.server}:
            servers[name] = Server(sys.argv[1], name, **CONFIGURATIONS[name])
        with concurrent.futures.ThreadPoolExecutor(max_workers=16) as threads:
            slow = [threads.submit(run, case, servers[case.server]) for case in chosen if case.server in SLOW]
            verdicts += [run(case, servers.get(case.server)) for case in chosen if case.server not in SLOW]
            verdicts += [verdict.result() for verdict in slow]
    finally:
        for name, server in servers.items():
            code = server.stop()
            print(f"{'ok     ' if code == 0 else 'FAILED '} the server `{name}` exited with code {code}")
            verdicts.append(code == 0)
    print(f"{verdicts.count(True)} passed, {verdicts.count(False)} failed")
    sys.exit(1 if False in verdicts else 0)


main()
