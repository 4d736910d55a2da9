"""Install the browser's libraries and the printed font from package-lock.json and copy what is used.

Nothing of them is run here (npm's install scripts are off). Where Node is missing it comes from a PyPI wheel.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / "node_modules"
FONTS = ROOT / "portal" / "fonts"
VENDOR = ROOT / "portal" / "static" / "vendor"
FOR_TESTS = ROOT / "build" / "vendor"
OLDEST_NODE = 18

COPIED = {
    "@tabler/core/dist/css/tabler.min.css": "tabler/css/tabler.min.css",
    "echarts/dist/echarts.simple.min.js": "echarts.min.js",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "@alpinejs/csp/dist/cdn.min.js": "alpine-csp.min.js",
    "tom-select/dist/css/tom-select.bootstrap5.min.css": "tom-select/tom-select.bootstrap5.min.css",
    "tom-select/dist/js/tom-select.complete.min.js": "tom-select/tom-select.complete.min.js",
}
PRINTED = ("400Regular/NotoSansSC_400Regular.ttf", "700Bold/NotoSansSC_700Bold.ttf")
"""Weights of the Chinese font that papers are printed in: 10 MB each, embedded in part, never sent to a browser."""
COPIED_FOR_TESTS = {"axe-core/axe.min.js": "axe.min.js"}
_SHAPES = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
_MAP = re.compile(r"\n?(//|/\*)# sourceMappingURL=\S+?( ?\*/)?\s*$")


def main(step: str) -> None:
    install() if step == "install" else copy_all()


def install() -> None:
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=ROOT, check=True, env=environment())


def copy_all() -> None:
    shutil.rmtree(VENDOR, ignore_errors=True)
    for source, target in COPIED.items():
        copy(MODULES / source, VENDOR / target)
    FONTS.mkdir(exist_ok=True)
    for source in PRINTED:
        shutil.copyfile(MODULES / "@expo-google-fonts" / "noto-sans-sc" / source, FONTS / Path(source).name)
    for source, target in COPIED_FOR_TESTS.items():
        copy(MODULES / source, FOR_TESTS / target)
    write_icons((ROOT / "portal" / "static" / "icons.txt").read_text().split())


def copy(source: Path, target: Path) -> None:
    """Without the pointer to a source map: the browser would ask for a file that is not there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_MAP.sub("\n", source.read_text(encoding="utf-8")), encoding="utf-8")


def write_icons(names: list[str]) -> None:
    """One sprite of the outline icons in icons.txt, used as `icons.svg#name`."""
    outlines = MODULES / "@tabler" / "icons" / "icons" / "outline"
    missing = [name for name in names if not (outlines / f"{name}.svg").exists()]
    if missing:
        sys.exit(f"portal/static/icons.txt names icons that Tabler has not: {', '.join(missing)}")
    symbols = []
    for name in sorted(set(names)):
        shapes = _SHAPES.search((outlines / f"{name}.svg").read_text(encoding="utf-8"))
        inner = re.sub(r"\s*\n\s*", "", shapes[1] if shapes else "")
        look = 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"'
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24" {look}>{inner}</symbol>')
    text = '<svg xmlns="http://www.w3.org/2000/svg">' + "\n".join(symbols) + "</svg>\n"
    (VENDOR / "icons.svg").write_text(text, encoding="utf-8")


def npm() -> list[str]:
    """npm of this machine when it is new enough, otherwise the wheel's, installed now."""
    if shutil.which("npm") and node_version() >= OLDEST_NODE:
        return ["npm"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*pip, "--requirement", str(ROOT / "requirements-node.txt")], check=True)
    return [str(Path(sys.executable).parent / "npm")]


def node_version() -> int:
    try:
        said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        return 0
    return int(re.sub(r"^v(\d+).*", r"\1", said.strip()) or 0)


def environment() -> dict[str, str]:
    """The wheel's `node` lies beside our Python."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


if __name__ == "__main__":
    main(sys.argv[1])
