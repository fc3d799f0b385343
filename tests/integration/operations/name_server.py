"""A DNS server that knows one name."""

import socket
import struct
import threading

A_RECORD, INTERNET = 1, 1
IS_ANSWER = 0x8580  # QR, AA, RD, RA
NAME_OF_QUESTION = 0xC00C
TTL_SECONDS = 5
NO_SUCH_NAME = 3


class NameServer:
    """Answers over UDP, on a thread of its own, until the test's process ends. `name` has `addresses` of IPv4; nothing else is known."""

    def __init__(self, name, addresses):
        self._name, self._addresses = name.encode(), [socket.inet_aton(address) for address in addresses]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            question, peer = self._socket.recvfrom(4096)
            if answer := self._answer(question):
                self._socket.sendto(answer, peer)

    def _answer(self, packet):
        """None for what is no question."""
        try:
            (ident, _, questions), at, labels = struct.unpack_from(">HHH", packet), 12, []
            while (length := packet[at]) > 0:
                labels.append(packet[at + 1:at + 1 + length])
                at += 1 + length
            kind, of_internet = struct.unpack_from(">HH", packet, at + 1)
        except (IndexError, struct.error):
            return None
        if questions != 1:
            return None
        known = b".".join(labels).lower() == self._name
        records = self._addresses if known and (kind, of_internet) == (A_RECORD, INTERNET) else []
        header = struct.pack(">HHHHHH", ident, IS_ANSWER | (0 if known else NO_SUCH_NAME), 1, len(records), 0, 0)
        return header + packet[12:at + 5] + b"".join(
            struct.pack(">HHHIH", NAME_OF_QUESTION, A_RECORD, INTERNET, TTL_SECONDS, len(each)) + each for each in records)
