"""Pictures of a real comment: the digits example judged beside a budget, as GitHub shows it in light, dark and narrow.

Needs chromium, and what package.json names in `.node/pictures`; `make pictures` sees to the latter. The signs are those
of Twemoji (CC BY 4.0).
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options
from PIL import Image

from greengate.report import markdown

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NODE = ROOT / ".node" / "pictures" / "node_modules"
STYLES, SIGNS = NODE / "github-markdown-css", NODE / "@twemoji" / "svg"
SHOTS = {
    "comment-light.png": ("light", 830),
    "comment-dark.png": ("dark", 830),
    "comment-phone.png": ("light", 390),
}
COLOURS = {"light": ("#ffffff", "#d1d9e0"), "dark": ("#0d1117", "#3d444d")}
POLICY = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: sorting, owners: ["@acme/green"]}
budgets:
  - {id: quarter-carbon, metric: deployment_carbon, per: {team: vision}, period: quarter, max: 340 mgCO2e,
     enforce: soft}
"""
PULL = {"pull_request": {"number": 12, "head": {"sha": "3f2a91c0" * 5, "repo": {"full_name": "acme/shop"}}}}
PAGE = """\
<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>{style}
body {{ margin: 0; padding: 16px; background: {background}; }}
article {{ box-sizing: border-box; border: 1px solid {line}; border-radius: 6px; padding: 16px; }}
</style></head><body><article class="markdown-body">{html}</article>
<script>document.documentElement.dataset.height = Math.ceil(document.body.getBoundingClientRect().height);</script>
</body></html>
"""


def main() -> None:
    """Judge, render and photograph."""
    if not STYLES.is_dir():
        sys.exit(f"{STYLES} is not there: `make pictures` installs it")
    with tempfile.TemporaryDirectory() as folder:
        text = judged(Path(folder))
        html = with_signs(cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE))
        for name, (theme, width) in SHOTS.items():
            page = Path(folder) / f"{name}.html"
            style = (STYLES / f"github-markdown-{theme}.css").read_text(encoding="utf-8")
            background, line = COLOURS[theme]
            filled = PAGE.format(style=style, html=html, background=background, line=line)
            page.write_text(filled, encoding="utf-8")
            photograph(page, HERE / name, width)
            print(f"{name}: {(HERE / name).stat().st_size / 1000:.0f} kB")


def with_signs(html: str) -> str:
    """Put pictures in the place of signs, which a machine without such a font would not show."""
    for sign in markdown.SIGNS.values():
        drawn = base64.b64encode((SIGNS / f"{ord(sign[0]):x}.svg").read_bytes()).decode()
        image = f'<img src="data:image/svg+xml;base64,{drawn}" style="height: 1.15em; vertical-align: -0.2em">'
        html = html.replace(sign, image)
    return html


def judged(folder: Path) -> str:
    """Judge the example's three changes as those of one pull request, beside another that holds some of the budget."""
    project = folder / "digits"
    shutil.copytree(ROOT / "examples" / "digits", project, ignore=shutil.ignore_patterns(".greengate"))
    (project / "budget.yaml").write_text(POLICY, encoding="utf-8")
    file = project / "greengate.yaml"
    named = file.read_text(encoding="utf-8").replace("[policy.yaml]", "[policy.yaml, budget.yaml]\nname: acme/shop")
    file.write_text(named, encoding="utf-8")
    gate(project, "--change", "acme/shop#9", "--model", "digits/accurate")
    gate(project, "--report", "markdown=ledger.md", event=folder / "event.json")
    return (project / "ledger.md").read_text(encoding="utf-8")


def gate(project: Path, *more: str, event: Path | None = None) -> None:
    """Run the gate; on a pull request, with what GitHub says to a job of one."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if event:
        event.write_text(json.dumps(PULL), encoding="utf-8")
        environment |= {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REF": "refs/pull/12/merge",
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_RUN_ID": "17234567890",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_SERVER_URL": "https://github.com",
        }
    words = ("gate", "--quiet", "--book", "book.db", *more)
    done = subprocess.run([sys.executable, "-m", "greengate", *words], cwd=project, env=environment, check=False)
    if done.returncode not in {0, 1}:
        sys.exit(done.returncode)


def photograph(page: Path, picture: Path, width: int) -> None:
    """Take a picture of a whole page, as high as it is."""
    dom = chromium(page, f"--window-size={width},2000", "--dump-dom")
    height = int(re.search(r'data-height="(\d+)"', dom)[1])
    chromium(page, f"--window-size={width},{height}", f"--screenshot={picture}")
    with Image.open(picture) as taken:
        taken.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(picture, optimize=True)


def chromium(page: Path, *words: str) -> str:
    """Run chromium without a screen; what it prints."""
    common = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1")
    done = subprocess.run(["chromium", *common, *words, page.as_uri()], check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    main()
