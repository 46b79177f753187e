"""Which process works on which run. A process holds a locked file while it lives; the system frees the lock however it dies."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

from eudoxus.runtime.errors import JournalError


class Ownership:
    """This process's claim, and whether others' claims still hold. Works among containers that share the folder on one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.me = f"{os.getpid()}-{secrets.token_hex(6)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(folder / self.me, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JournalError(f"cannot use the folder {folder}: {error.strerror}") from None

    def alive(self, owner: str) -> bool:
        """Whether the process called ``owner`` still runs."""
        if owner == self.me:
            return True
        path = self._folder / Path(owner).name
        try:
            fd = os.open(path, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(fd)
        path.unlink(missing_ok=True)
        return False

    def close(self) -> None:
        (self._folder / self.me).unlink(missing_ok=True)
        os.close(self._fd)
