"""Modbus slaves by pymodbus, with the register maps of the devices, and mkt-driverd before them.

(Not named pymodbus.py: that would be the library to itself.)
"""
import asyncio
import logging
import os
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.framer.socket_framer import ModbusSocketFramer
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer

logging.disable(logging.CRITICAL)
DRIVERD = sys.argv[1]
PATIENCE_S = 60


class Block(ModbusSparseDataBlock):
    """Registers; what was written is noted, and may move others."""

    def __init__(self, values, moves=None):
        super().__init__(values)
        self.written = []
        self.moves = moves

    def setValues(self, address, values, use_as_default=False):
        if not isinstance(values, list):
            values = [values]
        self.written.append((address, list(values)))
        super().setValues(address, values)
        if self.moves:
            self.moves(self.values)


def u32(address, value):
    return {address: value >> 16 & 0xFFFF, address + 1: value & 0xFFFF}


def f32(address, value, low_first=False):
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return {address: low, address + 1: high} if low_first else {address: high, address + 1: low}


def text(address, registers, value):
    data = value.encode().ljust(2 * registers, b"\0")
    return {address + i: data[2 * i] << 8 | data[2 * i + 1] for i in range(registers)}


def heidelberg():
    inputs = {4: 0x0108, 5: 7, 6: 99, 7: 98, 8: 100, 9: 325, 10: 231, 11: 230, 12: 232, 13: 1,
              14: 6810, 100: 16, 101: 6, 200: 1, 203: 108}
    inputs.update(u32(15, 12345))
    inputs.update(u32(17, 201268))
    holding = {257: 15000, 258: 0, 259: 1, 260: 0, 261: 160, 262: 0}
    return Block(inputs), Block(holding)


def abb():
    def moves(v):
        v[0x400E], v[0x400F], v[0x4020] = v[0x4100], v[0x4101], v[0x4106]
    r = text(0x4000, 4, "TACW1234")
    r.update({0x4004: 0x0106, 0x4005: 0x0500, 0x4020: 30, 0x4106: 30})
    for address, value in ((0x4006, 16000), (0x4008, 0), (0x400A, 0x111), (0x400C, 0x400),
                           (0x400E, 16000), (0x4010, 15980), (0x4012, 15950), (0x4014, 16010),
                           (0x4016, 2312), (0x4018, 2308), (0x401A, 2320), (0x401C, 11060),
                           (0x401E, 4321), (0x4100, 16000)):
        r.update(u32(address, value))
    return Block({0: 0}), Block(r, moves)


def mennekes(low_first):
    def moves(v):
        v[0x0B00], v[0x0B01] = v[0x0302], v[0x0303]
        v[0x030E] = v[0x073A]
    r = {0: 0x0103, 0x0100: 5, 0x0101: 1, 0x0108: 28, 0x030C: 2, 0x030E: 0, 0x073A: 0, 0x0D00: 0,
         0x0D04: 0, 0x0D05: 0, 0x0E00: 0, 0x0E01: 0}
    r.update(text(1, 16, "5.33"))
    r.update(text(0x13, 16, "134012345.00042"))
    for address, value in ((0x0302, 16.0), (0x0304, 16.0), (0x0306, 32.0), (0x0500, 15.9),
                           (0x0502, 15.8), (0x0504, 15.7), (0x0506, 230.2), (0x0508, 229.8),
                           (0x050A, 231.4), (0x050C, 3660.2), (0x050E, 3630.8), (0x0510, 3633.0),
                           (0x0512, 10924.0), (0x0900, 38.5), (0x0B00, 16.0), (0x0B02, 4.321),
                           (0x1000, 1234.567)):
        r.update(f32(address, value, low_first))
    return Block({0: 0}), Block(r, moves)


def sdm():
    r = {address: 0 for address in range(0, 0x60)}
    for address, value in ((0, 230.2), (2, 229.8), (4, 231.4), (6, 3.4), (8, 3.3), (10, 3.5),
                           (0x0C, 781.2), (0x0E, 782.1), (0x10, 782.3), (0x34, 2345.6),
                           (0x46, 50.01), (0x48, 1234.567), (0x4A, 12.3)):
        r.update(f32(address, value))
    return Block(r), Block({0: 0})


class Slave:
    """A server in a thread of its own, at unit 1."""

    def __init__(self, blocks, tcp, directory):
        self.inputs, self.holding = blocks
        store = ModbusSlaveContext(ir=self.inputs, hr=self.holding, zero_mode=True)
        self.context = ModbusServerContext(slaves={1: store}, single=False)
        self.tcp, self.socat = tcp, None
        if tcp:
            self.port, ours = "", None
        else:
            ours = os.path.join(directory, "slave")
            self.port = os.path.join(directory, "master")
            self.socat = subprocess.Popen(["socat", f"pty,raw,echo=0,link={ours}",
                                           f"pty,raw,echo=0,link={self.port}"])
            wait(lambda: os.path.exists(ours) and os.path.exists(self.port), "socat")
        threading.Thread(target=lambda: asyncio.run(self.serve(ours)), daemon=True).start()
        wait(lambda: self.port, "slave")

    async def serve(self, ours):
        if not self.tcp:
            await StartAsyncSerialServer(self.context, framer=ModbusRtuFramer, port=ours,
                                         baudrate=19200, timeout=0.005)
            return
        server = await StartAsyncTcpServer(self.context, framer=ModbusSocketFramer,
                                           address=("127.0.0.1", 0), defer_start=True)
        task = asyncio.ensure_future(server.serve_forever())
        while not server.server:
            await asyncio.sleep(0.01)
        self.port = "tcp:127.0.0.1:%d" % server.server.sockets[0].getsockname()[1]
        await task

    def end(self):
        if self.socat:
            self.socat.terminate()
            self.socat.wait()


class Driverd:
    """A private mkt-driverd."""

    def __init__(self, port, driver):
        self.process = subprocess.Popen(
            [DRIVERD, "--stdio", "--port", port, "--driver", driver, "--unit", "1",
             "-o", "phases=3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.buffer, self.readings, self.caps, self.state, self.identity = b"", {}, "", "", {}
        self.id, self.counters, self.said = 0, {}, []

    def line(self, deadline):
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError("\n".join(self.said[-20:]))
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise EOFError("\n".join(self.said[-20:]))
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        self.said.append(line.decode())
        return line.decode().split(" ")

    def take(self, words):
        values = dict(w.split("=", 1) for w in words if "=" in w)
        if words[0] == "reading":
            self.readings.update({k: v.split("/")[0] for k, v in values.items()})
        elif words[0] == "state":
            self.state = words[2]
        elif words[0] == "identity":
            self.identity.update(values)
        elif words[0] == "device":
            self.caps = values.get("caps", "")
        elif words[0] == "counters":
            self.counters = values

    def until(self, done):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            words = self.line(deadline)
            self.take(words)
            if done(words):
                return words

    def call(self, request):
        self.id += 1
        self.process.stdin.write(f"{self.id} {request}\n".encode())
        self.process.stdin.flush()
        return self.until(lambda w: w[0] in ("ok", "error") and w[1] == str(self.id))

    def end(self):
        self.process.stdin.close()
        try:
            for _ in range(1000):
                self.line(time.monotonic() + PATIENCE_S)
        except EOFError:
            pass
        self.process.stdout.close()
        return self.process.wait(PATIENCE_S)


def wait(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.01)


number = 0
failed = False


def ok(good, what, more=""):
    global number, failed
    number += 1
    failed |= not good
    print(f"{'' if good else 'not '}ok {number} - {what}", flush=True)
    if not good:
        print(f"# {more}")


def expect(d, what, **want):
    got = {k.replace("_", "."): d.readings.get(k.replace("_", ".")) for k in want}
    want = {k.replace("_", "."): str(v) for k, v in want.items()}
    ok(got == want, what, f"{got}, expected {want}")


def run(name, driver, blocks, tcp, check):
    directory = tempfile.mkdtemp()
    slave = Slave(blocks, tcp, directory)
    d = Driverd(slave.port, driver)
    try:
        d.until(lambda w: w[0] == "state" and w[2] in ("ready", "refused"))
        ok(d.state == "ready", f"{name}: ready", d.said)
        d.call("refresh device")
        check(name, d, slave)
        ok(d.counters.get("bad", "0") == "0", f"{name}: no bad frame", d.counters)
    finally:
        ok(d.end() == 0, f"{name}: mkt-driverd ends well")
        slave.end()
        shutil.rmtree(directory)


def order(d, ma):
    return d.call(f"order device set=current:{ma} lease=60")


def check_heidelberg(name, d, slave):
    expect(d, f"{name}: readings", power=6810, energy_import=201268, vehicle=3, temperature=32500,
           current_l1=9900, voltage_l3=232000, current_limit=16000, watchdog=15)
    answer = order(d, 10000)
    ok("applied=current:10000" in answer and slave.holding.values[261] == 100,
       f"{name}: 10 A are set", answer)
    answer = order(d, 0)
    ok("applied=current:0" in answer and slave.holding.values[261] == 0, f"{name}: paused", answer)
    answer = order(d, 4000)
    ok(answer[0] == "error" and answer[2] == "invalid" and slave.holding.values[261] == 0,
       f"{name}: never 4 A", answer)
    ok(slave.holding.values[258] == 4 and slave.holding.values[257] == 14999,
       f"{name}: standby off, watchdog armed")


def check_abb(name, d, slave):
    expect(d, f"{name}: readings", power=11060, energy_session=4321, vehicle=3, current_l3=16010,
           voltage_l2=230800, current_limit=16000, watchdog=60)
    ok(d.identity.get("serial") == "TACW1234" and d.identity.get("version") == "1.6.5",
       f"{name}: identity", d.identity)
    answer = order(d, 12345)
    ok("applied=current:12345" in answer and slave.holding.values[0x4101] == 12345,
       f"{name}: 12.345 A are set", answer)
    answer = order(d, 0)
    ok("applied=current:0" in answer and slave.holding.values[0x4101] == 0, f"{name}: paused",
       answer)
    ok(slave.holding.values[0x4106] == 60, f"{name}: timeout armed")


def check_mennekes(low_first):
    def check(name, d, slave):
        expect(d, f"{name}: readings", power=10924, energy_import=1234567, energy_session=4321,
               vehicle=3, current_l1=15900, voltage_l3=231400, power_l2=3631, temperature=38500,
               current_limit=0, energy_step=1)
        answer = order(d, 10000)
        want = f32(0x0302, 10.0, low_first)
        ok("applied=current:10000" in answer and slave.holding.values[0x0D05] == 1 and
           all(slave.holding.values[k] == v for k, v in want.items()),
           f"{name}: limit and release", answer)
        answer = order(d, 0)
        ok("applied=current:0" in answer and slave.holding.values[0x0D05] == 0 and
           all(slave.holding.values[k] == v for k, v in want.items()),
           f"{name}: paused by the release, not by a limit of 0", answer)
        ok((0x0D00, [0x55AA]) in slave.holding.written and slave.holding.values[0x073A] == 1,
           f"{name}: heartbeat and failsafe")
    return check


def check_sdm(name, d, slave):
    expect(d, f"{name}: readings", power=2346, energy_import=1234567, energy_export=12300,
           voltage_l1=230200, voltage_l3=231400, frequency=50010, power_l2=782, current_l3=3500,
           phases=3)
    ok(not slave.holding.written, f"{name}: nothing is written")


for line, is_tcp in (("RTU", False), ("TCP", True)):
    run(f"heidelberg {line}", "heidelberg", heidelberg(), is_tcp, check_heidelberg)
    run(f"abb-terra {line}", "abb-terra", abb(), is_tcp, check_abb)
    run(f"mennekes {line}", "mennekes", mennekes(is_tcp), is_tcp, check_mennekes(is_tcp))
    run(f"sdm {line}", "sdm", sdm(), is_tcp, check_sdm)
print(f"1..{number}")
sys.stdout.flush()
os._exit(1 if failed else 0)  # the slaves' threads never end
