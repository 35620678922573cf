"""This file chooses the engines: what the settings ask for, else the best that is there, and says which it is.

Each is imported in the branch that needs it, because start-up time counts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import import_module

from companion.character import Character
from companion.children import KEY_VARIABLE
from companion.choosing import BestOf
from companion.errors import SettingsError
from companion.folders import store
from companion.hearing import Hearing, hearing
from companion.ports import ChatModel, Voice
from companion.served import REHEARSAL, Served
from companion.settings import Called, Settings, key

Warn = Callable[[str], None]
"""Told of what goes on all the same."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of a toy."""

    hearing: Hearing
    chat: ChatModel
    voices: tuple[Voice, ...]
    """One for each character."""
    longest_prompt: int
    """Tokens that the chat model takes."""
    chat_served: Served
    voice_served: Served

    @property
    def served(self) -> tuple[Served, ...]:
        """All parts, in words."""
        hearing = self.hearing
        return hearing.called_served, hearing.transcriber_served, self.chat_served, self.voice_served


async def on_duty(settings: Settings, characters: Sequence[Character], stack: AsyncExitStack, warn: Warn) -> Engines:
    """For a toy among people: without a key it has no mind, and says so. Raises SettingsError."""
    return await _engines(settings, characters, "wake", await service(settings, stack, warn))


async def at_the_desk(
    settings: Settings,
    characters: Sequence[Character],
    stack: AsyncExitStack,
    warn: Warn,
    *,
    usual: Called = "open",
) -> Engines:
    """For whoever tries it: without a key the characters rehearse. `usual`: how the toy is called unless the settings
    say so. Raises SettingsError."""
    return await _engines(settings, characters, usual, await mind(settings, characters, stack, warn))


async def _engines(
    settings: Settings, characters: Sequence[Character], called: Called, mind: tuple[ChatModel, Served]
) -> Engines:
    chat, chat_served = mind
    # In threads, for the imports: the microphone is open already, and sound must not wait for them.
    ears = await asyncio.to_thread(hearing, settings, characters, called)
    chosen = [await asyncio.to_thread(_voice, settings, character) for character in characters]
    voices, (voice_served, *_) = zip(*chosen, strict=True)
    return Engines(ears, chat, voices, longest_prompt(settings), chat_served, voice_served)


def longest_prompt(settings: Settings) -> int:
    """Tokens that the chosen model takes, as far as it is known."""
    from models.qwen_models import DEFAULT, MODELS

    model = settings.chat.model or DEFAULT
    return MODELS[model if model in MODELS else DEFAULT].longest_input


async def mind(
    settings: Settings, characters: Sequence[Character], stack: AsyncExitStack, warn: Warn
) -> tuple[ChatModel, Served]:
    """The service where there is a key, else a rehearsal."""
    await asyncio.to_thread(import_module, "models.qwen")
    from models.qwen_models import DEFAULT

    model = settings.chat.model or DEFAULT
    if settings.chat.engine == REHEARSAL or (settings.chat.engine == "auto" and key(settings) is None):
        from models.mock_qwen import MockQwen

        server = await stack.enter_async_context(MockQwen(characters))
        remark = f"answers from its own file; set {KEY_VARIABLE} for {model}"
        return _qwen(settings, server.base_url, "sk-rehearsal", stack, warn), Served("character", REHEARSAL, remark)
    return await service(settings, stack, warn)


async def service(
    settings: Settings, stack: AsyncExitStack, warn: Warn, environment: Mapping[str, str] = os.environ
) -> tuple[ChatModel, Served]:
    """Qwen-Character, with the owner's key; without one it refuses every turn, and says why."""
    await asyncio.to_thread(import_module, "models.qwen")
    from models.qwen import BASE_URL
    from models.qwen_models import DEFAULT

    model = settings.chat.model or DEFAULT
    secret = key(settings, environment)
    if secret is None:
        from models.keyless import KeylessChat

        missing = f"There is no key: set {KEY_VARIABLE}, or chat.key_file, and reload"
        return KeylessChat(missing), Served("character", model, missing)
    base_url = settings.chat.base_url or BASE_URL
    return _qwen(settings, base_url, secret, stack, warn), Served("character", model, f"at {base_url}")


def _qwen(settings: Settings, base_url: str, key: str, stack: AsyncExitStack, warn: Warn) -> ChatModel:
    """The client, as the settings want it."""
    from models.qwen import QwenChat
    from models.qwen_models import DEFAULT
    from models.qwen_request import Sampling

    wanted = settings.chat
    sampling = Sampling(
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        presence_penalty=wanted.presence_penalty,
        repetition_penalty=wanted.repetition_penalty,
        top_k=wanted.top_k,
        max_tokens=wanted.max_tokens,
    )
    try:
        chat = QwenChat(
            base_url=base_url,
            key=key,
            model=wanted.model or DEFAULT,
            sampling=sampling,
            spoken_bias=wanted.spoken_bias,
            warn=warn,
        )
    except ValueError as error:
        raise SettingsError([f"chat: {error}"]) from error
    stack.push_async_callback(chat.aclose)
    return BestOf(chat, wanted.candidates, warn) if wanted.candidates > 1 else chat


def _voice(settings: Settings, character: Character) -> tuple[Voice, Served]:
    from models.espeak import EspeakVoice

    if settings.voice.engine == "espeak":
        return EspeakVoice(character.espeak), Served("voice", "espeak-ng", "embedded")
    from models.piper import Piper, check
    from models.store import Found, find_piper

    folder = store(settings)
    found = Found(settings.voice.model, ()) if settings.voice.model else find_piper(folder, character.language)
    if found.path:
        check(found.path)
        return Piper(found.path, cuts=folder / "piper-cut"), Served("voice", "Piper", found.path.stem)
    advice = "; ".join([f"for a better one (in {folder / 'piper'}): companion models pull", *found.skipped])
    if settings.voice.engine == "piper":
        raise SettingsError([f"voice.engine is piper, but there is no voice: {advice}"])
    return EspeakVoice(character.espeak), Served("voice", "espeak-ng", f"embedded; {advice}", found.skipped)
