"""Pictures of a quarterly report of a made-up company: its first screen in light and in dark; needs chromium."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SCHEMES = {"quarterly-light.png": 1, "quarterly-dark.png": 0}
SIZE = (1280, 1500)

sys.path.insert(0, str(ROOT / "tests"))

import quarterly_made  # noqa: E402 - where the tests are

from greengate.report.quarterly import html_file  # noqa: E402 - as above


def main() -> None:
    """Render and photograph."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "quarter.html"
        page.write_bytes(html_file.render(quarterly_made.quarterly()))
        for name, scheme in SCHEMES.items():
            photograph(page, HERE / name, scheme, folder)
            print(f"{name}: {(HERE / name).stat().st_size / 1000:.0f} kB")


def photograph(page: Path, picture: Path, scheme: int, folder: str) -> None:
    """Take a picture of the first screen, in half its size and few colours."""
    words = (
        "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}",
        f"--blink-settings=preferredColorScheme={scheme}", f"--window-size={SIZE[0]},{SIZE[1]}",
        f"--screenshot={picture}", page.as_uri(),
    )  # fmt: skip
    subprocess.run(words, check=True, capture_output=True)
    with Image.open(picture) as taken:
        small = taken.convert("RGB").resize((SIZE[0] * 5 // 8, SIZE[1] * 5 // 8), Image.Resampling.LANCZOS)
        small.quantize(128, Image.Quantize.MAXCOVERAGE).save(picture, optimize=True)


if __name__ == "__main__":
    main()
