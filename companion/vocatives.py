"""This file knows, by language, how somebody is addressed: greetings, words for the family, what a question opens with.

All are compared as `key` gives them: lower case, no accents, no punctuation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from companion.words import listed

CALLS: Sequence[str] = listed(
    """
    hey / hi / hello / hay / heya / hallo / huhu / hola / oye / salut / coucou / bonjour / ohe / 嘿 / 喂 / 你好 / 嗨 /
    ねえ / ねぇ / ねー / ねえねえ / やあ / おい
    """
)
"""What calls somebody, before a name, in any language: children mix them, and nothing is lost by knowing all."""

LEAD_INS: Sequence[str] = listed(
    """
    hate / he / they / there / eh / ey / ay / ah / oh / ok / okay / a / i / yo / listen / yes / no / ja / nein / si /
    no / oui / non / du / ei / dis / 哎 / 诶 / あのね / こんにちは
    """
)
"""What may also stand before a name, some of them what "hey" is misheard as, but before much else as well."""

NO_NAMES: Sequence[str] = listed(
    """
    that / thats / this / what / whats / whatever / there / theres / then / the / they / is / it / its / you / your /
    can / could / do / dont / did / but / not / no / get / tell / today / other / another / people / pick / big /
    baby / body / buy / bye / out / all / are / how / who / why / where / when / let / look / play / put / das /
    dass / was / wo / ist / du / kannst / wie / que / quien / puedes / tu / peux / est / qui / quoi
    """
)
"""Common words that follow a greeting: alike or not, they are no name misheard."""

TITLES: Sequence[str] = listed("ちゃん / くん / 君 / さん / さま / 先生 / 呀 / 啊")
"""What may follow a name and belongs to it."""

FAMILY: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            mum / mom / mummy / mommy / momma / mama / mam / ma / mother / dad / daddy / dada / papa / pa / father /
            grandma / granny / nana / nan / gran / grandpa / granddad / grandad / gramps / auntie / aunty / uncle /
            everyone / everybody / kids / guys / darling / honey / sweetie
            """
        ),
        "de": listed(
            """
            mama / mami / mutti / mutter / papa / papi / vati / vater / oma / omi / opa / opi / tante / onkel /
            kinder / schatz / leute
            """
        ),
        "es": listed(
            """
            mama / mami / mamita / mamaita / madre / papa / papi / papito / padre / abuela / abuelita / yaya /
            abuelo / abuelito / yayo / tia / tio / ninos / chicos / carino
            """
        ),
        "fr": listed(
            """
            maman / mamie / mami / mere / papa / papi / papy / pere / meme / pepe / tata / tatie / tante / tonton /
            oncle / les / enfants / cheri / cherie
            """
        ),
        "zh": listed(
            """
            妈妈 / 妈 / 妈咪 / 爸爸 / 爸 / 爷爷 / 奶奶 / 外公 / 外婆 / 姥姥 / 姥爷 / 哥哥 / 姐姐 / 弟弟 / 妹妹 /
            阿姨 / 叔叔 / 舅舅 / 姑姑 / 宝贝 / 孩子们 / 老公 / 老婆
            """
        ),
        "ja": listed(
            """
            ママ / パパ / お母さん / おかあさん / お父さん / おとうさん / お母ちゃん / おばあちゃん / おじいちゃん /
            ばあば / じいじ / お兄ちゃん / お姉ちゃん / おにいちゃん / おねえちゃん
            """
        ),
    }
)
"""People a child calls by what they are to it, and everybody by."""

OTHER_MACHINES: Sequence[str] = listed("alexa / siri / google / ok google / cortana / bixby / 小爱同学 / 天猫精灵")
"""Others in the house who are talked to. They count in every language."""

ADDRESSED: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            can you / can i / can we / could you / could i / will you / would you / do you / did you / are you /
            are we / have you / where are / where is / where s / what are you / what s for / may i / look /
            come here / come on / come / wait / help / help me / give me / watch / watch this / please / i m hungry /
            i m thirsty / i need / i want / stop it / when are / when is / why do i
            """
        ),
        "de": listed(
            """
            kannst du / konntest du / darf ich / kann ich / hast du / bist du / wo bist / wo ist / wo sind / schau /
            guck / komm / warte / hilf / gib mir / bitte / ich hab hunger / ich habe hunger / wann gibt / was gibt /
            mach mal / machst du / willst du / weisst du / ich muss / sollen wir
            """
        ),
        "es": listed(
            """
            puedes / podrias / puedo / me das / me puedes / me ayudas / donde esta / donde estas / mira / ven /
            espera / ayudame / dame / por favor / tengo hambre / tengo sed / has visto / quieres / vienes /
            cuando vamos / que hay de / sabes donde / podemos
            """
        ),
        "fr": listed(
            """
            tu peux / peux tu / tu pourrais / je peux / est ce que tu / est ce que je / ou est / ou es / regarde /
            viens / attends / aide moi / donne moi / s il te plait / j ai faim / j ai soif / tu as vu / t as vu /
            tu viens / tu veux / on mange quoi / qu est ce qu on mange / on peut
            """
        ),
        "zh": listed(
            """
            你能 / 你可以 / 我可以 / 我能 / 你看 / 快看 / 看这 / 快来 / 过来 / 你在 / 等等 / 帮我 / 给我 / 我饿 /
            我渴 / 我要 / 我想 / 你有没有 / 你去 / 什么时候
            """
        ),
        "ja": listed(
            """
            見て / みて / 来て / きて / 待って / まって / どこ / ちょうだい / おなかすいた / お腹すいた / 手伝って /
            てつだって / ねえ / 取って / とって / いつ / 何して
            """
        ),
    }
)
"""What follows at once when somebody is spoken to, not about: "mama look", but not "mama is asleep"."""
