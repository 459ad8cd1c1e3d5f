"""Who may see the explorer: its own machine, with the token."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from landscape.viz.explorer.log import ignore_departures, in_one_line
from landscape.viz.explorer.server import (
    Address,
    Guard,
    _no_arguments,
    check_address,
    free_port,
)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_own_addresses_are_allowed(host: str) -> None:
    assert check_address(host, network=False) == host


def test_localhost_is_the_address_it_usually_means() -> None:
    assert check_address("localhost", network=False) == "127.0.0.1"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "2001:db8::1"])
def test_other_addresses_need_a_word_of_their_own(host: str) -> None:
    with pytest.raises(ValueError, match="use ssh -L, or add --allow-network"):
        check_address(host, network=False)
    assert check_address(host, network=True) == host


@pytest.mark.parametrize("host", ["", "example.org", "127.0.0.1:80", "-1"])
def test_names_and_nonsense_are_no_addresses(host: str) -> None:
    with pytest.raises(ValueError, match=r"must be an address such as 127\.0\.0\.1"):
        check_address(host, network=True)


def test_the_address_and_the_tunnel() -> None:
    address = Address("127.0.0.1", 8765, "abc")
    assert address.url == "http://127.0.0.1:8765/?token=abc"
    assert address.tunnel.startswith("ssh -L 8765:127.0.0.1:8765 ")
    assert address.tunnel.endswith("@" + socket.gethostname())
    assert Address("::1", 80, "abc").url == "http://[::1]:80/?token=abc"
    assert " 80:127.0.0.1:80 " in Address("0.0.0.0", 80, "abc").tunnel.replace("-L", "-L ")


def test_a_taken_port_is_told_and_another_found_if_none_was_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            free_port("127.0.0.1", port)
        assert free_port("127.0.0.1", 0) not in (0, port)
    assert free_port("127.0.0.1", port) == port


def test_an_address_of_no_machine_is_told_as_that_whatever_the_port() -> None:
    for port in (None, 0, 8765):
        with pytest.raises(OSError, match=r"192\.0\.2\.1 \(.*--host must be an address of this"):
            free_port("192.0.2.1", port)


@pytest.mark.parametrize("port", [-1, 65536, 99_999_999])
def test_impossible_ports_are_refused(port: int) -> None:
    with pytest.raises(ValueError, match=f"from 0 to 65535, got {port}; leave --port out"):
        check_address("127.0.0.1", port, network=False)
    assert check_address("localhost", 65535, network=False) == "127.0.0.1"


@pytest.mark.parametrize("token", ["secret", "-secret", "--host"])
def test_arguments_of_the_command_line_are_hidden_and_come_back(token: str) -> None:
    trame = pytest.importorskip("trame.app")
    server = trame.get_server(f"arguments of {token}", client_type="vue3")
    own = sys.argv
    with _no_arguments(token):
        known, unknown = server.cli.parse_known_args(sys.argv[1:])
    assert (known.authKey, unknown) == (token, [])
    assert sys.argv is own


async def until(condition: Callable[[], bool]) -> None:
    """Let the server work until a condition holds."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def answers(requests: Any) -> Any:
    """Serve a page, a file and a socket behind a guard; return what the client function returns."""
    aiohttp = pytest.importorskip("aiohttp")
    from aiohttp import web

    left: list[str] = []
    guard = Guard("right", lambda: left.append("left"), back=0.0)

    @web.middleware
    async def guarded(request: Any, handler: Any) -> Any:
        return await guard(request, handler)

    async def page(request: Any) -> Any:
        return web.Response(text=f"at {request.path}")

    async def talk(request: Any) -> Any:
        open_socket = web.WebSocketResponse()
        await open_socket.prepare(request)
        async for message in open_socket:
            await open_socket.send_str(message.data)
        return open_socket

    async def run() -> Any:
        app = web.Application(middlewares=[guarded])
        app.add_routes([web.get("/ws", talk), web.get("/{path:.*}", page)])
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port("127.0.0.1", 0)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        jar = aiohttp.CookieJar(unsafe=True)
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=jar) as client:
                return await requests(client, guard, left)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


@pytest.mark.parametrize(
    "path",
    ["/", "/index.html", "/assets/x.js", "/ws", "/?token=", "/?token=wrong", "/?token=right%00",
     "/?secret=right", "/index.html?secret=wrong", "/no/such", "/../../etc/passwd",
     "/%2e%2e/etc/passwd"],
)  # fmt: skip
def test_without_the_token_everything_is_forbidden(path: str) -> None:
    async def ask(client: Any, _guard: Any, _left: Any) -> Any:
        async with client.get(path, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    status, text = answers(ask)
    assert status == 403
    assert "landscape view" in text


def test_the_token_opens_the_page_and_leaves_its_address() -> None:
    async def ask(client: Any, _guard: Any, _left: Any) -> Any:
        async with client.get("/?token=right", allow_redirects=False) as first:
            there, cookie = first.headers["Location"], first.headers["Set-Cookie"]
        async with client.get(there) as page, client.get("/assets/x.js") as other:
            found = page.status, str(page.url.path), other.status, other.headers["X-Frame-Options"]
        async with client.get("/index.html", allow_redirects=False) as again:
            return there, cookie, found, again.status, again.headers["Location"]

    there, cookie, found, status, again = answers(ask)
    assert there.startswith("/index.html?secret=right&")
    assert "token" not in there
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert found == (200, "/index.html", 200, "DENY")
    # Loaded again without anything in the address, the page gets its secret back.
    assert (status, again) == (302, there)


def test_the_socket_opens_to_its_own_page_alone_and_tells_when_the_last_has_left() -> None:
    aiohttp = pytest.importorskip("aiohttp")

    async def ask(client: Any, guard: Any, left: Any) -> Any:
        origin = str(client._base_url).rstrip("/")
        refused = []
        for token, source in (("", origin), ("right", "http://127.0.0.1:1"), ("right", "")):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await client.ws_connect(f"/ws?token={token}", headers={"Origin": source})
            refused.append(caught.value.status)
        one = await client.ws_connect("/ws?token=right", headers={"Origin": origin})
        two = await client.ws_connect("/ws?token=right", headers={"Origin": origin})
        await one.send_str("hello")
        heard = (await one.receive()).data, guard.browsers, list(left)
        await one.close()
        await until(lambda: guard.browsers == 1)
        after_one = guard.browsers, list(left)
        await two.close()
        await until(lambda: bool(left))
        return refused, heard, after_one, (guard.browsers, list(left))

    refused, heard, after_one, after_two = answers(ask)
    assert refused == [403, 403, 403]
    assert heard == ("hello", 2, [])
    assert after_one == (1, [])
    assert after_two == (0, ["left"])


def test_a_browser_that_is_back_in_time_has_not_left() -> None:
    pytest.importorskip("aiohttp")
    left: list[str] = []

    async def closed(_request: Any) -> None:
        """Serve a browser that goes at once."""

    async def run() -> None:
        guard = Guard("right", lambda: left.append("left"), back=0.05)
        request = SimpleNamespace(headers={"Origin": "http://here"}, host="here")
        await guard._socket(request, closed)
        guard.browsers += 1
        await asyncio.sleep(0.2)
        assert left == []
        guard.browsers -= 1
        await guard._socket(request, closed)
        await until(lambda: left == ["left"])

    asyncio.run(run())


def test_what_the_server_logs_is_one_line_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("aiohttp.server")
    with in_one_line():
        try:
            raise ValueError("cannot\nread \x1b[2Jthis")
        except ValueError:
            logger.exception("Error handling request")
        logger.error("x" * 1000)
        try:
            raise ConnectionResetError("closing transport")
        except ConnectionResetError:
            logger.exception("a browser that has left")
        logger.info("GET / 200")
    first, second = capsys.readouterr().err.splitlines()
    assert first == "landscape: Error handling request: cannot read ?[2Jthis"
    assert len(second) < 220
    assert logging.getLogger("aiohttp").propagate
    assert not logging.getLogger("aiohttp").handlers


def test_a_browser_that_has_gone_is_no_error_and_all_else_is() -> None:
    told: list[str] = []

    class Loop:
        def default_exception_handler(self, context: Any) -> None:
            told.append(context["message"])

    loop: Any = Loop()
    ignore_departures(loop, {"message": "gone", "exception": ConnectionResetError("closing")})
    ignore_departures(loop, {"message": "wrong", "exception": ValueError("x")})
    ignore_departures(loop, {"message": "late"})
    assert told == ["wrong", "late"]
