"""All short benchmarks, one after the other; each writes its RESULT.md beside itself."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run every benchmark as its own command would."""
    for script in sorted(HERE.glob("*/run.py")):
        print(f"== {script.parent.name}")
        sys.argv = [str(script)]
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as ended:
            if ended.code:
                raise


if __name__ == "__main__":
    main()
