"""A device that speaks the wire protocol, written from docs/wire-protocol.md alone.

It knows nothing of paybench. One place, window 1, and times a tenth of the usual. It says each
payload again to whoever sent it. Its line is stdin and stdout; its argument is its session id.
"""

import os
import select
import sys
import time

HELLO, WELCOME, DATA, ACK, RESET = 1, 2, 3, 4, 5
DOWN, OPENING, OPEN, SILENT = "down", "opening", "open", "silent"


def crc(data):
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def stuff(plain):
    out, block, is_full = bytearray(), bytearray(), False
    for byte in plain:
        if byte:
            block.append(byte)
        is_full = len(block) == 254
        if is_full or not byte:
            out += bytes([len(block) + 1]) + block
            block.clear()
    if not is_full:
        out += bytes([len(block) + 1]) + block
    return bytes(out)


def unstuff(data):
    out, at = bytearray(), 0
    while at < len(data):
        code = data[at]
        if at + code > len(data):
            return None
        out += data[at + 1 : at + code]
        at += code
        if code < 255 and at < len(data):
            out.append(0)
    return bytes(out)


class Device:
    def __init__(self, session):
        self.session, self.peer, self.met = session, 0, False
        self.queue = []
        self.oldest = self.next = self.sent = self.edge = self.expected = self.offered = 0
        self.collected = bytearray()
        self.welcome_due = self.ack_due = False
        self.begin_opening()

    def begin_opening(self):
        self.state, self.next, self.tries, self.timer = OPENING, self.oldest, 0, None
        self.hello_due = True

    def open(self):
        self.state, self.next, self.tries, self.timer = OPEN, self.oldest, 0, None
        self.hello_due = False

    def arrived(self, data):
        for byte in data:
            if byte:
                if len(self.collected) <= 1038:
                    self.collected.append(byte)
                continue
            plain = unstuff(bytes(self.collected)) if len(self.collected) <= 1038 else None
            self.collected.clear()
            if plain and len(plain) >= 9 and crc(plain) == 0 and plain[0] == 1:
                self.frame(plain[1], plain[2:4], plain[4:6], plain[6], plain[7:-2])

    def frame(self, kind, sequence, acknowledgement, credit, payload):
        if kind in {HELLO, WELCOME} and len(payload) == 8:
            self.meet(kind, payload, acknowledgement, credit)
        elif self.state == SILENT:
            return
        elif kind == RESET:
            self.state, self.timer = SILENT, None
        elif not (kind in {DATA, ACK} and self.met):
            return
        elif self.acknowledge(acknowledgement, credit) and kind == DATA:
            self.ack_due = True
            expected = self.expected.to_bytes(8, "big")[-2:]
            if sequence == expected and self.expected < self.offered:
                self.expected += 1
                self.queue.append(payload)

    def meet(self, kind, payload, acknowledgement, credit):
        theirs, ours = payload[:4], payload[4:]
        theirs, ours = int.from_bytes(theirs, "big"), int.from_bytes(ours, "big")
        if theirs in {0, self.session}:
            return
        new = theirs != self.peer
        if new:
            self.oldest = self.next = self.sent = self.edge = self.expected = self.offered = 0
            if self.peer:
                self.queue.clear()
            self.peer, self.met = theirs, False
        if kind == HELLO:
            self.welcome_due = True
        if ours == self.session:
            self.met = True
            if new or self.state != OPEN:
                self.open()
            self.acknowledge(acknowledgement, credit)
            if self.sent == self.oldest:
                self.tries, self.timer = 0, None
        elif new or self.state == SILENT:
            self.begin_opening()

    def acknowledge(self, acknowledgement, credit):
        ahead = (int.from_bytes(acknowledgement, "big") - self.oldest) & 0xFFFF
        if ahead > self.sent - self.oldest:
            return False
        del self.queue[:ahead]
        self.oldest += ahead
        self.next = max(self.next, self.oldest)
        self.edge = max(self.edge, self.oldest + credit)
        if ahead:
            self.tries, self.timer = 0, None
        return True

    def due(self):
        out = b""
        sessions = self.session.to_bytes(4, "big") + self.peer.to_bytes(4, "big")
        if self.welcome_due:
            out += self.encoded(WELCOME, self.next, sessions)
        if self.hello_due:
            out += self.encoded(HELLO, self.next, sessions)
        if self.state == OPEN and self.next < min(
            self.oldest + len(self.queue), self.edge, self.oldest + 1
        ):
            out += self.encoded(DATA, self.next, self.queue[self.next - self.oldest])
            self.next += 1
            self.sent = max(self.sent, self.next)
        if self.ack_due and not out and self.state in {OPENING, OPEN}:
            out += self.encoded(ACK, self.next, b"")
        self.welcome_due = self.hello_due = self.ack_due = False
        waits = self.state == OPENING or (self.state == OPEN and self.queue)
        if self.timer is None and waits:
            self.timer = time.monotonic() + min(0.02 * 2**self.tries, 0.32)
        return b"\0" + out if out else b""

    def encoded(self, kind, sequence, payload):
        self.offered = max(self.offered, self.expected + 1)
        low = 0xFFFF
        plain = bytes([1, kind]) + (sequence & low).to_bytes(2, "big")
        plain += (self.expected & low).to_bytes(2, "big")
        plain += bytes([self.offered - self.expected]) + payload
        return stuff(plain + crc(plain).to_bytes(2, "big")) + b"\0"

    def expired(self):
        self.timer = None
        self.tries += 1
        if self.tries >= 20:
            self.state = SILENT
        elif self.state == OPEN and self.sent > self.oldest:
            self.next = self.oldest
        else:
            self.hello_due = True


def main():
    device = Device(int(sys.argv[1]))
    while True:
        os.write(1, device.due())
        wait_s = None if device.timer is None else max(0, device.timer - time.monotonic())
        if select.select([0], [], [], wait_s)[0]:
            data = os.read(0, 4096)
            if not data:
                return
            device.arrived(data)
        elif device.timer is not None:
            device.expired()


if __name__ == "__main__":
    main()
