"""Connections that end when the time of an answer is over, at whatever byte the other side is.

The timeout of a socket is that of one read: whoever sends a byte a second, of a header or of a chunk's size, never
meets it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any
from weakref import WeakSet

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class _Watched(HTTPAdapter):
    """Connections of our own classes, through a proxy too."""

    def __init__(self, pools: Mapping[str, type]) -> None:
        self._pools = pools
        super().__init__()
        self.poolmanager.pool_classes_by_scheme = pools

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


class Line:
    """The connections of one session."""

    def __init__(self) -> None:
        self._sockets: WeakSet[socket.socket] = WeakSet()

    def attach(self, session: Session) -> None:
        """Have all that the session opens from now on watched."""
        sockets = self._sockets

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)

        pools = {
            "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": Plain}),
            "https": type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": Secure}),
        }
        for scheme in pools:
            session.mount(f"{scheme}://", _Watched(pools))

    @contextmanager
    def open_for(self, seconds: float) -> Iterator[None]:
        """Cut every connection that is still open when the time is over."""
        timer = Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        for one in tuple(self._sockets):
            with suppress(OSError):  # it is closed already
                # The plain socket's: that of TLS would take its state away from the thread that reads.
                socket.socket.shutdown(one, socket.SHUT_RDWR)
