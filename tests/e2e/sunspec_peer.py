#!/usr/bin/python3
"""SunSpec register maps served by pymodbus: a peer that shares no code with the driver.

sunspec_peer.py tcp|TTY MAP   MAP: gen24, hybrid700, solaredge
Prints "ready PORT", then each write as "write ADDRESS VALUES".
"""
import asyncio
import socket
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer

try:
    from pymodbus.transaction import ModbusRtuFramer
except ImportError:
    from pymodbus.framer.rtu_framer import ModbusRtuFramer


def text(s, n):
    b = s.encode().ljust(2 * n, b"\0")
    return [b[i] << 8 | b[i + 1] for i in range(0, 2 * n, 2)]


def hexa(s):
    return [int(w, 16) for w in s.split()]


def common(maker, model, serial, length=66):
    body = text(maker, 16) + text(model, 16) + text("", 8) + text("3.1", 8) + text(serial, 16) + [1, 0x8000]
    return 1, body[:length]


# Bodies of models 103 and 124 as a hybrid inverter sends them.
M103 = hexa("02D0 00F0 00F1 00EF FFFE FFFF FFFF FFFF 08FE 0906 08F8 FFFF 0677 0000 1389 FFFE 067E 0000"
            " 8000 8000 03E4 FFFF 00BC 614E 0000 FFFF 8000 FFFF 8000 06A6 0000 019C 8000 8000 8000 FFFF"
            " 0004 FFFF 0000 0000 0000 0000 FFFF FFFF FFFF FFFF FFFF FFFF FFFF FFFF")
M124 = hexa("1388 0064 0064 0000 FFFF 03E8 15FE FFFF 1374 0004 2710 2710 FFFF 0000 FFFF 0001 0000 0000"
            " 8000 FFFE FFFE 8000 FFFE FFFE")


def sparse(length, values, fill=0xFFFF):
    body = [fill] * length
    for off, v in values.items():  # offsets count from the id register
        body[off - 2] = v & 0xFFFF
    return body


M701 = sparse(153, {2: 2, 3: 1, 4: 3, 5: 1, 6: 0, 7: 0, 10: -1500, 17: 0, 18: 50020, 19: 0, 20: 0, 21: 0,
                    22: 1000, 23: 0, 24: 0, 25: 0, 26: 2000, 36: 415, 113: -2, 114: -1, 115: -3, 116: 0,
                    120: 0, 122: -1})
M702 = sparse(50, {2: 500, 10: 500, 11: 500, 26: 500, 34: 480, 35: 460, 45: 1})
M704 = sparse(65, {14: 0, 15: 1000, 22: 0, 23: 0, 24: 0, 25: 0, 30: 0, 31: 0, 32: 0, 33: 0, 34: 0, 54: -1,
                   55: 0})
M713 = sparse(7, {2: 1000, 3: 420, 4: 605, 5: 990, 6: 0, 7: 1, 8: -1})
M203 = sparse(105, {3: 500, 6: -2, 8: 2301, 15: -1, 16: 5000, 17: -2, 18: -1234, 22: 0, 38: 1, 39: 0, 46: 2,
                    47: 5, 54: 1, 105: 0, 106: 0})

MAPS = {
    "gen24": (40000, [common("Fronius", "Symo GEN24 5.0", "30112233"), (103, M103),
                      (120, sparse(26, {2: 82, 3: 5000, 4: 0}, 0x8000)), (123, [0x8000] * 24), (124, M124)]),
    "hybrid700": (0, [common("Maker", "Hybrid", "H7"), (701, M701), (64001, [1, 2, 3]), (702, M702),
                      (704, M704), (713, M713)]),
    "solaredge": (50000, [common("SolarEdge", "SE5K", "7E0001", 65), (103, M103),
                          common("SolarEdge", "Meter", "7E0002", 65), (203, M203)]),
}


class Block(ModbusSequentialDataBlock):
    def setValues(self, address, values):
        super().setValues(address, values)
        print("write", address, *values, flush=True)


def make(name):
    base, models = MAPS[name]
    regs = text("SunS", 2)
    for ident, body in models:
        regs += [ident, len(body)] + body
    regs += [0xFFFF, 0]
    return ModbusServerContext(slaves={1: ModbusSlaveContext(hr=Block(base, regs), zero_mode=True)}, single=False)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


async def tell_when_open(port):
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        except OSError:
            await asyncio.sleep(0.05)
    print(f"ready tcp:127.0.0.1:{port}", flush=True)


async def main():
    where, name = sys.argv[1:3]
    context = make(name)
    if where == "tcp":
        port = free_port()
        task = asyncio.create_task(tell_when_open(port))  # noqa: F841 (kept alive)
        await StartAsyncTcpServer(context=context, address=("127.0.0.1", port))
    else:
        asyncio.get_running_loop().call_later(0.3, lambda: print("ready", where, flush=True))
        await StartAsyncSerialServer(context=context, framer=ModbusRtuFramer, port=where, baudrate=9600, timeout=1)


asyncio.run(main())
