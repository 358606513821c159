"""While a film is fetched: no connection to a private address, and no other program.

The address is that of the connection itself, after names were resolved, for every redirect,
segment and subtitle: Python tells of each before it makes it (PEP 578). So it does not matter which
part of which library asks, nor that a name may resolve to something else the next time. Nobody
else's connections are looked at: what is guarded is the thread that fetches.

What cannot be seen here: what a proxy connects to, libraries that connect without Python, and
threads that were started meanwhile. None of them is used (``ntlbg.links.client``).
"""

import ipaddress
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from ntlbg.errors import LinkError
from ntlbg.links.words import ALLOW

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# 64:ff9b::/96 and 64:ff9b:1::/48 (RFC 6052, 8215): a gateway takes the last 32 bits as an address.
_GATEWAYS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_CONNECTIONS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.spawn")
_guarded = threading.local()


class Guard:
    """Of one fetch.

    Attributes:
        refused: the first private address that was asked for; "" for none.
    """

    def __init__(self, allow_private: bool):
        self.allow_private, self.refused = allow_private, ""

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """As an audit hook.

        Raises:
            PermissionError: it is not to happen.
        """
        if event in _PROGRAMS:
            raise PermissionError("no other program runs while a film is fetched")
        if event in _CONNECTIONS and not self.allow_private:
            host = _host(arguments[1])
            if not is_public(host):
                self.refused = self.refused or host
                raise PermissionError(f"{host} is a private address")

    def raise_refused(self, told: str) -> None:
        """Of a fetch that failed.

        Raises:
            LinkError: because it led to a private address.
        """
        if self.refused:
            raise LinkError(
                f"{told}: leads to {self.refused}, an address of this machine or of a private "
                f"network, which is not asked; if you mean it, {ALLOW}"
            )


@contextmanager
def guarding(allow_private: bool) -> Iterator[Guard]:
    """What this thread does in the block is checked; private addresses may be allowed."""
    _install()
    guard = Guard(allow_private)
    _guarded.guard = guard
    try:
        yield guard
    finally:
        _guarded.guard = None


@cache  # Python takes no hook back: one for the process, which does nothing outside the block
def _install() -> None:
    sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    guard = getattr(_guarded, "guard", None)
    if guard is not None:
        guard.check(event, arguments)


def _host(address: object) -> str:
    """Of an address as sockets take it; a path is that of a socket on this machine."""
    return str(address[0]) if isinstance(address, tuple) and address else str(address)


def is_public(host: str) -> bool:
    """Whether it is the number of a machine that everybody on the internet can reach.

    Names are not: who connects to one has it resolved later, unseen.

    >>> is_public("93.184.216.34"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
    (True, False, False)
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return all(one.is_global and not one.is_multicast for one in _meant(address))


def _meant(address: Address) -> list[Address]:
    """The address, or those that are written inside it, for gateways to find.

    An address that holds another is judged by what it holds: Python calls some of them private.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if any(address in network for network in _GATEWAYS):
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address, address.sixtofour]
    if address.teredo is not None:
        return [address, *address.teredo]
    return [address]
