"""Answers of the last minutes, one file each, so that a source is not asked the same again and again.

Names are digests of what was asked, without any key. A file that is broken, of another time or of another hand is as
good as none.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

_SWEPT_AFTER = timedelta(days=1)


class Kept:
    """The folder of kept answers; of no folder, nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, question: str, now: datetime, max_age: timedelta) -> bytes | None:
        """Return what was answered to a question, if that is no older than `max_age`."""
        if self._folder is None:
            return None
        try:
            kept = json.loads(self._file(self._folder, question).read_bytes())
            body = base64.b64decode(kept["body"], validate=True)
            age = now - datetime.fromisoformat(kept["asked_at"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        whole = kept.get("sha256") == hashlib.sha256(body).hexdigest()
        return body if whole and timedelta(0) <= age <= max_age else None

    def keep(self, question: str, now: datetime, body: bytes) -> None:
        """Keep an answer; a folder that cannot be written keeps nothing."""
        if self._folder is None:
            return
        told = {
            "asked_at": now.astimezone(UTC).isoformat(),
            "sha256": hashlib.sha256(body).hexdigest(),
            "body": base64.b64encode(body).decode(),
        }
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep(self._folder, now)
            _replace(self._file(self._folder, question), json.dumps(told).encode())

    @staticmethod
    def _file(folder: Path, question: str) -> Path:
        return folder / f"{hashlib.sha256(question.encode()).hexdigest()}.json"

    @staticmethod
    def _sweep(folder: Path, now: datetime) -> None:
        for old in folder.glob("*.json"):
            with suppress(OSError):
                if now.timestamp() - old.stat().st_mtime > _SWEPT_AFTER.total_seconds():
                    old.unlink()


def _replace(file: Path, data: bytes) -> None:
    """Write a file so that whoever reads it finds the old one or the new one, whole."""
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as new:
        try:
            new.write(data)
            new.close()
            Path(new.name).replace(file)
        except OSError:
            Path(new.name).unlink(missing_ok=True)
            raise
