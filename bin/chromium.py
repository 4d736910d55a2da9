"""See to it that the browser tests have a Chromium and Chinese letters; as root both come from Debian."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> None:
    if found() and has_chinese():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        if found():
            print("No Chinese font was found: pictures will show boxes. apt-get install fonts-noto-cjk")
            return
        sys.exit("The browser tests need Chromium: apt-get install chromium fonts-noto-cjk, then again.")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=True, env=quiet)
    wanted = [*([] if found() else ["chromium"]), "fonts-noto-cjk"]
    subprocess.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *wanted], check=True, env=quiet)


def found() -> bool:
    return any(shutil.which(name) for name in NAMES)


def has_chinese() -> bool:
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh", "family"], capture_output=True, check=False).stdout.strip())


if __name__ == "__main__":
    main()
