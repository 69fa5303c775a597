"""A peer of the interop tests: one aioice connection with one component, steered over standard input and output.

See docs/interop.md. What aioice itself lacks: it gathers before it lets anything out, so that --trickle means only
that remote candidates are used as they come; it knows no restart, no loopback candidates and no STUN over IPv6; its
connect() reports nothing before the first nominated pair, so checking is said when it is called, and connected and
completed come together. It uses one TURN server only; --trust names the certificates that its TLS believes.
"""

import argparse
import asyncio
import importlib.metadata
import json
import re
import ssl
import sys
import time

import aioice

COMPONENT = 1
TURN = re.compile(r"(?:\[(?P<six>[^]]+)]|(?P<host>[^:]+)):(?P<port>\d+):(?P<user>[^:]+):(?P<password>[^:]+)(?::(?P<transport>udp|tcp|tls))?")


def out(kind, **members):
    sys.stdout.write(json.dumps({"type": kind, **members}) + "\n")
    sys.stdout.flush()


def parse_arguments():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    role = parser.add_mutually_exclusive_group(required=True)
    role.add_argument("--controlling", action="store_true")
    role.add_argument("--controlled", action="store_true")
    parser.add_argument("--stun", action="append", default=[], type=server, metavar="HOST:PORT")
    parser.add_argument("--turn", action="append", default=[], type=turn_server, metavar="HOST:PORT:USER:PASS[:udp|tcp|tls]")
    parser.add_argument("--trust", metavar="FILE")
    parser.add_argument("--policy", choices=["all", "relay"], default="all")
    parser.add_argument("--trickle", action="store_true")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--interval", type=float, default=10)
    parser.add_argument("--timeout", type=float, default=60)
    arguments = parser.parse_args()
    if arguments.count < 0 or not 12 <= arguments.size <= 65507 or arguments.interval < 0 or arguments.timeout <= 0:
        parser.error("--count, --size, --interval or --timeout is out of range")
    return arguments


def server(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def turn_server(text):
    match = TURN.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError("HOST:PORT:USER:PASS[:udp|tcp|tls] is needed")
    return match


class Peer:
    def __init__(self, arguments):
        self.arguments = arguments
        self.epoch = None
        self.connection = None
        self.gathered = asyncio.Event()
        self.remote_credentials = asyncio.Event()
        self.remote_ended = asyncio.Event()
        self.remote_lines = asyncio.Queue()
        self.connected = False
        self.data_seen = False
        self.next_number = 0
        self.pongs = {}
        self.tasks = []

    def ms(self):
        return round((time.monotonic() - self.epoch) * 1000, 3)

    def spawn(self, coroutine):
        self.tasks.append(asyncio.ensure_future(coroutine))

    async def run(self):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=65536)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        out("hello", driver="aioice", version=importlib.metadata.version("aioice"))
        while True:
            line = await reader.readline()
            if not line:
                break
            try:
                message = json.loads(line)
                kind = message["type"]
            except (ValueError, KeyError, TypeError):
                continue
            if kind == "stop":
                break
            if kind == "start" and self.connection is None:
                self.start()
            elif self.connection is not None:
                self.handle(kind, message)
        await self.stop()

    def start(self):
        self.epoch = time.monotonic()
        stun = self.arguments.stun
        self.connection = aioice.Connection(
            ice_controlling=self.arguments.controlling,
            stun_server=stun[0] if stun and not self.relays_only() else None,
            **self.turn(),
        )
        if len(stun) > 1:
            out("error", message="aioice asks one STUN server only: the first is used")
        if len(self.arguments.turn) > 1:
            out("error", message="aioice asks one TURN server only: the first is used")
        out("credentials", ufrag=self.connection.local_username, pwd=self.connection.local_password)
        self.spawn(self.gather())
        self.spawn(self.add_remote_candidates())
        self.spawn(self.connect())
        self.spawn(self.give_up())

    def relays_only(self):
        return self.arguments.policy == "relay"

    def turn(self):
        if not self.arguments.turn:
            return {}
        server = self.arguments.turn[0]
        tls = server["transport"] == "tls"
        return {
            "turn_server": (server["six"] or server["host"], int(server["port"])),
            "turn_username": server["user"],
            "turn_password": server["password"],
            "turn_transport": "udp" if server["transport"] in (None, "udp") else "tcp",
            "turn_ssl": ssl.create_default_context(cafile=self.arguments.trust) if tls else False,
        }

    def keep_relays(self):
        """aioice's own policy still checks from the host's addresses. Closing those sockets would end the connection."""
        protocols = self.connection._protocols
        protocols[:] = [protocol for protocol in protocols if protocol.local_candidate.type == "relay"]

    def handle(self, kind, message):
        if message.get("generation", 0) > 0 or kind == "restart":
            out("error", message="unsupported: restart")
        elif kind == "credentials":
            self.connection.remote_username = message["ufrag"]
            self.connection.remote_password = message["pwd"]
            self.connection.remote_is_lite = message.get("lite", False)
            self.remote_credentials.set()
        elif kind == "candidate":
            sdp = message["sdp"]
            self.remote_lines.put_nowait(sdp[2:] if sdp.startswith("a=") else sdp)
        elif kind == "end-of-candidates":
            self.remote_lines.put_nowait(None)
        elif kind == "burst":
            if self.connected:
                self.spawn(self.send_payloads(message["count"]))

    async def gather(self):
        try:
            await self.connection.gather_candidates()
        except (OSError, aioice.stun.TransactionError) as problem:
            out("error", message="gathering: %s" % problem)
        if self.relays_only():
            self.keep_relays()
        for candidate in self.connection.local_candidates:
            if self.relays_only() and candidate.type != "relay":
                continue
            out("candidate", sdp="candidate:" + candidate.to_sdp(), ms=self.ms())
        out("end-of-candidates", ms=self.ms())
        self.gathered.set()

    async def add_remote_candidates(self):
        # With a pair at hand, aioice answers a check by one of its own, which takes the other side's password.
        await self.remote_credentials.wait()
        while True:
            sdp = await self.remote_lines.get()
            if sdp is None and not self.remote_lines.empty():
                self.remote_lines.put_nowait(None)  # signalling reordered them: aioice takes none after the end
                continue
            if sdp is None:
                await self.connection.add_remote_candidate(None)
                self.remote_ended.set()
                return
            try:
                candidate = aioice.Candidate.from_sdp(sdp.removeprefix("candidate:"))
                if candidate.component == COMPONENT and candidate.transport.lower() == "udp":
                    await self.connection.add_remote_candidate(candidate)
            except ValueError as problem:
                out("error", message="skipped %s: %s" % (sdp, problem))

    async def connect(self):
        await self.gathered.wait()
        await self.remote_credentials.wait()
        if not self.arguments.trickle:
            await self.remote_ended.wait()
        out("state", state="checking", ms=self.ms())
        try:
            await self.connection.connect()
        except ConnectionError as problem:
            out("state", state="failed", message=str(problem), ms=self.ms())
            return
        self.connected = True
        out("state", state="connected", ms=self.ms())
        self.spawn(self.watch_selected())
        self.spawn(self.receive())
        self.spawn(self.watch_end())
        if self.arguments.controlling and self.arguments.count > 0:
            self.spawn(self.send_payloads(self.arguments.count))

    async def watch_selected(self):
        """aioice tells nobody when a later nomination replaces the pair: look."""
        selected = None
        while True:
            pair = self.connection._nominated.get(COMPONENT)
            if pair is not None and pair is not selected:
                local, remote = pair.local_candidate, pair.remote_candidate
                out("selected", local="candidate:" + local.to_sdp(), remote="candidate:" + remote.to_sdp(), ms=self.ms())
                if selected is None:
                    out("state", state="completed", ms=self.ms())
                selected = pair
            await asyncio.sleep(0.02)

    async def watch_end(self):
        await self.connection.get_event()
        out("state", state="failed", message="connection closed by aioice", ms=self.ms())

    async def give_up(self):
        await asyncio.sleep(self.arguments.timeout)
        if not self.connected:
            out("state", state="failed", message="timeout", ms=self.ms())

    async def receive(self):
        while True:
            try:
                payload = await self.connection.recv()
            except ConnectionError:
                return
            if not self.data_seen:
                self.data_seen = True
                out("data", bytes=len(payload), ms=self.ms())
            if payload.startswith(b"ping"):
                await self.connection.send(b"pong" + payload[4:])
            elif payload.startswith(b"pong") and payload[4:12].isdigit():
                self.pongs.setdefault(int(payload[4:12]), self.ms())

    async def send_payloads(self, count):
        numbers = range(self.next_number, self.next_number + count)
        self.next_number += count
        for number in numbers:
            await asyncio.sleep(self.arguments.interval / 1000)
            try:
                await self.connection.send((b"ping%08d" % number).ljust(self.arguments.size, b"."))
            except ConnectionError:
                pass
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline and not all(number in self.pongs for number in numbers):
            await asyncio.sleep(0.005)
        back = [self.pongs[number] for number in numbers if number in self.pongs]
        first = {"first_ms": min(back)} if back else {}
        out("echo", sent=count, received=len(back), **first, ms=self.ms())

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        if self.connection is not None:
            try:
                await asyncio.wait_for(self.connection.close(), 1)
            except asyncio.TimeoutError:
                pass


if __name__ == "__main__":
    asyncio.run(Peer(parse_arguments()).run())
