"""A real browser without a window, driven over WebDriver's plain HTTP (W3C WebDriver, §10 to §17)."""

import json
import os
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.request

from harness import Failure, eventually, free_ports

DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium")
MISSING = [name for name, path in (("chromium", CHROMIUM), ("chromium-driver", DRIVER)) if not path]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def descendants(pid):
    """Of all processes: who was started by whom."""
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # It ended meanwhile.
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, todo = [], [pid]
    while todo:
        todo += (more := children.get(todo.pop(), []))
        found += more
    return found


class Browser:
    """One window of one size. What the page logs is kept: a page in order logs nothing."""

    def __init__(self, work, width=1280, height=800, dark=False):
        self.work = pathlib.Path(work)
        (port,) = free_ports(1)
        self.base = f"http://127.0.0.1:{port}"
        self.log = open(self.work / "chromedriver.log", "ab")
        self.process = subprocess.Popen([DRIVER, f"--port={port}"], stdout=self.log,
                                        stderr=subprocess.STDOUT)
        try:
            eventually(self._ready, "the browser's driver answers")
            arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--force-device-scale-factor=1", f"--window-size={width},{height}",
                         f"--user-data-dir={self.work / 'profile'}"]
            if dark:
                arguments.append("--force-dark-mode")
            wanted = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                      "goog:chromeOptions": {"binary": CHROMIUM, "args": arguments}}
            session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self.session = "/session/" + session["sessionId"]
        except BaseException:
            self.process.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._call("DELETE", self.session)
        except (Failure, OSError):
            pass
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.work / "profile", ignore_errors=True)

    def _ready(self):
        try:
            return self._call("GET", "/status").get("ready")
        except OSError:
            return False

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise Failure(f"{method} {path}: {value['error']}: {value['message'][:400]}") from None

    def open(self, file, fragment=""):
        # An address that differs in its fragment only would not be loaded again.
        self._call("POST", self.session + "/url", {"url": "about:blank"})
        url = pathlib.Path(file).resolve().as_uri() + fragment
        self._call("POST", self.session + "/url", {"url": url})

    def renderers_cpu_ms(self):
        """Processor time that each process which runs pages has taken, by process: unlike the time
        on a clock it doesn't hang on what else the machine is doing."""
        taken = {}
        for pid in descendants(self.process.pid):
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            # Chromium rewrites its command line: one word, with spaces.
            if b"--type=renderer" in b" ".join(words).split(b" "):
                taken[pid] = (int(fields[11]) + int(fields[12])) * 1000 // TICKS_PER_SECOND
        return taken

    def run(self, script, *arguments):
        """The value of a function's body; consts of the page's scripts are in sight."""
        return self._call("POST", self.session + "/execute/sync",
                          {"script": script, "args": list(arguments)})

    def click(self, selector):
        found = self._call("POST", self.session + "/element",
                           {"using": "css selector", "value": selector})
        self._call("POST", f"{self.session}/element/{found[ELEMENT]}/click", {})

    def keys(self, text):
        actions = [step for key in text for step in
                   ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})]
        self._call("POST", self.session + "/actions",
                   {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def wheel(self, x, y, down):
        scroll = {"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": down, "duration": 0}
        self._call("POST", self.session + "/actions",
                   {"actions": [{"type": "wheel", "id": "wheel", "actions": [scroll]}]})

    def drag(self, x, y, to_x, to_y):
        moves = [{"type": "pointerMove", "x": x, "y": y, "duration": 0},
                 {"type": "pointerDown", "button": 0},
                 {"type": "pointerMove", "x": to_x, "y": to_y, "duration": 50},
                 {"type": "pointerUp", "button": 0}]
        self._call("POST", self.session + "/actions",
                   {"actions": [{"type": "pointer", "id": "mouse", "actions": moves}]})

    def click_at(self, x, y):
        self.drag(x, y, x, y)

    def complaints(self):
        return [line["message"] for line in
                self._call("POST", self.session + "/se/log", {"type": "browser"})]
