"""This file loads files from the model hub, or from a mirror of it: what arrives is whole and as the hub says it is.

huggingface_hub, which comes with faster-whisper, is not used for it. It compares no digest after a download, follows a
redirect from https to http, and only warns when there is no room [read: its 2.4.0, file_download.py]; and it brings its
own cache, where ours is a folder that one can look into. The client here is httpx2, which comes with openai.

The hub's ways, as huggingface_hub knows them: `/OWNER/NAME/resolve/REVISION/PATH`, of which HEAD tells size and digest.
A large file is somewhere else, and its digest its SHA-256 (X-Linked-Etag); a small one is in git, and its digest git's.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import quote, urlsplit

import httpx2

from companion.address import is_address, is_loopback, is_open_to_all
from companion.errors import NotPulled, SettingsError
from models.manifest import Remote

ADDRESS: Final = "https://huggingface.co"

MIRROR, OFFLINE = "HF_ENDPOINT", "HF_HUB_OFFLINE"
"""Variables of the environment, named as huggingface_hub names them."""

CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0

MOST_REDIRECTS: Final = 5

MOST_TRIES: Final = 3
"""One after another that bring nothing new."""

BLOCK: Final = 1 << 20
"""Bytes read at a time, where a file's digest is computed."""

Told = Callable[[int], None]
"""Told how many bytes of a file are there."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the hub says of a file."""

    size: int
    """Bytes."""
    digest: str
    """`sha256:` or `git:` and hexadecimal digits."""
    commit: str
    """Of the revision; empty if it does not say."""


class _CutError(Exception):
    """The connection was lost; what came is kept."""


class Hub(AbstractContextManager["Hub"]):
    """The hub, or the mirror that the environment names."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Raises NotPulled if the environment says that there is no network, SettingsError if its mirror is none."""
        if environment.get(OFFLINE, "").lower() in {"1", "true", "yes", "on"}:
            raise NotPulled(f"{OFFLINE} is set, so nothing is pulled: unset it first")
        self.address = (environment.get(MIRROR, "") or ADDRESS).rstrip("/")
        self._check_address()
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            trust_env=not is_loopback(self.address),
            headers={"accept-encoding": "identity", "user-agent": "companion"},
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def known(self, remote: Remote) -> Known:
        """Its size and digest. Raises NotPulled."""
        url, told = self._url(remote), httpx2.Headers()
        for _ in range(MOST_REDIRECTS):
            with self._sorted(url):
                response = self._client.head(url)
            for name in ("x-linked-etag", "x-linked-size", "x-repo-commit"):
                if name not in told and name in response.headers:
                    told[name] = response.headers[name]
            if not response.has_redirect_location:
                self._check_status(response, remote)
                told["etag"] = response.headers.get("etag", "")
                told["content-length"] = response.headers.get("content-length", "")
                break
            target = onward(url, response.headers["location"])
            if "x-linked-etag" in told and "x-linked-size" in told and urlsplit(target).netloc != urlsplit(url).netloc:
                break  # all is said, and where it lies is for the one who fetches it
            url = target
        else:
            raise NotPulled(f"{self._host} sends one in circles for {remote}")
        return self._read(told, remote)

    def load(self, remote: Remote, known: Known, part: Path, told: Told) -> None:
        """Bring a file to `part`, beginning with what is there of it already. Raises NotPulled: what has arrived then
        stays for the next time, unless it is damaged."""
        if _size(part) > known.size:
            part.unlink()
        tries = 0
        while not part.exists() or _size(part) != known.size:
            before = _size(part)
            try:
                self._fetch(remote, known, part, told)
            except _CutError as cut:
                have = _size(part)
                tries = 0 if have > before else tries + 1
                if tries >= MOST_TRIES:
                    raise NotPulled(
                        f"{cut}; {_megabytes(have)} of {_megabytes(known.size)} of {remote.name} are here, and the "
                        f"same command goes on from there"
                    ) from cut.__cause__
        told(_size(part))
        found = digest(part, known.digest)
        if found != known.digest:
            part.unlink()
            raise NotPulled(
                f"{remote.name} arrived damaged, or somebody has changed it on its way: it is {found}, not "
                f"{known.digest} as {self._host} says; nothing of it was kept, so pull it again"
            )

    def _fetch(self, remote: Remote, known: Known, part: Path, told: Told) -> None:
        """Ask for what is missing, once. Raises _CutError, NotPulled."""
        have = _size(part)
        url = self._url(remote)
        with self._answer(url, {"range": f"bytes={have}-"} if have else {}) as response:
            if response.status_code == 416 or (response.status_code == 206 and _begins(response) != have):
                part.unlink(missing_ok=True)  # it has another file now, or cannot count: from the beginning, then
                raise _CutError(f"{self._host} cannot go on where it was cut off")
            self._check_status(response, remote)
            try:
                with part.open("ab", buffering=0) as out:
                    if response.status_code != 206:
                        out.truncate(0)
                        have = 0
                    for block in response.iter_raw():
                        have += len(block)
                        if have > known.size:
                            break
                        _write_all(out.fileno(), block)
                        told(have)
                    os.fsync(out.fileno())
            except httpx2.TransportError as error:
                raise _CutError(f"{_host(url)} cannot be reached any more ({_reason(error)})") from error
            except OSError as error:
                raise NotPulled(
                    f"{part.parent}: cannot be written ({error.strerror}); what has arrived is kept, so make room and "
                    f"pull again"
                ) from error
        if have > known.size:
            part.unlink()
            raise NotPulled(f"{self._host} sends more of {remote.name} than it says it has: nothing of it was kept")
        if have < known.size:
            raise _CutError(f"{self._host} ended too soon")

    @contextmanager
    def _answer(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx2.Response]:
        """The answer to a GET, wherever it leads. Raises NotPulled, and _CutError if there is no connection."""
        for _ in range(MOST_REDIRECTS):
            request = self._client.build_request("GET", url, headers=headers)
            try:
                response = self._client.send(request, stream=True)
            except httpx2.TransportError as error:
                raise _CutError(f"{_host(url)} cannot be reached ({_reason(error)})") from error
            try:
                if not response.has_redirect_location:
                    yield response
                    return
                url = onward(url, response.headers["location"])
            finally:
                response.close()
        raise NotPulled(f"{self._host} sends one in circles")

    def _read(self, told: httpx2.Headers, remote: Remote) -> Known:
        found = _digest_of(told.get("x-linked-etag", "")) or _digest_of(told.get("etag", ""))
        size = told.get("x-linked-size", "") or told.get("content-length", "")
        if not found or not size.isdecimal():
            raise NotPulled(
                f"{self._host} does not say which digest {remote} has, so nobody could tell whether it arrives whole: "
                f"take another mirror, or none"
            )
        return Known(int(size), found, told.get("x-repo-commit", ""))

    def _url(self, remote: Remote) -> str:
        return f"{self.address}/{remote.repository}/resolve/{quote(remote.revision, safe='')}/{quote(remote.path)}"

    @property
    def _host(self) -> str:
        return _host(self.address)

    def _check_address(self) -> None:
        if not is_address(self.address):
            raise SettingsError([f"{MIRROR} should be an address like {ADDRESS}"])
        if is_open_to_all(self.address):
            raise SettingsError([f"{MIRROR} should begin with https: over http everybody on the way could change it"])

    def _check_status(self, response: httpx2.Response, remote: Remote) -> None:
        match response.status_code:
            case 200 | 206:
                return
            case 404:
                raise NotPulled(f"{self._host} has no {remote}: the manifest is wrong there, or it was taken away")
            case 401 | 403:
                raise NotPulled(f"{self._host} does not give {remote} to everybody ({response.status_code})")
            case status:
                raise NotPulled(f"{self._host} answers {status} for {remote.name}: try again in some minutes")

    @contextmanager
    def _sorted(self, url: str) -> Iterator[None]:
        """What the client raises, in our words."""
        try:
            yield
        except httpx2.TransportError as error:
            raise NotPulled(
                f"{_host(url)} cannot be reached ({_reason(error)}): is there a network? Until then the toy does with "
                f"what is here"
            ) from error


def onward(url: str, location: str) -> str:
    """Where a redirect leads. Raises NotPulled if everybody on the way could change what comes from there."""
    try:
        target = str(httpx2.URL(url).join(location))
        parts = urlsplit(target)
    except (httpx2.InvalidURL, ValueError) as error:
        raise NotPulled(f"{_host(url)} leads to what is no address") from error
    within = url.startswith("http:") and is_loopback(url) and is_loopback(target)
    if parts.scheme != "https" and not (parts.scheme == "http" and within):
        raise NotPulled(
            f"{_host(url)} leads to {parts.scheme}://{parts.netloc}, where everybody on the way could change what "
            f"comes: refused"
        )
    return target


def digest(file: Path, like: str) -> str:
    """The digest of a file, computed as `like` was. Raises OSError."""
    kind = like.partition(":")[0]
    state = hashlib.sha1(usedforsecurity=False) if kind == "git" else hashlib.sha256()
    with file.open("rb") as opened:
        if kind == "git":
            state.update(b"blob %d\0" % os.fstat(opened.fileno()).st_size)
        while block := opened.read(BLOCK):
            state.update(block)
    return f"{kind}:{state.hexdigest()}"


def _digest_of(etag: str) -> str:
    """Empty if it is none."""
    plain = etag.removeprefix("W/").strip('"').lower()
    if re.fullmatch("[0-9a-f]{64}", plain):
        return f"sha256:{plain}"
    return f"git:{plain}" if re.fullmatch("[0-9a-f]{40}", plain) else ""


def _begins(response: httpx2.Response) -> int:
    """Which byte of the file is the first that comes; -1 if it does not say."""
    found = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    return int(found[1]) if found else -1


def _write_all(descriptor: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(descriptor, left) :]


def _size(file: Path) -> int:
    """0 if there is none."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _reason(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
