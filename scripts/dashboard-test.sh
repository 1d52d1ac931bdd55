#!/usr/bin/env bash
# Tests the dashboard in a browser with a real server, and the page of a gateway: no error, no request to another host, all
# figures shown, and nothing cut off or off screen, from phone to wall display.
#
#   scripts/dashboard-test.sh [BINARY] [SCREENSHOT]
#
#   BOTS=300      players in the world, run by the ringshard-bench beside the binary
#   WATCH_S=125   seconds before the screenshot; 125 fills its two minutes
#   CHROMIUM=...  the browser
#
# Exit code 3: there is no browser or no python3.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "${1:-$(scripts/build.sh --no-build)/ringshard}") screenshot=${2:-} bots=${BOTS:-0}
[[ -x $binary ]] || { echo "no server at $binary: cargo build --release" >&2; exit 1; }
for browser in ${CHROMIUM:-chromium chromium-browser google-chrome google-chrome-stable}; do
    browser=$(command -v "$browser") && break
done
[[ -n $browser ]] || { echo "no browser: apt-get install chromium, or name one with CHROMIUM" >&2; exit 3; }
command -v python3 >/dev/null || { echo "no python3: apt-get install python3" >&2; exit 3; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/test.py" <<'END_OF_TEST'
import base64, contextlib, errno, json, os, pathlib, queue, random, signal, socket, ssl, subprocess, sys, threading, time
import urllib.error, urllib.request

binary, browser, work, screenshot, bots, watch_s = sys.argv[1:4] + [sys.argv[4], int(sys.argv[5]), float(sys.argv[6])]
SECRET = "0123456789abcdef0123456789abcdef"
# Processes to end, and those that the load generator would leave behind.
started, grandchildren = [], []


def start(*command, **options):
    started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, **options))
    return started[-1]


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


def until(what, met, timeout_s=40):
    deadline = time.monotonic() + timeout_s
    while not (found := met()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.1)
    return found


def ask(admin, path, secret=None):
    request = urllib.request.Request(f"http://{admin}{path}", headers={"Authorization": f"Bearer {secret}"} if secret else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read()
    except OSError:
        return None


class Server:
    """A demonstration server on its own ports."""

    def __init__(self, *options):
        self.listen = f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
        self.admin = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
        self.options = options
        self.start()

    def start(self):
        arguments = ["--game", "demo", "--npcs", "200", "--listen", self.listen, "--admin", self.admin, *self.options]
        self.process = start(binary, "serve", *arguments, stdout=subprocess.DEVNULL, stderr=open(f"{work}/log", "w"))
        until("the server answers", lambda: self.process.poll() is not None or ask(self.admin, "/"))
        assert self.process.poll() is None, pathlib.Path(work, "log").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def server_with_bots(count):
    """The admin address of the server that the load generator starts."""
    bench = pathlib.Path(binary).with_name("ringshard-bench")
    cpus = sorted(os.sched_getaffinity(0))
    some, rest = ",".join(map(str, cpus[: max(2, len(cpus) // 2)])), ",".join(map(str, cpus[len(cpus) // 2 :]))
    command = [bench, "bots", "--clients", str(count), "--npcs", "300", "--fight", "0.5", "--chat", "0.2", "--secs", str(int(watch_s) + 300)]
    process = start(*command, "--server-cpus", some, "--client-cpus", rest, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def admin():
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            words = pathlib.Path(f"/proc/{child}/cmdline").read_text().split("\0")
            if "--admin" in words:
                grandchildren.append(int(child))
                return words[words.index("--admin") + 1]

    admin = until("the load generator starts a server", admin)

    def players():
        stats = ask(admin, "/stats")
        return stats and sum(core["counters"].get("world_players", 0) for core in json.loads(stats)["cores"]) == count

    until("all players are in the world", players)
    return admin


class Page:
    """A page in a browser, driven over the DevTools protocol."""

    def __init__(self):
        (commands, to_browser), (from_browser, answers) = os.pipe(), os.pipe()
        shell = f'exec "$0" "$@" 3<&{commands} 4>&{answers}'
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={work}/profile"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = start("nice", "bash", "-c", shell, browser, *flags, "about:blank", pass_fds=(commands, answers), **quiet)
        os.close(commands), os.close(answers)
        self.pipe, self.last, self.session = to_browser, 0, None
        self.answers, self.requests, self.complaints = queue.Queue(), [], []
        threading.Thread(target=self.read, args=(from_browser,), daemon=True).start()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.call(f"{domain}.enable")
        self.resize(1600, 1300)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])

    def read(self, pipe):
        rest = b""
        while more := os.read(pipe, 1 << 20):
            *messages, rest = (rest + more).split(b"\0")
            for message in map(json.loads, messages):
                self.answers.put(message) if "id" in message else self.note(message["method"], message["params"])

    def note(self, event, it):
        if event == "Runtime.exceptionThrown":
            details = it["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif event == "Runtime.consoleAPICalled" and it["type"] in ("error", "assert", "warning"):
            self.complaints.append(" ".join(str(argument.get("value", argument)) for argument in it["args"]))
        elif event == "Log.entryAdded" and it["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{it['entry']['text']} {it['entry'].get('url', '')}")
        elif event in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            self.requests.append(it["url"] if "url" in it else it["request"]["url"])

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params} | ({"sessionId": self.session} if self.session else {})
        os.write(self.pipe, json.dumps(message).encode() + b"\0")
        while (answer := self.answers.get(timeout=60))["id"] != self.last:
            pass
        assert "error" not in answer, f"{method}: {answer.get('error')}"
        return answer["result"]

    def js(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, f"{expression}: {result['exceptionDetails']}"
        return result["result"].get("value")

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, admin):
        self.origin, self.requests[:], self.complaints[:] = f"http://{admin}/", [], []
        self.call("Page.navigate", url=self.origin)
        until("the page is there", lambda: self.js("document.readyState === 'complete' && location.href") == self.origin)

    def is_clean(self):
        assert not self.complaints, "\n".join(self.complaints)
        elsewhere = [url for url in self.requests if not url.startswith((self.origin, "data:"))]
        assert not elsewhere, f"the page sends requests elsewhere: {elsewhere}"

    def save(self, file):
        # As high as the page: a canvas outside the viewport would be stretched.
        self.resize(1600, int(self.call("Page.getLayoutMetrics")["cssContentSize"]["height"]))
        time.sleep(2)
        image = self.call("Page.captureScreenshot", format="png")["data"]
        pathlib.Path(file).write_bytes(base64.b64decode(image))


TEXT = "(document.querySelector('{}') ?? {{textContent: ''}}).textContent"
# Number of colours of a canvas: one if it is empty, few if it shows only a message.
COLOURS = """(() => { const it = document.getElementById('%s'), { width, height } = it;
    const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(it, 0, 0);
    return new Set(new Uint32Array(copy.getImageData(0, 0, width, height).data.buffer)).size; })()"""

# Elements that are off screen, cut off or without a name.
MISFITS = """(() => {
    const name = it => `${it.closest('[id]').id}: ${it.tagName.toLowerCase()} '${it.textContent.trim().slice(0, 40)}'`, misfits = [];
    if (document.documentElement.scrollWidth > innerWidth) misfits.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);
    for (const it of document.querySelectorAll('header *, main *')) {
        const { left, right, width, height } = it.getBoundingClientRect();
        if (width && height && (left < -1 || right > innerWidth + 1)) misfits.push(`beyond the edge: ${name(it)}`);
        const cuts = getComputedStyle(it).overflowX !== 'visible' && !['SELECT', 'SVG', 'INPUT'].includes(it.tagName.toUpperCase());
        if (cuts && it.scrollWidth > it.clientWidth + 1) misfits.push(`cut: ${name(it)}`);
    }
    for (const it of document.querySelectorAll('main > section:not(#tiles)')) if (!it.querySelector('h2')?.textContent.trim()) misfits.push(`no title: ${it.id}`);
    for (const it of document.querySelectorAll('.meter')) if (!it.title) misfits.push(`no scale: ${name(it)}`);
    return misfits.slice(0, 12).join('\\n'); })()"""
# The share of the heat map's width that is painted.
HEAT_PAINTED = """(() => { const it = document.getElementById('heat-map'), { width, height } = it, left = 50;
    if (width <= left) return 0;
    const data = it.getContext('2d').getImageData(left, 0, width - left, height).data, across = width - left;
    let painted = 0;
    for (let x = 0; x < across; x += 1) {
        let dots = 0;
        for (let y = 0; y < height; y += 1) dots += data[(y * across + x) * 4 + 3] > 0;
        painted += dots > 12;
    }
    return painted / across; })()"""
# A datagram that belongs to no connection, and one that is of no protocol.
NONSENSE = (bytes([0]) + bytes([0x55] * 63), bytes(64))


def shows_figures(page, cores):
    status = page.js("document.body.dataset.status")
    rows = page.js("document.querySelectorAll('#cores tbody tr').length")
    figures = [page.js(TEXT.format(f"#{name}")) for name in ("players", "in-rate", "out-rate", "busy", "tick", "skipped")]
    curves = page.js("[...document.querySelectorAll('#curves tbody tr')].filter(row => row.cells[2].textContent !== '–').length")
    drawn = [page.js(COLOURS % name) > 24 for name in ("heat-map", "curve-plot", "lane-plot")]
    known = all(figure and figure[0].isdigit() for figure in figures)
    return status in ("ok", "shedding", "overrunning") and rows == cores and known and curves >= 3 and all(drawn)


def test_figures(page, admin):
    served = ask(admin, "/").decode()
    assert served == pathlib.Path("shard/src/ops/admin/dashboard.html").read_text(), "the server has a different dashboard: build it first"
    cores = len(json.loads(ask(admin, "/stats"))["cores"])
    page.open(admin)
    until("figures", lambda: shows_figures(page, cores))
    page.is_clean()
    if bots:
        until("players", lambda: page.js(TEXT.format("#players")) == f"{bots:,}")
        until("sessions", lambda: page.js("document.querySelectorAll('#sessions tbody tr').length") == 10)
    until("enough is seen", lambda: time.monotonic() > opened + watch_s, watch_s + 10)
    if screenshot:
        page.save(screenshot)


def test_reload(page, admin):
    """The heat map shows what the server has recorded since its start at once, not two minutes later."""
    uptime_s = lambda: json.loads(ask(admin, "/stats"))["uptime_s"]
    until("there is something to show", lambda: uptime_s() > 30)
    page.open(admin)
    until("the heat map is filled", lambda: page.js(HEAT_PAINTED) > 0.7 * min(1, uptime_s() / 120), 6)


def test_sizes(page, admin):
    stats = json.loads(ask(admin, "/stats"))
    host, port = stats["listen"].rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in NONSENSE * 3:
            sender.sendto(datagram, (host, int(port)))
    for width in (390, 768, 1024, 1400, 2560):
        page.resize(width, 900)
        page.open(admin)
        until("the first answer", lambda: page.js("document.querySelectorAll('#cores tbody tr').length"))
        until("figures", lambda: shows_figures(page, len(stats["cores"])))
        until("drops", lambda: page.js("document.querySelectorAll('#drops tbody tr').length") >= 2)
        for order in page.js("[...document.getElementById('order').options].map(option => option.value)") if bots else []:
            page.js(f"order = document.getElementById('order'); order.value = {json.dumps(order)}; order.dispatchEvent(new Event('change'))")
            shown = "[...document.querySelectorAll('#sessions th[aria-sort]')].filter(head => !head.hidden).length"
            assert page.js(shown) > 0, f"at {width} pixels nothing shows the order {order}"
        with contextlib.suppress(AssertionError):
            until("everything fits", lambda: not page.js(MISFITS), 5)
        misfits = page.js(MISFITS)
        assert not misfits, f"at {width} pixels:\n{misfits}"
        page.is_clean()


def test_choices(page):
    page.js("document.querySelector('#cores tbody tr').click(); document.getElementById('ever').click()")
    for stage in page.js("[...document.getElementById('stage').options].map(option => option.value)"):
        page.js(f"stage = document.getElementById('stage'); stage.value = {json.dumps(stage)}; stage.dispatchEvent(new Event('change'))")
        until(f"{stage} is shown", lambda: page.js(TEXT.format("#curves .picked td")) == stage)
    for head in range(page.js("document.querySelectorAll('#cores th').length")):
        page.js(f"document.querySelectorAll('#cores th')[{head}].click()")
    for canvas in ("heat-map", "curve-plot", "lane-plot"):
        box = page.js(f"(() => {{ const it = document.getElementById('{canvas}'); it.scrollIntoView(); return it.getBoundingClientRect().toJSON() }})()")
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=box["right"] - 12, y=box["top"] + box["height"] / 2)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    page.resize(1280, 1000)
    until("everything fits in the light, too", lambda: not page.js(MISFITS))
    page.is_clean()


def test_secret(page):
    file = pathlib.Path(work, "secret")
    file.touch(mode=0o600)
    file.write_text(SECRET)
    server = Server("--admin-token-file", str(file))
    page.open(server.admin)
    for secret, shown in (("another secret, but not it", False), (SECRET, True)):
        until("the page asks for the secret", lambda: page.js("document.body.dataset.status === 'locked' && !document.getElementById('login').hidden"))
        page.js(f"document.getElementById('secret').value = {json.dumps(secret)}; document.querySelector('#login button').click()")
    until("figures behind a secret", lambda: shows_figures(page, len(json.loads(ask(server.admin, "/stats", SECRET))["cores"])))
    server.stop()


def test_services(page):
    """Without services the section is hidden. With them, it shows what they are, and each count that is not 0."""
    hidden = "document.getElementById('services').hidden"
    assert page.js(hidden), "the server has no services, but the page shows them"
    server = Server("--services", f"{work}/services", "--login", "127.0.0.1:0")
    page.open(server.admin)
    until("the page shows the services", lambda: not page.js(hidden))
    about = json.loads(ask(server.admin, "/services"))["about"]
    shown = lambda: page.js(TEXT.format("#services dl"))
    until("the login door and its certificate", lambda: about["login"] in shown() and about["certificate"] in shown())
    refuse_login(about["login"])
    rows = "[...document.querySelectorAll('#services tbody tr')].filter(row => row.cells[0].matches('.warn, .bad')).map(row => row.cells[0].textContent)"
    until("the page marks what was refused", lambda: "login_requests_refused" in page.js(rows))
    for width in (390, 1400):
        page.resize(width, 900)
        until(f"the services fit into {width} pixels", lambda: not page.js(MISFITS))
    page.is_clean()
    server.stop()


def test_gateway(page):
    """The page of a gateway shows each counter of /metrics once, with its meaning, and fits."""
    key = pathlib.Path(work, "server.key")
    public = subprocess.run([binary, "keygen", "--out", key], check=True, capture_output=True, text=True).stdout.split()[-1]
    server = Server("--key", str(key))
    admin, listen, peers = (f"127.0.0.1:{free_port(kind)}" for kind in (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM))
    options = ["--listen", listen, "--admin", admin, "--peers", peers, "--carriers", "websocket", "--threads", "2"]
    gateway = start(binary, "gateway", "--server", f"demo={server.listen},{public}", *options, stderr=open(f"{work}/gateway-log", "w"))
    until("the gateway answers", lambda: gateway.poll() is not None or ask(admin, "/ready"))
    assert gateway.poll() is None, pathlib.Path(work, "gateway-log").read_text()
    page.open(admin)
    shown = "[...document.querySelectorAll('#groups tr td:first-child')].map(cell => cell.textContent)"
    until("figures of the gateway", lambda: page.js(shown))
    metrics = ask(admin, "/metrics").decode()
    counters = {line.split()[2].removeprefix("ringshard_gateway_") for line in metrics.splitlines() if line.startswith("# TYPE") and line.endswith(" counter")}
    assert sorted(page.js(shown)) == sorted(counters), f"shown once each: {counters ^ set(page.js(shown))}"
    assert page.js("[...document.querySelectorAll('#groups tr td:first-child')].every(cell => cell.title)"), "a counter has no meaning"
    cut = "document.documentElement.scrollWidth > innerWidth"
    for width in (390, 1400):
        page.resize(width, 900)
        assert not page.js(cut), f"at {width} pixels the page is too wide"
    page.is_clean()
    if screenshot:
        page.save(pathlib.Path(screenshot).with_stem(pathlib.Path(screenshot).stem + "-gateway"))
    gateway.terminate()
    gateway.wait(20)
    server.stop()


def refuse_login(address):
    """Sends a login that the door refuses."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(f"https://{address}/v1/login", data=b"{", method="POST"), timeout=10, context=trust)


def test_silence(page):
    server = Server()
    page.open(server.admin)
    until("figures", lambda: page.js("document.querySelectorAll('#cores tbody tr').length"))
    page.is_clean()
    server.stop()
    until("the page reports the silence", lambda: page.js("document.body.dataset.status") == "silent")
    assert "No answer since" in page.js(TEXT.format("#notice"))
    server.start()
    until("the page reports the restart", lambda: "The server restarted" in page.js(TEXT.format("#notice")) and page.js("document.body.dataset.status") != "silent")
    server.stop()


opened = time.monotonic()
try:
    page = Page()
    admin = server_with_bots(bots) if bots else Server().admin
    opened = time.monotonic()
    for test, arguments in ((test_figures, (page, admin)), (test_reload, (page, admin)), (test_sizes, (page, admin)), (test_choices, (page,)), (test_services, (page,)), (test_gateway, (page,)), (test_secret, (page,)), (test_silence, (page,))):
        test(*arguments)
        print(f"ok: {test.__name__.removeprefix('test_')}", flush=True)
except AssertionError as failure:
    sys.exit(f"failed: {failure}")
finally:
    for pid in grandchildren:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for process in reversed(started):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in started:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
END_OF_TEST
python3 "$work/test.py" "$binary" "$browser" "$work" "$screenshot" "$bots" "${WATCH_S:-0}"
