"""Runs `ringshard gateway` on loopback, for development: with a certificate of its own."""

import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from server import free_port


class Gateway:
    """One gateway process before one server. Its exit code is checked at the end."""

    def __init__(self, binary, server, name="echo", **settings):
        self.folder = tempfile.TemporaryDirectory(prefix="ringshard-conformance-gateway-")
        folder = pathlib.Path(self.folder.name)
        self.address = ("127.0.0.1", free_port(socket.SOCK_DGRAM))
        self.admin = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
        self.log = folder / "log"
        host, port = server.address
        options = {"server": f"{name}={host}:{port},{server.public_key.hex()}", "admin": self.admin,
                   "listen": f"127.0.0.1:{self.address[1]}", "threads": 1, "page": "false", "drain-secs": 0,
                   "development-folder": folder, **settings}
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([binary, "gateway", *arguments], stdout=log, stderr=subprocess.STDOUT)
        self._wait_until_ready()
        self.certificate = next(folder.rglob("short-lived.pem"))

    def _wait_until_ready(self):
        until = time.monotonic() + 20
        while time.monotonic() < until and self.process.poll() is None:
            try:
                return self.ask("/ready")
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the gateway did not start; log:\n{self.log.read_text()}")

    def ask(self, path):
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=5) as answer:
            return answer.read().decode()

    def counter(self, name):
        """A counter of shard/gateway/README.md, without `ringshard_gateway_` and `_total`, summed over all threads."""
        start = f"ringshard_gateway_{name}_total{{"
        lines = [line for line in self.ask("/metrics").splitlines() if line.startswith(start)]
        if not lines:
            raise LookupError(f"the gateway has no counter {name}")
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines)

    def stop(self):
        """Stops the gateway and returns its exit code. Only 0 is a pass."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.folder.cleanup()
        return code
