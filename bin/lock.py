"""Write requirements*.txt and package-lock.json: exact versions with hashes, and no registry's address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from browser_parts import environment, npm

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements", "requirements-dev", "requirements-node")


def main() -> None:
    uv = [str(Path(sys.executable).parent / "uv"), "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes"]
    silent = ["--no-emit-index-url", "--no-emit-find-links", "--no-header", "--upgrade", "--quiet"]
    for name in LOCKS:
        subprocess.run([*uv, *silent, f"{name}.in", "--output-file", f"{name}.txt"], cwd=ROOT, check=True)
    install = [*npm(), "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(install, cwd=ROOT, check=True, env=environment())
    for name in LOCKS:
        refuse(f"{name}.txt", "://")
    refuse("package-lock.json", '"resolved"')


def refuse(name: str, sign: str) -> None:
    """A lock file that names a registry would bind everybody to it."""
    for line in (ROOT / name).read_text().splitlines():
        if sign in line:
            sys.exit(f"{name} holds an address: {line.strip()}")


if __name__ == "__main__":
    main()
