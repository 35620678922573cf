"""This file chooses the engines with which a toy hears: what the settings ask for, else the best that is there.

Each is imported in the branch that needs it, because start-up time counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from companion.barge_in import STOP
from companion.character import Character
from companion.echo import UNKNOWN, Interruptible, Verdict
from companion.errors import CompanionError, SettingsError
from companion.folders import store
from companion.patience import PATIENCE, Patience
from companion.ports import EchoCanceller, EndOfTurn, SpeechDetector, Transcriber, WakeWord
from companion.served import Served
from companion.settings import Called, Settings
from companion.words import language_of

STOP_THRESHOLD = 1e-20
"""Of pocketsphinx for "stop": in flite's five voices 27 of 30 were heard, and 3 of 50 other sentences held one for it,
all with "shop" and "top" in them [tried]. At 1e-15 it was 24 and 1, at 1e-30 30 and 15."""

SPHINX = "pocketsphinx"
"""The name of the embedded ears. They cannot read the embedded voice."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """The engines behind the ears."""

    detector: SpeechDetector
    patience: Patience
    """How long it waits for whoever speaks."""
    transcriber: Transcriber
    transcriber_served: Served
    end_of_turn: EndOfTurn | None
    """None: nobody has put one into the store."""
    canceller: EchoCanceller | None
    interruptible: Verdict
    """Until something is measured; for ever without a canceller."""
    called: Called
    called_served: Served
    wake_word: WakeWord | None = None
    """None: it is not called by a name."""
    phrases: tuple[str, ...] = ()
    """What the wake word hears."""
    stop_word: WakeWord | None = None
    """What hears "stop" while it speaks; None: nothing does in its language, or nobody is heard without its button."""

    @property
    def interrupting(self) -> WakeWord | None:
        """The words that end a reply: its names, and "stop"."""
        from models.any_of import AnyOf

        heard = [each for each in (self.stop_word, self.wake_word) if each]
        return AnyOf(heard) if heard else None


def hearing(settings: Settings, characters: Sequence[Character], usual: Called) -> Hearing:
    """What a toy hears with; `usual` is how it is called when the settings leave that open. Takes a while, most of it
    imports: call it in a thread. Raises SettingsError."""
    from models.libraries import preload

    preload("onnxruntime", "capi/onnxruntime_pybind11_state*.so")
    from models.speech_detector import SileroDetector

    transcriber, served = _transcriber(settings, characters[0].language)
    end_of_turn, skipped = _end_of_turn(settings)
    served = replace(served, skipped=(*served.skipped, *skipped))
    patience = replace(PATIENCE[settings.ears.patience], longest=settings.ears.longest)
    ears = SileroDetector(), patience, transcriber, served, end_of_turn, *canceller(settings)
    wanted = settings.ears.called or usual
    if wanted == "wake":
        try:
            wake_word, phrases, remark = _wake_word(settings, characters, served.name == SPHINX)
            by_name = Served("called", "by its name", remark)
            return Hearing(*ears, "wake", by_name, wake_word, phrases, _stop_word(characters[0].language))
        except SettingsError as error:
            if settings.ears.called or settings.ears.names:
                raise
            return Hearing(*ears, "hold", Served("called", "by its button", "", error.mistakes))
    if wanted == "hold":
        return Hearing(*ears, "hold", Served("called", "by its button", ""))
    whoever = Served("called", "whoever speaks is heard", "")
    return Hearing(*ears, "open", whoever, stop_word=_stop_word(characters[0].language))


def _transcriber(settings: Settings, language: str) -> tuple[Transcriber, Served]:
    from models.sphinx import SphinxTranscriber

    limited = "embedded, limited: English only, no children, no noise"
    if settings.ears.engine == "sphinx":
        return SphinxTranscriber(), Served("ears", SPHINX, limited)
    from models.store import Found, find_whisper
    from models.whisper import WhisperTranscriber, check

    folder = store(settings)
    found = Found(settings.ears.model, ()) if settings.ears.model else find_whisper(folder, language)
    if found.path:
        check(found.path, language)
        return WhisperTranscriber(found.path, language=language), Served("ears", "faster-whisper", found.path.name)
    advice = "; ".join([f"for better ears (in {folder / 'whisper'}): companion models pull", *found.skipped])
    if settings.ears.engine == "whisper":
        raise SettingsError([f"ears.engine is whisper, but there is no model: {advice}"])
    return SphinxTranscriber(), Served("ears", SPHINX, f"{limited}; {advice}", found.skipped)


def _end_of_turn(settings: Settings) -> tuple[EndOfTurn | None, tuple[str, ...]]:
    """What hears the end of a turn, if somebody has put one into the store; and why others cannot be used."""
    from models.smart_turn import SmartTurn
    from models.store import find_smart_turn

    found = find_smart_turn(store(settings))
    return SmartTurn(found.path) if found.path else None, found.skipped


def _stop_word(language: str) -> WakeWord | None:
    """What hears "stop", in English."""
    from models.sphinx_wake import SphinxWakeWord

    return SphinxWakeWord(STOP, threshold=STOP_THRESHOLD) if language_of(language) == "en" else None


def canceller(settings: Settings) -> tuple[EchoCanceller | None, Verdict]:
    """What takes the toy's own voice out of its microphone, and how it may be interrupted until it is measured how
    well."""
    match settings.body.echo:
        case "auto" | "kalman":
            from models.kalman_canceller import KalmanCanceller

            return KalmanCanceller(), UNKNOWN
        case "webrtc":
            from models.webrtc_canceller import WebrtcCanceller

            try:
                return WebrtcCanceller(), UNKNOWN
            except CompanionError as error:
                return None, Verdict(Interruptible.BUTTON, str(error))
        case "hardware":
            return None, Verdict(Interruptible.FULL, "its sound card takes its own sound out")
        case _:
            return None, Verdict(Interruptible.BUTTON, "nothing takes its own sound out of its microphone")


def _wake_word(
    settings: Settings, characters: Sequence[Character], sure: bool
) -> tuple[WakeWord, tuple[str, ...], str]:
    """What hears the names in the settings; else those that were learnt; else those of the characters, after "hey".
    Also which they are, and a remark. `sure`: nobody could confirm a name, for pocketsphinx spells none."""
    from models import micro_wake
    from models.any_of import AnyOf
    from models.sphinx_wake import SphinxWakeWord, check
    from models.store import find_wake
    from models.wake_head import HeadWakeWord

    learnt = find_wake(store(settings))
    heads = {head.phrase: file for file, head in learnt.heads}
    phrases = [name.lower() for name in settings.ears.names] or list(heads)
    phrases = phrases or [f"hey {character.name.lower()}" for character in characters]
    found: list[WakeWord] = []
    heard: list[str] = []
    for phrase in phrases:
        if phrase in heads:
            found.append(HeadWakeWord(heads[phrase]))
            heard.append(f'"{phrase}" (learnt)')
        elif phrase in micro_wake.PHRASES:
            # The second hears it when it runs into the next word, as the first does not.
            found += [micro_wake.MicroWakeWord(phrase), SphinxWakeWord(phrase, sure=sure)]
            heard.append(f'"{phrase}" (microWakeWord, pocketsphinx)')
        else:
            check(phrase)
            found.append(SphinxWakeWord(phrase, sure=sure))
            heard.append(f'"{phrase}" (pocketsphinx; for better ears: companion wake add "{phrase}")')
    return found[0] if len(found) == 1 else AnyOf(found), tuple(phrases), ", ".join([*heard, *learnt.skipped])
