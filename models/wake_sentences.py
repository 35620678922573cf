"""This file makes up what people say when they do not call the toy: words in no order, as many as are wanted.

For English, everyday words with rarer ones among them, out of the pronouncing dictionary in pocketsphinx's wheel. For
Chinese everyday words. For every other language numbers, which its voices speak as its own words, and made-up words.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from numpy.random import Generator

_EVERYDAY: Final = """
a about after again all always am an and another any are around as ask at away baby back bad ball be bear because
bed been before best better big bird black blue boat book box boy bread breakfast bring brother brown bus but by
cake call came can car cat chair children city clean close coat cold colour come cook could country cow cup daddy
dance day did dinner do doctor does dog doll done door down draw dress drink drive each ear early eat egg eight
evening every eye face fall family far farm fast father feet few find fire first fish five floor flower fly food
for forget found four friend from fruit full game garden gave get girl give glass go going good goodbye grass great
green ground had hair half hand happy hard has hat have he head hear heard heavy hello help her here hey hi high
him his hold home hope horse hot hour house how hungry i ice idea if in inside is it jump just keep kind kitchen
knew know lake last late laugh learn leave left leg let letter light like listen little live long look lost loud
love lunch made make man many may maybe me milk minute money monday month moon more morning most mother mouth much
mummy music must my name near never new next nice night nine no nose not nothing now number of off often oh okay
old on once one only open or orange other our out outside over own paper park party people pick picture place play
please present pretty put question quick quiet rain ran read ready red remember right ring river road room round
run said salt same sang sat saturday saw say school sea second see seven she ship shirt shoe shop short should show
side sing sister sit six sleep slow small snow so soap soft some something song soon sorry soup stand star start
stay still stop story street strong such sugar summer sun sunday sure swim table take talk tall tea teacher tell
ten than thank that the their them then there these they thing think third this those three time tired to today
together told tomorrow too took town toy train tree true try turn two under until up us use very voice wait walk
wall want warm was wash watch water way we weather week well went were what wheel when where which white who why
will wind window winter with woman wonder word work world would write year yellow yes yesterday you young your zoo
"""

COMMON: Final = frozenset(_EVERYDAY.split())
"""Everyday words of English: what a toy's whole name should not be made of."""

_EVERYDAY_CHINESE: Final = """
爸爸 妈妈 姐姐 哥哥 弟弟 妹妹 爷爷 奶奶 老师 朋友 今天 明天 昨天 早上 晚上 中午
现在 时候 上学 回家 吃饭 喝水 睡觉 起床 玩具 游戏 故事 唱歌 跳舞 画画 看书 电视
电话 音乐 手机 汽车 飞机 火车 苹果 香蕉 牛奶 面包 鸡蛋 米饭 小狗 小猫 小鸟 兔子
大象 老虎 熊猫 太阳 月亮 星星 天空 下雨 下雪 春天 夏天 秋天 冬天 红色 蓝色 绿色
白色 黑色 高兴 难过 漂亮 好吃 喜欢 知道 觉得 可以 不要 没有 什么 怎么 为什么 哪里
这里 那里 我们 你们 他们 自己 一个 两个 三个 一起 再见 谢谢 你好 对不起 没关系 快点
等一下 学校 医院 商店 公园 房间 厨房 衣服 鞋子 帽子 眼睛 耳朵 鼻子 因为 所以 但是
然后 已经 还是 非常 有点
"""

CHINESE: Final = tuple(_EVERYDAY_CHINESE.split())
"""Everyday words of Chinese."""

RARE: Final = 0.3
"""The share of rarer words."""

_WORDS: Final = (3, 10)  # of a sentence
_SYLLABLES: Final = tuple(
    first + vowel for first in "bdfgklmnprstvz" for vowel in ("a", "e", "i", "o", "u", "an", "el")
)


def sentences(language: str, count: int, chance: Generator) -> list[str]:
    """`count` sentences in the language of a BCP 47 tag, all different in all likelihood."""
    match language.lower().partition("-")[0]:
        case "en":
            words = _english
        case "zh" | "cmn" | "yue":
            words = _chinese
        case _:
            words = _made_up
    return [" ".join(words(int(chance.integers(*_WORDS)), chance)) for _ in range(count)]


@cache
def pronunciations() -> dict[str, tuple[str, ...]]:
    """English words and their phonemes, ARPAbet: about 130,000; none where pocketsphinx's wheel is missing."""
    wheel = find_spec("pocketsphinx")
    file = Path(wheel.origin or "").parent / "model" / "en-us" / "cmudict-en-us.dict" if wheel else None
    if file is None or not file.is_file():
        return {}
    entries = (line.split() for line in file.read_text(encoding="utf-8").splitlines())
    return {word: tuple(phonemes) for word, *phonemes in entries if word.isalpha()}


@cache
def _everyday() -> tuple[str, ...]:
    return tuple(sorted(COMMON))


@cache
def _rare() -> tuple[str, ...]:
    return tuple(sorted(word for word in pronunciations() if 3 < len(word) < 11)) or _everyday()


def _english(count: int, chance: Generator) -> list[str]:
    return [
        str(words[chance.integers(len(words))])
        for words in (_rare() if chance.random() < RARE else _everyday() for _ in range(count))
    ]


def _chinese(count: int, chance: Generator) -> list[str]:
    return [CHINESE[chance.integers(len(CHINESE))] for _ in range(count)]


def _made_up(count: int, chance: Generator) -> list[str]:
    return [
        str(chance.integers(10 ** int(chance.integers(1, 6))))
        if chance.random() < 0.5
        else "".join(_SYLLABLES[chance.integers(len(_SYLLABLES))] for _ in range(chance.integers(2, 4)))
        for _ in range(count)
    ]
