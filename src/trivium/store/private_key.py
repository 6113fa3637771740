"""The project's key for hashing private values: drawn at the first use, kept beside the store, in no event or blob."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from trivium.core.private import KEY_BYTES
from trivium.core.problems import Problem, ProjectError, StoreError
from trivium.store.disk import make_folder, refused, sync_folder

FILE = "private.key"
VARIABLE = "TRIVIUM_PRIVATE_KEY"


def private_key(root: Path, *, environ: Mapping[str, str] = os.environ) -> bytes:
    """Give the key: what `TRIVIUM_PRIVATE_KEY` says (64 hexadecimal digits), else the store's own, drawn if need be.

    Several machines that answer for one project need the same key, so there it comes by the environment.

    Raises:
        ProjectError (TV-STORE-012): the variable holds no key.
        StoreError (TV-STORE-013): the file holds none. TV-STORE-003: the disk refused.
    """
    if VARIABLE in environ:
        return _of_text(environ[VARIABLE])
    path = root / FILE
    try:
        if not path.exists():
            _draw(path)
        key = path.read_bytes()
    except OSError as error:
        raise refused(str(path), error) from error
    if len(key) != KEY_BYTES:
        raise StoreError(
            Problem(
                code="TV-STORE-013",
                what="the key that hides private values is damaged",
                where=str(path),
                seen=f"{len(key)} bytes in place of {KEY_BYTES}",
                fix="restore the file from a backup; if it is lost, remove it: values are then hashed unlike before",
            )
        )
    return key


def _draw(path: Path) -> None:
    """Put a new key in its place, unless another process was first: then its key stands."""
    make_folder(path.parent, durable=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{FILE}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return
        sync_folder(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _of_text(text: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ProjectError(
            Problem(
                code="TV-STORE-012",
                what=f"{VARIABLE} holds no key",
                where="environment",
                seen=f"{len(text)} characters",
                fix=f"set it to {2 * KEY_BYTES} hexadecimal digits, or unset it: the store then keeps a key of its own",
            )
        )
    return key
