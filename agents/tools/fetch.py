"""Reading pages over HTTP: GET only, and only addresses that the operator lists. Off by default."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import ClassVar, Literal
from urllib.parse import urljoin, urlsplit

import httpx2
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from eudoxus.agents.tools.base import ERROR, tool
from eudoxus.runtime import Context, Effect

LONGEST_URL = 2_000
_TEXT = re.compile(r"text/|application/(?:[\w.+-]+\+)?(?:json|xml)\b", re.IGNORECASE)
_PLAIN_URL = re.compile(r"[!#-;=?-\[\]_a-z~%]+")
_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "head"})
_BREAKS = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "pre", "table", "ul", "ol", "dt"})


def checked_prefixes(allow: list[str]) -> list[str]:
    """Raises ValueError for what is no beginning of an address."""
    for prefix in allow:
        parts = urlsplit(prefix)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError(f"{prefix!r}: expected the beginning of an address, such as https://docs.python.org/3/")
        if not prefix.endswith("/"):
            raise ValueError(f"{prefix!r} must end with /, so that it is clear where a name ends")
    return allow


def checked_networks(private: list[str]) -> list[str]:
    """Raises ValueError for what is no network."""
    for network in private:
        ipaddress.ip_network(network)
    return private


class FetchSettings(BaseSettings):
    """What may be fetched. The operator decides, never a request. Read from ``EUDOXUS_FETCH_…`` where not given."""

    model_config = SettingsConfigDict(env_prefix="EUDOXUS_FETCH_", frozen=True, use_attribute_docstrings=True)

    allow: list[str] = []
    """Addresses that pages may begin with: ``https://docs.python.org/3/``. Empty: nothing is fetched."""
    private: list[str] = []
    """Networks that are not public and may be reached all the same: ``10.1.0.0/16``."""
    seconds: float = Field(10.0, gt=0, le=120)
    """For a page with all redirects."""
    bytes: int = Field(1_000_000, ge=1_000, le=50_000_000)
    """Of a page; the rest is not read."""
    redirects: int = Field(3, ge=0, le=10)

    @field_validator("allow")
    @classmethod
    def _prefixes(cls, allow: list[str]) -> list[str]:
        return checked_prefixes(allow)

    @field_validator("private")
    @classmethod
    def _networks(cls, private: list[str]) -> list[str]:
        return checked_networks(private)

    def refuses(self, url: str) -> str | None:
        """Why ``url`` is not fetched; None when it is on the list."""
        if not self.allow:
            return "fetching is off here: the operator lists no addresses (EUDOXUS_FETCH_ALLOW)"
        if len(url) > LONGEST_URL or not _PLAIN_URL.fullmatch(url.lower()) or "\\" in url:
            return "expected an address in plain ASCII, such as https://example.org/page"
        try:
            parts = urlsplit(url)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError:
            return "expected an address, such as https://example.org/page"
        path = parts.path or "/"
        if parts.username is not None or parts.password is not None:
            return "addresses with a user name are not fetched"
        if re.search(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", path, re.IGNORECASE) or re.search(r"%2f|%5c", path, re.IGNORECASE):
            return "addresses with /../ in them are not fetched"
        for prefix in map(urlsplit, self.allow):
            wanted = prefix.port or {"http": 80, "https": 443}[prefix.scheme]
            same = (prefix.scheme, (prefix.hostname or "").lower(), wanted) == (parts.scheme, (parts.hostname or "").lower(), port)
            if same and path.startswith(prefix.path):
                return None
        return f"this address is not allowed; allowed are addresses that begin with {', '.join(self.allow)}"

    def may_connect(self, address: str) -> bool:
        """Whether an IP address is public, or in a network that is listed."""
        found = ipaddress.ip_address(address)
        mapped = getattr(found, "ipv4_mapped", None) or found
        listed = any(mapped in ipaddress.ip_network(network) for network in self.private)
        return listed or (mapped.is_global and not mapped.is_multicast)


_settings: FetchSettings | None = None


def configure_fetch(settings: FetchSettings | None) -> None:
    """Fetch by these settings from now on; None reads the environment again."""
    global _settings
    _settings = settings


class Fetched(BaseModel):
    """What came of fetching. Every failure is an outcome."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["ok", "refused", "failed"]
    code: int | None = None
    """The HTTP status."""
    url: str = ""
    """Where the page was found in the end."""
    text: str = ""
    message: str = ""
    cut: bool = False
    """Whether the page is longer."""


class Fetch(Effect[Fetched]):
    """Read a page. What may be read is the operator's decision at the time, not part of the digest."""

    kind: ClassVar[str] = "fetch"
    result: ClassVar[type[BaseModel]] = Fetched

    url: str = Field(max_length=10_000)

    async def run(self) -> Fetched:
        """Nothing is raised but cancellation."""
        settings = _settings or FetchSettings()
        try:
            async with asyncio.timeout(settings.seconds), httpx2.AsyncClient(trust_env=False, follow_redirects=False) as client:
                return await _followed(client, self.url, settings)
        except TimeoutError:
            return Fetched(status="failed", message=f"no whole page within {settings.seconds:g} seconds")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            return Fetched(status="failed", message=str(error) or type(error).__name__)


async def _followed(client: httpx2.AsyncClient, url: str, settings: FetchSettings) -> Fetched:
    """The page at ``url``, or where redirects lead within the list."""
    for _ in range(settings.redirects + 1):
        if (refusal := settings.refuses(url)) is not None:
            return Fetched(status="refused", url=url[:LONGEST_URL], message=refusal)
        if (address := await _address(url, settings)) is None:
            return Fetched(status="refused", url=url, message="the host has no public address")
        found = await _got(client, url, address, settings)
        if isinstance(found, Fetched):
            return found
        url = urljoin(url, found)
    return Fetched(status="failed", url=url, message=f"more than {settings.redirects} redirects")


async def _address(url: str, settings: FetchSettings) -> str | None:
    """The first address of the host that may be connected to. It is looked up once: a second look-up could give another."""
    parts = urlsplit(url)
    found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, None, type=socket.SOCK_STREAM)
    return next((str(entry[4][0]) for entry in found if settings.may_connect(str(entry[4][0]))), None)


async def _got(client: httpx2.AsyncClient, url: str, address: str, settings: FetchSettings) -> Fetched | str:
    """The page, or the address that it redirects to. The connection goes to ``address`` whatever the name leads to meanwhile."""
    there = httpx2.URL(url)
    host = there.netloc.decode()
    headers = {"host": host, "accept": "text/html,text/plain,application/json;q=0.9,*/*;q=0.1", "accept-encoding": "identity",
               "user-agent": "eudoxus"}
    request = client.build_request("GET", there.copy_with(host=address), headers=headers, extensions={"sni_hostname": there.host})
    response = await client.send(request, stream=True)
    try:
        if response.is_redirect:
            return response.headers.get("location", "")
        kind, coding = response.headers.get("content-type", "text/plain"), response.headers.get("content-encoding", "identity")
        if not _TEXT.match(kind) or coding != "identity":
            return Fetched(status="failed", code=response.status_code, url=url, message=f"not a page of text: {kind[:80]} ({coding[:20]})")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > settings.bytes:
                break
    finally:
        await response.aclose()
    cut = len(body) > settings.bytes
    text = bytes(body[: settings.bytes]).decode(_charset(response.charset_encoding), "replace")
    text = words_of(text) if "html" in kind else text
    ok = response.status_code < 400
    return Fetched(status="ok" if ok else "failed", code=response.status_code, url=url, text=text, cut=cut,
                   message="" if ok else f"the server answered {response.status_code}")


def _charset(name: str | None) -> str:
    return name if name and name.lower() in ("utf-8", "utf8", "iso-8859-1", "latin-1", "us-ascii", "windows-1252") else "utf-8"


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said = list[str]()
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        if tag in _BREAKS:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))
        if tag in _BREAKS:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.said.append(data)


def words_of(page: str) -> str:
    """The text of an HTML page, a line for each block."""
    reader = _Words()
    reader.feed(page)
    lines = (" ".join(line.split()) for line in "".join(reader.said).splitlines())
    return "\n".join(line for line in lines if line)


@tool("fetch", takes="an address", does="reads a page of text over HTTP from the sites that are allowed here")
async def fetch(ctx: Context, text: str) -> str:
    """The page's text, or why it was not read."""
    found = await ctx.perform(Fetch(url=text.strip().strip("<>`\"'")))
    if found.status != "ok":
        return f"{ERROR}{found.message}"
    return found.text + ("\n[the page is longer]" if found.cut else "")
