"""This file asks Qwen-Character for replies, through the `openai` client.

What goes out is worded in `qwen_request`, what comes in is read in `qwen_stream`, what goes wrong is sorted in
`qwen_errors`, and `qwen_transport` keeps the connection warm.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from companion.errors import Cause, NoReply
from companion.ports import Prompt, Usage
from models.qwen_errors import Failed, failure
from models.qwen_limits import Limits, Patience
from models.qwen_models import MODELS, usage
from models.qwen_request import Sampling, check_count, check_longest, request
from models.qwen_stream import Reading, whole
from models.spoken_bias import OFF, Bias, SpokenBias, chosen

if TYPE_CHECKING:
    from models.qwen_transport import Way

__all__ = ["BASE_URL", "Limits", "QwenChat", "Sampling", "SpokenBias"]

BASE_URL = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"
"""The vendor page's international host. A key belongs to one region; other regions have other hosts."""

RETRIES = 2
"""Of one reply, at most, and none after its first text."""

Warn = Callable[[str], None]


def ignore(_: str) -> None:
    """Warn nobody."""


class QwenChat:
    """One account's access to one model."""

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        model: str,
        sampling: Sampling | None = None,
        spoken_bias: SpokenBias = "prose",
        warn: Warn = ignore,
        limits: Limits | None = None,
    ) -> None:
        """`warn` is told, in a sentence and once, that the service does not keep to the bias, or does not take it.
        Raises ValueError."""
        self._base_url = base_url
        self._host = urlsplit(base_url).netloc
        self._key = key
        self._model = model
        self._sampling = sampling or Sampling()
        if model in MODELS:
            check_longest(self._sampling.max_tokens, MODELS[model].longest_output)
        self._bias = chosen(spoken_bias)
        self._warn = warn
        self._warned = False
        self._limits = limits or Limits()
        self._way: Way | None = None
        self._loading = asyncio.Lock()

    async def load(self) -> None:
        """Load the client. Raises NoReply."""
        await self._loaded()

    async def warm(self) -> bool:
        """Open a connection, unless one stands ready; gives up when it takes too long. Whether there is one."""
        try:
            way = await self._loaded()
        except NoReply:
            return False
        return await way.open(self._limits.connect)

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        """The reply as it arrives, then what it cost. Raises NoReply; ValueError for what no service takes."""
        asked = {
            **request(self._model, prompt, self._sampling),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        way = await self._loaded()
        patience = Patience(self._limits, self._limits.first_token)
        retries = iter(range(RETRIES))
        while True:
            begun, bias = False, self._bias
            try:
                async with aclosing(self._streamed(way, self._biased(asked, bias), patience)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except Failed as failed:
                if begun:
                    raise failed.error from None
                await self._before_another(failed, bias, retries, patience)

    async def several(self, prompt: Prompt, count: int) -> tuple[list[str], Usage | None]:
        """`count` (1 to 4) different replies, and what they cost together. Raises NoReply; ValueError as `reply`."""
        check_count(count)
        asked = request(self._model, prompt, self._sampling)
        if count > 1:
            asked["n"] = count
        way = await self._loaded()
        patience = Patience(self._limits, self._limits.reply)
        retries = iter(range(RETRIES))
        while True:
            bias = self._bias
            try:
                return await self._whole(way, self._biased(asked, bias), patience)
            except Failed as failed:
                if failed.parameter == "n" and count > 1:
                    sentence = f"{self._model} does not give {count} replies at once: ask for one, or another model"
                    raise NoReply(Cause.REFUSED, sentence) from None
                await self._before_another(failed, bias, retries, patience)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._way:
            await self._way.aclose()

    async def _loaded(self) -> Way:
        async with self._loading:
            if self._way is None:
                self._way = await asyncio.to_thread(self._new_way)
            return self._way

    def _new_way(self) -> Way:
        from models.qwen_transport import Way  # half a second on a fast machine: once the microphone is open

        return Way(self._base_url, self._key, self._limits.connect)

    async def _streamed(
        self, way: Way, asked: Mapping[str, Any], patience: Patience
    ) -> AsyncGenerator[str | Usage, None]:
        reading = Reading(self._sort)
        with self._given_up():
            async with way.answer(asked, patience.until) as body, aclosing(reading.texts(body, patience)) as texts:
                async for text in texts:
                    self._look_for_banned(text)
                    yield text
            if reading.usage:
                yield usage(self._model, reading.usage)

    async def _whole(self, way: Way, asked: Mapping[str, Any], patience: Patience) -> tuple[list[str], Usage | None]:
        with self._given_up():
            async with way.answer(asked, patience.until) as body, asyncio.timeout_at(patience.until):
                texts, counted = await whole(body, self._sort)
        self._look_for_banned("".join(texts))
        return texts, usage(self._model, counted) if counted else None

    async def _before_another(self, failed: Failed, bias: Bias, retries: Iterator[int], patience: Patience) -> None:
        """Wait, or take back what the service does not want, before another attempt. Raises NoReply if it is of no
        use: a pause that the watchdog would not outlive loses the turn now as well as later."""
        if failed.parameter == "logit_bias" and bias is not OFF:
            self._loosen(bias)
            return
        retry = next(retries, None) if failed.again else None
        wait = 0.0 if retry is None else self._limits.pause * 2**retry if failed.after is None else failed.after
        if retry is None or wait >= patience.left:
            raise failed.error from None
        await asyncio.sleep(wait)

    def _biased(self, asked: Mapping[str, Any], bias: Bias) -> dict[str, Any]:
        return {**asked, "logit_bias": bias.weights} if bias.weights else dict(asked)

    def _loosen(self, refused: Bias) -> None:
        """For the rest of its life: the vendor's own bias, and if it was that one, none."""
        if self._bias is not refused:  # another reply was first
            return
        vendors = chosen("vendor")
        self._bias = OFF if refused == vendors else vendors
        left = "does without" if self._bias is OFF else "goes on with the 13 tokens of the vendor's sample"
        self._warn(f"{self._host} does not take the spoken bias of {len(refused.weights)} tokens; the toy {left}")

    def _look_for_banned(self, text: str) -> None:
        found = next((character for character in self._bias.banned if character in text), None)
        if found and not self._warned:
            self._warned = True
            self._warn(f"{self._model} wrote {found} although the spoken bias bans it; the filter takes it out")

    @contextmanager
    def _given_up(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise Failed(NoReply(Cause.SLOW, f"{self._host} was too slow to answer")) from None

    def _sort(self, body: object, text: str) -> Failed:
        return failure(None, body, host=self._host, model=self._model, told=text)
