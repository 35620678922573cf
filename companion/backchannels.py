"""This file knows, by language, what somebody says who only listens: it asks nobody to stop."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from companion.words import key, language_of, listed

BACKCHANNELS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            mm / mmm / mhm / mm hmm / mmhmm / m hm / hm / hmm /
            uh huh / uhhuh / ah / oh / ooh / aha / yeah / yep / yup /
            yes / ok / okay / right / sure / cool /
            wow / really / oh really / i see / oh yeah / oh yes / oh wow /
            oh no / nice / great / good / ha / haha / hahaha /
            ha ha / ha ha ha / oh okay / all right / alright / huh / of course
            """
        ),
        "de": listed(
            """
            mm / mmh / mhm / hm / hmm / aha / ah / ach / ach so /
            achso / oh / ja / jaja / ja ja / ok / okay / genau / gut /
            schön / toll / cool / wow / echt / ach echt / wirklich /
            stimmt / klar / na klar / haha / ha ha / natürlich / naja
            """
        ),
        "es": listed(
            """
            mm / mmm / mhm / ajá / ah / oh / sí / si /
            sí sí / vale / ok / okay / claro / ya / ya veo / bueno / bien /
            guau / en serio / de verdad / qué bien / jaja / ja ja / entiendo / genial
            """
        ),
        "fr": listed(
            """
            mm / mmh / mhm / hum / ah / oh / ah bon / oui /
            ouais / oui oui / d'accord / ok / okay / bien / super / waouh /
            vraiment / ah oui / je vois / c'est vrai / haha / ha ha / bien sûr / génial
            """
        ),
        "zh": listed(
            """
            嗯 / 嗯嗯 / 啊 / 哦 / 噢 / 喔 / 哇 / 对 / 对对 / 对啊 / 是 / 是的 / 是吗 /
            真的 / 真的吗 / 好 / 好的 / 好啊 /
            哈 / 哈哈 / 哈哈哈 / 这样啊 / 原来如此 / 没错
            """
        ),
        "ja": listed(
            """
            うん / うんうん / ん / んー / はい / ええ / へえ / へー / ほう / ああ / あー / おお / わあ / すごい / そう /
            そうなの / そうなんだ / そうですか / そっか / 本当 / ほんと / ほんとに / なるほど / あはは / はは / ははは
            """
        ),
    }
)


def is_backchannel(heard: str, language: str) -> bool:
    """Whether whoever said this, in `language` (a BCP 47 tag), only listens: nothing but such words, at most three."""
    known = _known(language_of(language))
    said = key(heard)
    if said in known:
        return True
    parts = [key(part) for part in re.split(r"[,.!?…，。！？、\s]+", heard) if key(part)]
    return 0 < len(parts) <= 3 and all(part in known for part in parts)


@cache
def _known(language: str) -> frozenset[str]:
    return frozenset(key(phrase) for phrase in BACKCHANNELS.get(language, ()))
