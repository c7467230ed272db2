"""mkt-driverd with a simulated OpenEVSE charger: stopped, killed, unplugged, rebooted."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = sys.argv[1]
DIR = tempfile.mkdtemp(prefix="mkt-rapi.")
LINK = DIR + "/ev"
tests = 0
failed = False
started = []


def ok(good, what):
    global tests, failed
    tests += 1
    failed |= not good
    print("%sok %d - %s" % ("" if good else "not ", tests, what), flush=True)


def wait(what, check, seconds=30):
    """Until check() is true; the time is for machines that do much else."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            ok(False, what)
            return False
        time.sleep(0.02)
    ok(True, what)
    return True


class Sim:
    def __init__(self):
        self.p = subprocess.Popen(
            [BUILD + "/mkt-sim-rapi", "--pty", LINK, "--soc", "300", "--plugged", "--parent-dies"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        started.append(self.p)
        assert self.p.stdout.readline() == "ready %s\n" % LINK

    def say(self, line):
        self.p.stdin.write(line + "\n")
        out = []
        while True:
            got = self.p.stdout.readline().strip()
            if got == "ok" or got.startswith("error") or not got:
                return out
            out.append(got)

    def show(self, name):
        words = dict(w.split("=") for w in self.say("show")[0].split())
        return int(words[name])


class Driverd:
    """The process and a connection to it, with the picture that it tells."""

    def __init__(self):
        self.p = subprocess.Popen([BUILD + "/mkt-driverd", "-f", DIR + "/devices.conf", "yard"],
                                  stderr=subprocess.DEVNULL)
        started.append(self.p)
        self.s = None
        self.nr = 0
        self.connect()

    def connect(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                self.s = socket.socket(socket.AF_UNIX)
                self.s.connect(DIR + "/sockets/yard.sock")
                break
            except OSError:
                time.sleep(0.02)
        self.s.settimeout(0)
        self.left = b""
        self.state, self.readings, self.order, self.answers = "", {}, {}, {}

    def take(self):
        try:
            while True:
                got = self.s.recv(65536)
                if not got:
                    break
                self.left += got
        except OSError:
            pass
        *lines, self.left = self.left.split(b"\n")
        for line in lines:
            w = line.decode().split(" ")
            if w[0] == "state":
                self.state = w[2]
            elif w[0] == "reading":
                for r in w[2:]:
                    name, value = r.split("=")
                    self.readings[name] = value.split("/")[0]
            elif w[0] == "order":
                self.order = dict(x.split("=") for x in w[2:])
            elif w[0] in ("ok", "error"):
                self.answers[int(w[1])] = w

    def is_state(self, state):
        self.take()
        return self.state == state

    def reading(self, name):
        self.take()
        return self.readings.get(name)

    def ask(self, text):
        """The answer's words."""
        self.nr += 1
        self.s.sendall(b"%d %s\n" % (self.nr, text.encode()))
        end = time.monotonic() + 30
        while self.nr not in self.answers and time.monotonic() < end:
            self.take()
            time.sleep(0.01)
        return self.answers.get(self.nr, ["nothing"])

    def end(self, sig):
        self.s.close()
        self.p.send_signal(sig)
        return self.p.wait(30)


def story():
    d = Driverd()
    wait("a port that is not there is waited for", lambda: d.is_state("absent"))
    sim = Sim()
    wait("the charger is ready", lambda: d.is_state("ready"))
    a = d.ask("order ev set=current:16000 lease=600")
    ok(a[0] == "ok" and "applied=current:16000" in a, "16 A are ordered and confirmed")
    wait("16 A flow", lambda: sim.show("power_w") == 3680)

    d.p.send_signal(signal.SIGSTOP)
    wait("stopped: the charger falls back by itself", lambda: sim.show("power_w") == 1840)
    d.p.send_signal(signal.SIGCONT)
    wait("continued: 16 A again", lambda: sim.show("power_w") == 3680)

    before = os.readlink(LINK)
    sim.say("hangup for=1")
    wait("the cable is pulled: not ready", lambda: not d.is_state("ready"))
    wait("plugged in again: ready", lambda: d.is_state("ready"))
    ok(os.readlink(LINK) != before, "under another name")
    wait("16 A flow after it", lambda: sim.show("power_w") == 3680)

    sim.say("reboot in=500")
    wait("a reboot stops it", lambda: sim.show("power_w") == 0)
    wait("and it goes on, with 16 A", lambda: sim.show("power_w") == 3680)
    wait("which is read back", lambda: d.reading("current.limit") == "16000")

    d.end(signal.SIGKILL)
    ok(sim.show("power_w") == 3680, "killed: charging goes on")
    d = Driverd()
    wait("started again: ready", lambda: d.is_state("ready"))
    wait("the order is taken up", lambda: d.order.get("set") == "current:16000" or d.take())
    ok(sim.show("limit_ma") == 16000, "charging was not interrupted")

    now = int(d.reading("energy.import"))
    d.ask("order ev set=current:16000 lease=600 stop.import=%d" % (now + 3))
    wait("it stops at a counter", lambda: sim.show("power_w") == 0)
    d.ask("refresh ev")
    # 3680 W are a Wh a second, and a machine that does other things takes seconds.
    ok(now + 3 <= int(d.reading("energy.import")) <= now + 12, "and not far above it")

    d.ask("order ev set=current:10000 lease=600")
    wait("10 A flow", lambda: sim.show("power_w") == 2300)
    ok(d.end(signal.SIGTERM) == 0, "mkt-driverd ends")
    ok(sim.show("relay") == 0, "and leaves the charger paused")
    sim.say("quit")
    ok(sim.p.wait(10) == 0 and not os.path.lexists(LINK), "the simulator ends and leaves no link")


def main():
    os.mkdir(DIR + "/sockets", 0o700)
    with open(DIR + "/devices.conf", "w") as f:
        f.write("[site]\nsockets = %s/sockets\n[line.yard]\nport = %s\n"
                "[device.ev]\nline = yard\ndriver = rapi\nwatchdog = 5s\nfailsafe = 8A\n"
                % (DIR, LINK))
    try:
        story()
    finally:
        for p in started:
            if p.poll() is None:
                p.kill()
        shutil.rmtree(DIR)
    print("1..%d" % tests)
    return failed


sys.exit(main())
