"""From the bytes of an exported table to its text, whatever wrote it."""

from __future__ import annotations

import codecs
import io
import zlib

from greengate.errors import UsageError

MOST_BYTES = 64 * 2**20
_AS_CSV = "export or save it as CSV in UTF-8"
_OTHERS = {
    b"PK\x03\x04": "a workbook or an archive",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old workbook",
    b"%PDF": "a PDF",
    b"{": "JSON",
    b"[": "JSON",
    b"<": "HTML or XML",
}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LEAST = 4


def text(data: bytes, where: str) -> tuple[str, list[str]]:
    """Return a table's text, and what is worth saying about how it was written.

    Args:
        data: The file's bytes; gzip, as AWS delivers, is unpacked.
        where: What messages call the file.

    Raises:
        UsageError: It is empty, too large, no text, or no table.
    """
    plain = _unpacked(data, where) if data.startswith(b"\x1f\x8b") else data
    if len(plain) > MOST_BYTES:
        raise UsageError(where, f"has {len(plain):,} bytes; at most {MOST_BYTES:,} are read", "export fewer months")
    for mark, kind in _OTHERS.items():
        if plain.lstrip().startswith(mark):
            raise UsageError(where, f"is {kind}, and no table as text", _AS_CSV)
    encoding = _encoding(plain)
    try:
        found = plain.decode(encoding)
    except UnicodeDecodeError as error:
        problem = (
            f"is no text in {'UTF-8' if encoding.startswith('utf-8') else 'UTF-16'}: byte {error.start:,} fits none"
        )
        raise UsageError(where, problem, _AS_CSV) from error
    if "\0" in found:
        raise UsageError(where, "has zero bytes, and is no text", _AS_CSV)
    if not found.strip():
        raise UsageError(where, "is empty", "export it again, for months that have usage")
    return found, ["it was written in UTF-16, as Excel does"] if encoding.startswith("utf-16") else []


def _encoding(data: bytes) -> str:
    """Tell the encoding by its mark; without one, UTF-16 shows by a zero byte in each of its first characters."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return encoding
    first = data[:_LEAST]
    if len(first) == _LEAST and first[1] == first[3] == 0 and first[0] and first[2]:
        return "utf-16-le"
    if len(first) == _LEAST and first[0] == first[2] == 0 and first[1] and first[3]:
        return "utf-16-be"
    return "utf-8"


def _unpacked(data: bytes, where: str) -> bytes:
    """Unpack gzip, and no more of it than is read."""
    whole = io.BytesIO()
    rest = data
    try:
        while rest and whole.tell() <= MOST_BYTES:
            member = zlib.decompressobj(wbits=31)
            whole.write(member.decompress(rest, MOST_BYTES + 1))
            if not member.eof and whole.tell() <= MOST_BYTES:
                raise UsageError(where, "ends in the middle: the gzip file is not whole", "fetch it again")
            rest = member.unused_data
    except zlib.error as error:
        raise UsageError(where, f"cannot be unpacked: {error}", "fetch it again") from error
    return whole.getvalue()
