"""Takes the README's picture of the operators' page: Chromium before a demo that runs."""

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

_PAGE = re.compile(r"page: (http://\S+)")


def main() -> int:
    """Starts the demo, opens its page, waits, and takes the picture."""
    parser = argparse.ArgumentParser(prog="python -m bench.page_picture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=50, help="how long the page is open")
    parser.add_argument("--out", type=Path, default=Path("docs/fleet.jpg"))
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "beltmark.demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            address = next(found[1] for line in demo.stdout if (found := _PAGE.search(line)))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=arguments.chromium,
                    args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
                )
                page = browser.new_page(viewport={"width": 1280, "height": 720})
                page.goto(address)
                time.sleep(arguments.seconds)
                page.screenshot(path=arguments.out, quality=85)
                browser.close()
        finally:
            demo.terminate()
            demo.communicate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
