"""Make the virtual environment, also on a Debian whose Python came without `ensurepip`."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

LEAST = (3, 11)


def main(folder: str) -> None:
    if sys.version_info < LEAST:
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Say which: make PYTHON=python3.12 …")
    venv = [sys.executable, "-m", "venv", "--clear", folder]
    if find_spec("ensurepip"):
        subprocess.run(venv, check=True)
    elif find_spec("pip"):
        subprocess.run([*venv, "--without-pip"], check=True)
        subprocess.run([sys.executable, "-m", "pip", "--python", f"{folder}/bin/python", "install", "--quiet", "pip"], check=True)
    elif os.geteuid() == 0:
        package = f"python3.{sys.version_info.minor}-venv"
        subprocess.run(["apt-get", "update", "-q"], check=True)
        subprocess.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", package], check=True)
        subprocess.run(venv, check=True)
    else:
        sys.exit("This Python can make no virtual environment: apt-get install python3-venv, then again.")


if __name__ == "__main__":
    main(sys.argv[1])
