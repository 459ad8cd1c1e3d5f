"""Serving the explorer to a browser: one address of this machine, one token, nothing else."""

from __future__ import annotations

import asyncio
import errno
import getpass
import hashlib
import ipaddress
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .explorer import Explorer
from .log import ignore_departures, in_one_line
from .moment import Atlas
from .regions import POINTS, check_points

HOST = "127.0.0.1"
PORT = 8765
LAST_PORT = 65535
_PAGES = ("/", "/index.html")
# Seconds in which a page that was loaded again, or whose line broke, is back; it tries for five.
BACK = 15.0
MISSING = (
    "the explorer in the browser needs another package: pip install 'lossoscope[app]' (or trame)"
)
# What is wrong with a port; all else is wrong with the address.
_PORT_ERRORS = {errno.EADDRINUSE, errno.EACCES}
Handler = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the explorer is found.

    Attributes:
        host: it listens on.
        port: likewise.
        token: without which it answers 403.
    """

    host: str
    port: int
    token: str

    @property
    def url(self) -> str:
        """What to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/?token={self.token}"

    @property
    def tunnel(self) -> str:
        """The command that brings it to another machine."""
        host = HOST if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"ssh -L {self.port}:{host}:{self.port} {getpass.getuser()}@{socket.gethostname()}"


def check_address(host: str, port: int | None = None, *, network: bool) -> str:
    """Return the address to listen on.

    Args:
        host: an address, or ``localhost``.
        port: 0 to 65535, or None.
        network: whether addresses that other machines reach are allowed.

    Raises:
        ValueError: for another port, or a host that is not allowed or no address.
    """
    if port is not None and not 0 <= port <= LAST_PORT:
        raise ValueError(
            f"the port must be from 0 to {LAST_PORT}, got {port}; leave --port out for a free one"
        )
    if host == "localhost":
        return HOST
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"the host must be an address such as {HOST}, got {host!r}") from None
    if not (address.is_loopback or network):
        raise ValueError(
            f"other machines could reach {host}, and whoever sees the token could read and change "
            f"the study; keep {HOST} and use ssh -L, or add --allow-network"
        )
    return host


class Guard:
    """Answers 403 to whoever does not have the token, and counts the browsers that are connected.

    The address with the token sets a cookie and leads to the page without the token in its address;
    the cookie opens everything else, the web socket too.

    Args:
        token: the token.
        left: called when the last browser has gone and none came back.
        back: seconds it has for that.
    """

    def __init__(self, token: str, left: Callable[[], None], *, back: float = BACK) -> None:
        self._token = token
        self._left = left
        self._back = back
        # Cookies are shared by all ports of a host.
        self._cookie = "landscape_" + hashlib.sha256(token.encode()).hexdigest()[:12]
        self.browsers = 0

    async def __call__(self, request: Any, handler: Handler) -> Any:
        """Answer a request, or hand it on."""
        from aiohttp import web

        given = request.query.get("token", "")
        if not (self._is_token(given) or self._is_token(request.cookies.get(self._cookie, ""))):
            raise web.HTTPForbidden(text="403: the token is missing or wrong; open the address "
                                         "that 'landscape view' printed\n")  # fmt: skip
        if request.path in _PAGES and not self._is_token(request.query.get("secret", "")):
            # The page sends the secret over the web socket, and takes it out of its address.
            answer = web.HTTPFound(
                f"/index.html?secret={self._token}&sessionURL=ws://USE_HOST/ws&reconnect=auto"
            )
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict")
            answer.headers["Referrer-Policy"] = "no-referrer"
            raise answer
        if request.path == "/ws":
            return await self._socket(request, handler)
        answer = await handler(request)
        answer.headers.update({"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
                               "X-Content-Type-Options": "nosniff"})  # fmt: skip
        return answer

    async def _socket(self, request: Any, handler: Handler) -> Any:
        from aiohttp import web

        # Pages of other ports share the cookie.
        if request.headers.get("Origin", "").partition("://")[2] != request.host:
            raise web.HTTPForbidden(text="403: this page is not the explorer's\n")
        self.browsers += 1
        try:
            return await handler(request)
        finally:
            self.browsers -= 1
            if not self.browsers:
                asyncio.get_running_loop().call_later(self._back, self._gone)

    def _gone(self) -> None:
        if not self.browsers:
            self._left()

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


def explore_in_browser(
    atlas: Atlas,
    *,
    runs: tuple[str, ...] = (),
    start: str = "",
    host: str = HOST,
    port: int | None = None,
    network: bool = False,
    points: int = POINTS,
    announce: Callable[[Address], None],
) -> None:
    """Serve the explorer until Ctrl-C.

    Args:
        atlas: what there is to see.
        runs: names of the solutions that new planes go through.
        start: name of the place that is shown first; "" for the first one.
        host: address to listen on.
        port: likewise; 0 for a free one; None for 8765, or a free one if that is taken.
        network: whether other addresses than this machine's own are allowed.
        points: of a region, each way.
        announce: told where it is found, once it is.

    Raises:
        ImportError: without trame.
        RuntimeError: if nothing can be rendered here.
        ValueError: for an address that is not allowed.
        OSError: if the port is taken, or the address is not one of this machine.
    """
    host = check_address(host, port, network=network)
    check_points(points)
    try:
        import trame.app
    except ImportError:
        raise ImportError(MISSING) from None
    port = free_port(host, port)
    token = secrets.token_urlsafe(24)
    server = trame.app.get_server(f"landscape-{secrets.token_hex(4)}", client_type="vue3")
    asyncio.run(_serve(server, atlas, runs, start, points, Address(host, port, token), announce))


async def _serve(
    server: Any, atlas: Atlas, runs: tuple[str, ...], start: str, points: int, address: Address,
    announce: Callable[[Address], None],
) -> None:  # fmt: skip
    from aiohttp import web

    from .controls import Page

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(ignore_departures)
    page = Page(server, runs=runs)
    explorer = Explorer(atlas, post=loop.call_soon_threadsafe, changed=page.refresh, points=points)
    page.wire(explorer)
    guard = Guard(address.token, explorer.cancel)

    @web.middleware  # type: ignore[untyped-decorator]
    async def guarded(request: Any, handler: Handler) -> Any:
        return await guard(request, handler)

    server.controller.on_server_bind.add(lambda bound: bound.app.middlewares.append(guarded))
    server.controller.on_server_ready.add(lambda **_: announce(address))
    with _no_arguments(address.token):
        running = server.start(
            exec_mode="coroutine", host=address.host, port=address.port, timeout=0, thread=True,
            open_browser=False, show_connection_info=False, disable_logging=True,
            backend="aiohttp",
        )  # fmt: skip
    explorer.open(start or atlas.names[0])
    try:
        with in_one_line():
            await running
    finally:
        explorer.close()
        page.close()


@contextmanager
def _no_arguments(token: str) -> Iterator[None]:
    """Hide this program's arguments: trame reads options of its own from them."""
    arguments = sys.argv
    # In one word: a token may begin with a dash.
    sys.argv = [arguments[0], f"--authKey={token}"]
    try:
        yield
    finally:
        sys.argv = arguments


def free_port(host: str, port: int | None) -> int:
    """Return a port that is free: the one asked for, or for None or 0 some other.

    Raises:
        OSError: if the one asked for is taken, or the address is not one of this machine.
    """
    for candidate in (PORT, 0) if port is None else (port,):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError as error:
                if error.errno not in _PORT_ERRORS:
                    raise OSError(
                        f"cannot listen on {host} ({error.strerror}); --host must be an address "
                        f"of this machine, such as {HOST}"
                    ) from None
                if port is None and candidate:
                    continue
                raise OSError(
                    f"cannot listen on {host}:{candidate} ({error.strerror}); "
                    "choose another --port, or leave it out"
                ) from None
            return int(probe.getsockname()[1])
    raise OSError(f"there is no free port on {host}")
