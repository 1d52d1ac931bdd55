"""Runs `ringshard serve` on loopback and reads its counters."""

import errno
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from cases import Differs, Skipped


def free_port(kind):
    """A port that nobody uses. The kernel gives ports from 32768 on to other sockets at any time, so this one is lower."""
    while True:
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(10_000, 32_768)))
                return probe.getsockname()[1]
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise


class Server:
    """One server process with one configuration. Its exit code is checked at the end."""

    def __init__(self, binary, name, clock=False, **settings):
        self.name, binary = name, pathlib.Path(binary).resolve()
        self.folder = tempfile.TemporaryDirectory(prefix="ringshard-conformance-")
        folder = pathlib.Path(self.folder.name)
        key = folder / "server.key"
        made = subprocess.run([binary, "keygen", "--out", key], capture_output=True, text=True, check=True)
        self.public_key = bytes.fromhex(re.search(r"\b[0-9a-f]{64}\b", made.stdout + made.stderr)[0])
        self.address = ("127.0.0.1", free_port(socket.SOCK_DGRAM))
        self.admin = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
        self.log = folder / "log"
        self.settings = {"listen": f"127.0.0.1:{self.address[1]}", "admin": self.admin, "key": str(key), "cpus": "0",
                         "idle": "park", "dump-dir": str(folder), **settings}
        self.may_end = False
        self.admin_token = os.urandom(16).hex()
        self._in_file("admin-token-file", self.admin_token)
        self.pre_shared_key = None
        self.integrity_keys = []
        if "pre-shared-key" in settings:
            self.pre_shared_key = bytes.fromhex(settings["pre-shared-key"])
            self._in_file("pre-shared-key", settings["pre-shared-key"])
        if "integrity-keys" in settings:
            self.integrity_keys = [bytes.fromhex(line) for line in settings["integrity-keys"]]
            self._in_file("integrity-keys", "\n".join(settings["integrity-keys"]))
        if "gateway-keys" in settings:
            self._in_file("gateway-keys", "\n".join(settings["gateway-keys"]))
        self.config = folder / "ringshard.toml"
        self._write_config()
        self.clock = None
        environment = os.environ | (self._clock() if clock else {})
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([binary, "serve", "--config", self.config], stdout=log,
                                            stderr=subprocess.STDOUT, cwd=folder, env=environment)
        self._wait_until_ready()

    def _clock(self):
        """Builds the clock that cases can advance, if there is a C compiler. See clock.c."""
        folder = pathlib.Path(self.folder.name)
        compiler = shutil.which("cc")
        if compiler is None:
            return {}
        self.clock = folder / "clock"
        library, source = folder / "clock.so", pathlib.Path(__file__).with_name("clock.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        self.clock.write_bytes(bytes(8))
        return {"LD_PRELOAD": str(library), "CONFORMANCE_CLOCK": str(self.clock)}

    def advance_clock(self, seconds, begin=0, step=4):
        """Advances the server's clock in steps that its watchdog tolerates."""
        if self.clock is None:
            raise Skipped("no C compiler for clock.c")
        with self.clock.open("r+b", buffering=0) as clock:
            for ahead in range(begin + step, seconds + step, step):
                clock.seek(0)
                clock.write(ahead.to_bytes(8, "little"))
                time.sleep(0.02)

    def _in_file(self, setting, text):
        """Writes the value of a setting to a file, and sets the setting to the path."""
        path = pathlib.Path(self.folder.name) / setting
        path.touch(mode=0o600)
        path.write_text(text + "\n")
        self.settings[setting] = str(path)

    def _write_config(self):
        self.config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in self.settings.items()))

    def change(self, **settings):
        """Changes settings of the running server."""
        self.settings |= settings
        self._write_config()
        self._ask("POST", "/reload")

    def _wait_until_ready(self):
        until = time.monotonic() + 20
        while time.monotonic() < until and self.process.poll() is None:
            try:
                return self._ask("GET", "/ready")
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the server `{self.name}` did not start; log:\n{self.log.read_text()}")

    def _ask(self, method, path):
        body = None if method == "GET" else b""
        request = urllib.request.Request(f"http://{self.admin}{path}", method=method, data=body)
        request.add_header("Authorization", f"Bearer {self.admin_token}")
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read().decode()

    def drain(self):
        """Drains the server. It may then exit at any time, with exit code 0."""
        self.may_end = True
        self._ask("POST", "/drain")

    def counters(self):
        """All counters, summed over all cores.

        A drop is `drop REASON`; packets and messages have their direction after the name. Other counters have their
        metric name without `ringshard_` and `_total`.
        """
        found = {}
        line = re.compile(r'^ringshard_(\w+)\{core="\d+"(?:,(\w+)="(\w+)")?\} ([\d.e+]+)$', re.M)
        for family, label, name, value in line.findall(self._ask("GET", "/metrics")):
            family = family.removesuffix("_total")
            if label == "reason":
                key = f"drop {name}"
            elif label == "direction":
                key = f"{family} {name}"
            else:
                key = name or family
            found[key] = found.get(key, 0) + int(float(value))
        return found

    def counter(self, name):
        counters = self.counters()
        if name not in counters:
            raise LookupError(f"the server has no counter `{name}`, only {', '.join(sorted(counters))}")
        return counters[name]

    def counted(self, **expected):
        return Counted(self, expected)

    def check_alive(self):
        if self.process.poll() is not None and not (self.may_end and self.process.returncode == 0):
            raise Differs(f"the server `{self.name}`", "running",
                          f"exit code {self.process.returncode}; {self.log.read_text()[-500:]}")

    def stop(self):
        """Stops the server and returns its exit code. Only 0 is a pass."""
        if self.process.poll() is None:
            # With an advanced clock, a thread may sleep for an hour and cannot exit in time.
            self.process.send_signal(signal.SIGKILL if self.clock else signal.SIGTERM)
            if self.clock:
                return self._end(self.process.wait() + signal.SIGKILL)
        try:
            code = self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return self._end(code)

    def _end(self, code):
        self.folder.cleanup()
        return code


class Counted:
    """Expects that counters rise by exactly these amounts in a block, and that no other drop counter rises.

    The server drops later copies of a Disconnect as `unknown_connection`, at any time, so
    that counter is checked only if it is expected.
    """

    def __init__(self, server, expected):
        self.server = server
        self.expected = {name.replace("drop_", "drop ", 1) if name.startswith("drop_") else name: by
                         for name, by in expected.items()}

    def _see(self):
        now = self.server.counters()
        for name in self.expected:
            if name not in now:
                raise LookupError(f"the server has no counter `{name}`")
        return {name: by for name in now if (by := now[name] - self.before[name])
                and (name in self.expected or name.startswith("drop ") and name != "drop unknown_connection")}

    def __enter__(self):
        time.sleep(0.02)
        self.before = self.server.counters()

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        until = time.monotonic() + 3
        expected = {name: by for name, by in self.expected.items() if by}
        while (seen := self._see()) != expected:
            if time.monotonic() > until:
                raise Differs("counters", expected, seen)
            time.sleep(0.02)
