"""This file is gesture -> motion, as data: what the light does when the character laughs, yawns or waves.

A motion changes the brightness only: the colour is the state's, which stays readable. It begins and ends bright, from
one dip of more than a tenth to the next are at least 0.35 s, and the second is over 0.88 s after the beginning at the
earliest, for a pulse may have flashed 0.13 s before that: so there are never more than three flashes in any second,
whatever the light did before and does after (WCAG 2.3.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

from companion.words import key, listed

Motion = Literal["glint", "flicker", "fade", "sweep", "bounce", "falter"]


@dataclass(frozen=True, slots=True)
class Course:
    """How bright a light is during a motion."""

    points: tuple[tuple[float, float], ...]
    """Seconds since it began, and how bright the light is then, 0 to 1; in between it goes in a straight line."""
    lag: float = 0.0
    """Seconds by which each lamp of a chain is behind the one before it."""

    def seconds(self, lamps: int = 1) -> float:
        """How long it takes on a chain of so many lamps."""
        return self.points[-1][0] + self.lag * (lamps - 1)


MOTIONS: Mapping[Motion, Course] = MappingProxyType(
    {
        "glint": Course(((0.0, 1.0), (0.2, 1.0), (0.35, 0.55), (0.5, 1.0), (0.9, 1.0))),
        "flicker": Course(
            (
                *((0.0, 1.0), (0.4, 1.0), (0.5, 0.35), (0.6, 1.0), (0.8, 1.0), (0.9, 0.35), (1.0, 1.0)),
                *((1.2, 1.0), (1.3, 0.35), (1.4, 1.0), (1.8, 1.0)),
            )
        ),
        "fade": Course(((0.0, 1.0), (1.3, 0.25), (1.6, 0.25), (2.2, 1.0), (2.6, 1.0))),
        "sweep": Course(
            ((0.0, 1.0), (0.15, 1.0), (0.35, 0.3), (0.65, 1.0), (0.85, 0.3), (1.15, 1.0), (1.55, 1.0)), lag=0.15
        ),
        "bounce": Course(((0.0, 1.0), (0.35, 0.4), (0.45, 1.0), (0.9, 0.4), (1.0, 1.0), (1.4, 1.0))),
        "falter": Course(
            (
                *((0.0, 1.0), (0.2, 1.0), (0.3, 0.2), (0.5, 0.2), (0.6, 1.0), (0.8, 1.0), (0.9, 0.2), (1.1, 0.2)),
                *((1.2, 1.0), (1.4, 1.0), (1.5, 0.2), (1.7, 0.2), (1.8, 1.0), (2.2, 1.0)),
            )
        ),
    }
)
"""The last is no gesture: it says that a turn was lost."""

GESTURES: Mapping[Motion, Sequence[str]] = MappingProxyType(
    {
        "flicker": listed(
            """
            giggl / laugh / chuckl / snicker / grin / tickl / wags / wagging / shiver / trembl / purr / sparkl /
            kicher / lacht / lachen / zitter / schnurr / wedel / glucks /
            rit aux / en riant / glouss / rigol / frémi / ronronn / frétill /
            ríe / risa / carcajad / tiembl / temblan / ronrone / menea /
            笑 / 咯咯 / 发抖 / 摇尾 / くすくす / ケラケラ / ふるえ / しっぽ
            """
        ),
        "fade": listed(
            """
            yawn / sigh / sleep / snore / snoring / snooz / dozes / dozing / nods off / whisper / sad / sniff / sobs /
            sobbing / cries / crying / weep / hides / hiding / shy / blush /
            gähn / seufz / schläf / schnarch / flüster / traurig / weint / schnief / schluchz / versteck / schüchtern /
            bâill / soupir / dort / endor / ronfl / chuchot / triste / pleur / renifl / se cache / rougit /
            bostez / suspir / duerm / ronca / susurr / llora / solloza / escond / sonroj /
            哈欠 / 叹 / 睡 / 打呼 / 悄悄 / 低声 / 哭 / 难过 / 害羞 / あくび / ため息 / 眠 / ねむ / ささや / 泣 / 恥ずか
            """
        ),
        "sweep": listed(
            """
            wave / waving / dance / dancing / spins / spinning / twirl / swings / swinging / sway / wiggl / stretch /
            hugs / hugging / flaps / flapping / flies / flying / looks around /
            winkt / winken / tanz / dreht / schwing / schunkel / wackel / streckt / umarm / flatter / fliegt /
            salue / fait signe / agite / danse / tourne / se balance / étire / câlin / vole /
            saluda / baila / girando / da vueltas / mece / estira / abraz / aletea / vuela /
            挥 / 招手 / 跳舞 / 转圈 / 摇摆 / 伸懒腰 / 抱 / 飞 / 手を振 / 踊 / くるくる / 揺れ / 伸び / 飛び回
            """
        ),
        "bounce": listed(
            """
            nods / nodding / jump / hops / hopping / bounc / claps / clapping / cheer / skips / skipping / stomp /
            nickt / nicken / hüpf / springt / klatsch / jubel / stampf /
            hoche / saute / sautill / bondi / applaud / tape des mains /
            asiente / salta / brinc / aplaud / rebota /
            点头 / 跳 / 蹦 / 拍手 / 鼓掌 / 欢呼 / うなず / 頷 / 跳ね / ジャンプ / ぴょん
            """
        ),
    }
)
"""Beginnings of words, by the motion they stand for, in the languages of the phrase tables; where a script puts no
spaces between words, parts of them. What is none of these is a glint."""

FIRST_WITHOUT_SPACES = "\u2e80"
"""From here on are the scripts that put no spaces between words."""


def motion(gesture: str) -> Motion:
    """What the light does for a gesture, in the words of the reply: of several things, for the first."""
    words = f" {key(gesture)} "
    found = [
        (words.find(_sought(beginning)), -len(beginning), name)
        for name, beginnings in GESTURES.items()
        for beginning in beginnings
        if _sought(beginning) in words
    ]
    return min(found)[2] if found else "glint"  # "nods off" is no nod


def moved(course: Course, seconds: float, lamp: int = 0) -> float:
    """How bright a lamp is, 0 to 1, `seconds` after the motion began; the first of a chain is lamp 0."""
    within = seconds - course.lag * lamp
    for (begins, from_), (ends, to) in pairwise(course.points):
        if within < ends:
            return from_ + (to - from_) * max(0.0, within - begins) / (ends - begins)
    return course.points[-1][1]


def _sought(beginning: str) -> str:
    folded = key(beginning)
    return folded if folded[0] >= FIRST_WITHOUT_SPACES else f" {folded}"
