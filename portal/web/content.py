"""What an uploaded file is, by its content and not by its name; pictures are written anew, so nothing else comes with them."""

from __future__ import annotations

import io

from PIL import Image, ImageOps, ImageSequence

ANYTHING = "application/octet-stream"
_SIGNATURES = ((b"%PDF-", "application/pdf"), (b"PK\x03\x04", "application/zip"), (b"\xd0\xcf\x11\xe0", "application/x-ole-storage"))
_PICTURES = ((b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"))
INLINE = frozenset({"image/png", "image/jpeg", "image/gif"})
"""What a browser may show: pictures that were written anew here."""
MOST_PIXELS = 60_000_000
"""Of all frames together: what unpacks to more is kept as it is and only downloaded."""
_QUALITY = 90


def recognised(content: bytes) -> tuple[bytes, str]:
    """(what is kept, its type). A picture loses place, camera and whatever else lies beside its pixels; what only begins
    like a picture is a file like any other, never shown by a browser."""
    for start, shape in _PICTURES:
        if content.startswith(start):
            anew = _anew(content, shape)
            return (content, ANYTHING) if anew is None else (anew, f"image/{shape.lower()}")
    return content, next((kind for start, kind in _SIGNATURES if content.startswith(start)), ANYTHING)


def _anew(content: bytes, shape: str) -> bytes | None:
    """The picture with its pixels alone; None when it is none, or unpacks to too much."""
    out = io.BytesIO()
    try:
        picture = Image.open(io.BytesIO(content), formats=(shape,))
        frames = getattr(picture, "n_frames", 1) if shape == "GIF" else 1
        if picture.width * picture.height * frames > MOST_PIXELS:
            return None
        _write(picture, out, shape, frames)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    return out.getvalue()


def _write(picture: Image.Image, out: io.BytesIO, shape: str, frames: int) -> None:
    if shape == "GIF":
        first, *rest = (frame.copy() for frame in ImageSequence.Iterator(picture))
        times = {"duration": picture.info["duration"], "loop": picture.info.get("loop", 0)} if frames > 1 else {}
        first.info.pop("comment", None)
        first.save(out, shape, save_all=frames > 1, append_images=rest, **times)
        return
    upright = ImageOps.exif_transpose(picture)
    bare = Image.new(upright.mode, upright.size)
    bare.paste(upright)
    if upright.mode == "P" and (palette := upright.getpalette()):
        bare.putpalette(palette)
    keep = {key: upright.info[key] for key in ("icc_profile", "transparency") if key in upright.info}
    bare.save(out, shape, **keep, **({"quality": _QUALITY} if shape == "JPEG" else {"optimize": False}))
