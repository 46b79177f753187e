"""API keys: ``rk_<8 id>_<32 random>``. Only a SHA-256 digest is stored; the key itself is shown once, when it is made."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import time
from dataclasses import dataclass

from eudoxus.runtime.errors import EudoxusError, InvalidRequest
from eudoxus.runtime.journal import Database

SCOPES = ("chat", "runs:read", "runs:write", "admin")
"""*chat*: the OpenAI routes. *runs:read*, *runs:write*: the native API, own runs. *admin*: everything, also others' runs."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_LETTERS = string.ascii_letters + string.digits
_REFRESH_SECONDS = 2.0


class InvalidKey(EudoxusError):
    """The request carries no API key, or one that is unknown, expired or revoked."""

    code = "invalid_api_key"


class Forbidden(EudoxusError):
    """The key is good, but its scopes do not allow this."""

    code = "forbidden"


@dataclass(frozen=True, slots=True)
class Key:
    """A stored key. Times are Unix seconds."""

    id: str
    name: str
    digest: bytes
    scopes: frozenset[str]
    created: float
    expires: float | None
    revoked: float | None

    @property
    def usable(self) -> bool:
        return self.revoked is None and (self.expires is None or self.expires > time.time())

    def may(self, scope: str) -> bool:
        return "admin" in self.scopes or scope in self.scopes


class KeyRing:
    """The keys of one database. A change by ``eudoxus keys`` is in force within two seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Key] = {}
        self._read = -_REFRESH_SECONDS

    async def create(self, name: str, scopes: frozenset[str], *, days: float | None = None) -> tuple[str, Key]:
        """Make a key; the text is returned once and never stored."""
        if unknown := sorted(scopes - set(SCOPES)):
            raise InvalidRequest(f"no scope is called {', '.join(unknown)}; there are {', '.join(SCOPES)}", param="scopes")
        id = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
        text = f"rk_{id}_{''.join(secrets.choice(_LETTERS) for _ in range(32))}"
        now = time.time()
        key = Key(id, name, _digest(text), scopes, now, None if days is None else now + days * 86400, None)
        await self._database.write(
            ("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, NULL)", (id, name, key.digest, " ".join(sorted(scopes)), now, key.expires))
        )
        self._read = -_REFRESH_SECONDS
        return text, key

    def all(self) -> list[Key]:
        """Every key ever made, oldest first."""
        rows = self._database.read_now("SELECT id, name, digest, scopes, created, expires, revoked FROM keys ORDER BY created")
        return [Key(r[0], r[1], bytes(r[2]), frozenset(r[3].split()), r[4], r[5], r[6]) for r in rows]

    async def revoke(self, id: str) -> None:
        """Raises :class:`InvalidRequest` for an unknown id."""
        changed = await self._database.write(("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (time.time(), id)))
        if not changed:
            raise InvalidRequest(f"no key in force has the id {id!r} ('eudoxus keys list' shows them)", param="id")
        self._read = -_REFRESH_SECONDS

    @property
    def required(self) -> bool:
        """Whether requests need a key: as soon as one was ever made, so that revoking the last one does not open the door."""
        self._refresh()
        return bool(self._known)

    def check(self, authorization: str | None) -> Key:
        """The key in an ``Authorization: Bearer`` header. Raises :class:`InvalidKey`."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise InvalidKey("an API key is needed: Authorization: Bearer rk_… ('eudoxus keys create' makes one)")
        self._refresh()
        parts = text.strip().split("_")
        key = self._known.get(parts[1]) if len(parts) == 3 else None
        offered = _digest(text.strip())
        if not hmac.compare_digest(offered, key.digest if key else bytes(32)) or key is None or not key.usable:
            raise InvalidKey("the API key is unknown, expired or revoked")
        return key

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._read > _REFRESH_SECONDS:
            self._known, self._read = {key.id: key for key in self.all()}, now


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
