"""This file knows, by language, the words that nobody ends on, those that few end on, and the short whole answers.

Compared in lower case and with their accents: "si" and "sí", "a" and "à" are different words. Chinese and Japanese are
compared by the last characters, since they have no spaces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from companion.words import listed

HANGING: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            and / but / or / because / cos / cuz / if / although / though / unless / while / whereas / than / the /
            a / an / my / your / our / their / its / every / i / um / umm / uhm / uh / uhh / er / erm / hmm / hm /
            mmm / ah / very / gonna / i'm / i've / i'd / i'll / he's / she's / we're / they're / you're / there's /
            let's / what's / where's / who's
            """
        ),
        "de": listed(
            """
            und / oder / aber / weil / dass / wenn / ob / sondern / obwohl / damit / bevor / nachdem / während / bis /
            ein / einen / dem / des / mein / meine / meinen / meinem / meiner / dein / deine / deinen / deinem /
            kein / keinen / unser / unsere / äh / ähm / öh / öhm / ehm / hm / hmm / mmh / naja / tja / ich / für /
            gegen / ohne / zwischen / beim / vom / zum / zur / ins / im / am / sehr / ganz
            """
        ),
        "es": listed(
            """
            y / e / o / u / pero / porque / que / si / aunque / cuando / como / mientras / sino / pues / el / los /
            las / un / unos / unas / mi / mis / tu / tus / su / sus / nuestro / nuestra / al / del / cada / eh / ehh /
            em / ehm / mmm / hmm / esto / ah / a / de / en / con / por / para / sin / sobre / hasta / desde / entre /
            hacia / según / muy / me / te / se / nos / yo
            """
        ),
        "fr": listed(
            """
            et / ou / mais / que / si / car / quand / lorsque / comme / puisque / parce / le / la / les / un / des /
            du / au / aux / mon / ma / mes / ton / ta / tes / son / sa / ses / notre / votre / nos / vos / chaque /
            ce / cette / cet / euh / heu / hum / hmm / mmh / ben / bah / beh / ah / à / de / en / par / chez / dans /
            vers / entre / très / je / qu / l / d / j / c / n / m / t / s
            """
        ),
        "zh": listed(
            """
            和 / 跟 / 与 / 但是 / 可是 / 不过 / 因为 / 所以 / 然后 / 还有 / 如果 / 要是 / 或者 / 而且 / 虽然 / 还是 /
            把 / 被 / 从 / 嗯 / 呃 / 额 / 那个那个 / 就是说 / 我的 / 你的 / 他的 / 她的 / 我们的 / 比如 / 比如说 /
            为了 / 关于 / 除了 / 的时候 / 接着 / 那么 / 于是 / 并且
            """
        ),
        "ja": listed(
            """
            は / が / を / に / で / と / も / や / へ / そして / それで / それから / でも / だって / あと / えっと /
            えーと / えーっと / えと / ええと / うーんと / あのー / あのう / んーと / その / この / あの / えー /
            うーん / んー / まあ / ていうか / なんか / だから / けれども / っていうのは / とか / たり / ながら
            """
        ),
    }
)
"""Conjunctions, articles, possessives, fillers and the like: more is to come, whatever full stop was written there.
French words that lost their last letter stand without the apostrophe."""

LEANING: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            to / of / with / from / for / at / about / by / into / like / under / behind / near / without / between /
            is / are / was / were / am / be / been / has / have / had / do / does / did / can / could / will / would /
            should / must / might / isn't / aren't / don't / doesn't / didn't / can't / won't / he / she / we / they /
            his / her / so / when / where / which / who / whose / until / since / after / before / some / any / no /
            then / well / want / wanna / going
            """
        ),
        "de": listed(
            """
            der / die / das / den / eine / einer / eines / ihr / ihre / ihren / sein / seine / seinen / euer / in /
            bei / von / durch / über / unter / hinter / neben / seit / wegen / als / wie / wo / wer / wann / denn /
            also / dann / er / wir / ist / sind / war / waren / hat / habe / haben / bin / bist / wird / kann / will /
            muss / möchte / soll / darf / wurde / so
            """
        ),
        "es": listed(
            """
            la / una / lo / este / esta / ese / es / son / era / está / están / estaba / hay / ha / he / había / fue /
            soy / estoy / tengo / tiene / quiero / puede / puedo / va / voy / más / entonces / donde / quien / él /
            ella
            """
        ),
        "fr": listed(
            """
            une / leur / leurs / avec / sans / pour / sur / sous / avant / après / depuis / contre / est / sont /
            était / suis / ai / as / a / ont / avait / vais / va / veux / peux / peut / dois / fait / il / elle / on /
            nous / vous / ils / elles / tu / donc / alors / où / qui / dont / ne / pas / plus / moins
            """
        ),
        "zh": listed(
            """
            的 / 在 / 给 / 对 / 到 / 向 / 往 / 是 / 很 / 想 / 会 / 要 / 能 / 这个 / 那个 / 一个 / 就 / 也 / 都 / 我 /
            有 / 叫 / 让 / 非常 / 特别 / 就是 / 这 / 那 / 用 / 比 / 一只 / 一种
            """
        ),
        "ja": listed(
            """
            の / から / けど / けれど / ので / のに / て / って / んで / まで / より / し / たら / れば / なら /
            すごく / とても / ちょっと / もっと / ぼく / わたし / 私 / 僕 / いで / ば / ね
            """
        ),
    }
)
"""Prepositions and auxiliaries, words with another life, Japanese te-forms (a sentence's middle, or a child's request):
without a full stop more is to come, with one nobody knows."""

OPEN: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed("in / on / over / up / off / out / down / through / around / along / across / past"),
        "de": listed("an / auf / aus / mit / zu / ab / vor / nach / um / vorbei / weg"),
        "zh": listed(
            """
            好的 / 是的 / 真的 / 对的 / 有的 / 不想 / 不会 / 不要 / 不能 / 没有 / 好想 / 不是 / 看到 / 听到 / 找到
            """
        ),
        "ja": listed(
            """
            なに / どこに / わに / ワニ / うに / かに / カニ / おに / なんで / ひと / ずっと / きっと / こども /
            子ども / いつも / くも / こんにちは / こんばんは / とも / すいか / はなし / お話し / むかし / 昔話し /
            教えて / おしえて / 見て / みて / 聞いて / きいて / 読んで / よんで / 歌って / うたって / 遊んで /
            あそんで / 話して / はなして / 待って / まって / 来て / きて / 言って / いって / して / ちょうだいね /
            だね / よね / いいね / ですね / ますね / だし / すし / うし / おかし / お菓子
            """
        ),
    }
)
"""Looks as if more were to come, but may as well be the end, with a full stop or without: verbs' particles ("turn it
on", "ich komme mit"), requests ("読んで"), words that only end like a particle ("なに", "わに"). Of all tables, the
longest ending that fits counts: "そして" is a conjunction although "して" may be a request."""

COMPLETE: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            yes / no / yeah / yep / yup / nope / nah / yes please / no thanks / no thank you / thank you / thanks /
            ok / okay / sure / of course / maybe / never / always / nothing / hello / hi / hey / hi there /
            hello there / good morning / good evening / good afternoon / me / me too / mm hmm / mhm / uh huh / uh uh /
            i do / i don't / i am / i'm not / i can / i can't / i did / i didn't / yes i do / yes i am / yes i can /
            yes it is / yes i did / no i don't / no i'm not / no it isn't / no i can't / i don't know / dunno /
            right / wrong / true / really / cool / wow / why / why not / what / who / where / when / how / how come /
            one / two / three / four / five / six / seven / eight / nine / ten / great / good / fine / i'm fine /
            not really / again / ready / i'm ready / let's go / come on / yes yes / no no / oh no / oh yes / sorry /
            yes let's / i will / i won't / no way / not yet
            """
        ),
        "de": listed(
            """
            ja / nein / jep / jo / nö / nee / doch / ja bitte / nein danke / danke / danke schön / bitte / okay / ok /
            klar / na klar / genau / vielleicht / niemals / nie / immer / hallo / hi / guten morgen / guten tag /
            guten abend / ich / ich auch / ich nicht / mhm / ich weiß nicht / weiß ich nicht / weiß nicht /
            keine ahnung / warum / wieso / was / wer / wann / wie / wo / echt / wirklich / gut / super / toll /
            richtig / falsch / stimmt / nichts / ja gerne / gerne / natürlich / na gut / los / fertig / bin ich /
            eins / zwei / drei / vier / fünf / sechs / sieben / acht / neun / zehn / ja ja / nein nein
            """
        ),
        "es": listed(
            """
            sí / si / no / claro / claro que sí / claro que no / vale / bueno / ok / okay / gracias / muchas gracias /
            no gracias / sí por favor / por favor / quizás / tal vez / nunca / siempre / nada / hola / buenos días /
            buenas tardes / yo / yo también / yo no / no sé / no lo sé / ni idea / por qué / qué / quién / cuándo /
            cómo / dónde / bien / muy bien / genial / de verdad / en serio / verdad / mentira / ya / ya está / listo /
            uno / dos / tres / cuatro / cinco / seis / siete / ocho / nueve / diez / ajá / sí sí / no no / también /
            tampoco / vamos / perdón
            """
        ),
        "fr": listed(
            """
            oui / non / ouais / nan / si / oui s'il te plaît / non merci / merci / merci beaucoup / d'accord / ok /
            okay / bien sûr / peut-être / jamais / toujours / rien / bonjour / salut / coucou / bonsoir / moi /
            moi aussi / pas moi / moi non plus / je sais pas / je ne sais pas / j'en sais rien / aucune idée /
            pourquoi / quoi / qui / quand / comment / où / bien / très bien / super / génial / c'est vrai / vraiment /
            voilà / exactement / pas vraiment / oui oui / non non / mais oui / mais non / s'il te plaît / c'est moi /
            un / deux / trois / quatre / cinq / six / sept / huit / neuf / dix / prêt / prête / on y va
            """
        ),
        "zh": listed(
            """
            是 / 是的 / 对 / 对的 / 对啊 / 不 / 不是 / 不对 / 好 / 好的 / 好啊 / 好吧 / 可以 / 不可以 / 不行 / 行 /
            要 / 不要 / 想 / 不想 / 有 / 没有 / 会 / 不会 / 能 / 不能 / 喜欢 / 不喜欢 / 谢谢 / 谢谢你 / 你好 /
            早上好 / 晚上好 / 我 / 我也是 / 不知道 / 我不知道 / 为什么 / 什么 / 谁 / 哪里 / 真的 / 真的吗 / 嗯嗯 /
            当然 / 也许 / 没事 / 没关系 / 对不起 / 哇 / 太好了 / 一 / 二 / 两 / 三 / 四 / 五 / 六 / 七 / 八 / 九 /
            十 / 嗯好 / 你 / 都是 / 知道 / 不用 / 不用了
            """
        ),
        "ja": listed(
            """
            はい / いいえ / うん / ううん / いや / ええ / そう / そうだよ / そうです / ちがう / 違う / 違うよ /
            いいよ / いや だ / やだ / いやだ / だめ / ありがとう / ありがとうございます / おはよう /
            おはようございます / こんにちは / こんばんは / わかった / わからない / 分かった / 分からない / 知らない /
            しらない / なんで / どうして / なに / 何 / 誰 / だれ / どこ / いつ / ほんと / 本当 / ほんとう / すごい /
            やった / 私 / わたし / ぼく / 僕 / たぶん / もちろん / お願い / お願いします / ごめん / ごめんなさい /
            オーケー / いち / に / さん / よん / ご / ろく / なな / はち / きゅう / じゅう / まだ / もういい / 好き /
            嫌い / うんうん / そうそう
            """
        ),
    }
)
"""An answer, a greeting or a question that is whole in so few words, with punctuation or without."""

ASKING: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "zh": listed("吗 / 呢 / 什么呀 / 好不好 / 对不对 / 几 / 什么 / 哪里 / 哪儿 / 谁 / 多少 / 怎么样"),
        "ja": listed(
            "ですか / ますか / でしょうか / ましたか / かな / の？ / 教えて / 聞かせて / 見せて / ください / くれる"
        ),
    }
)
"""Ends a question or a request in languages that speak the question mark; speech-to-text often leaves the written one
out."""

REQUESTS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            tell / sing / play / show / read / give / help / let / let's / turn / make / come / look / say / ask /
            count / teach / explain / remind / set / put / start / open / wake / bring / draw / dance / listen / try /
            can / could / would / will / do / does / did / are / is / am / may / shall / have / has / what / what's /
            where / where's / when / why / who / who's / which / how / how's / please / again / another / more /
            i want / i don't want / i wanna / i'd like / i would like / we want
            """
        ),
        "de": listed(
            """
            erzähl / erzähle / sing / singe / spiel / spiele / lies / mach / mache / zeig / zeige / sag / sage / hilf /
            gib / komm / lass / erklär / zähl / stell / kannst / könntest / willst / magst / hast / bist / weißt / was /
            wo / wer / wie / warum / wieso / wann / welche / welcher / welches / bitte / noch / nochmal / ich will /
            ich möchte / ich hätte gern / wir wollen
            """
        ),
        "es": listed(
            """
            cuéntame / cuéntanos / cuenta / canta / cántame / juega / lee / léeme / dime / di / haz / enséñame /
            ayúdame / pon / ven / mira / puedes / podrías / quieres / sabes / qué / quién / cómo / dónde / cuándo /
            cuál / otra / otro / más / quiero / no quiero / quisiera / queremos
            """
        ),
        "fr": listed(
            """
            raconte / chante / joue / lis / dis / fais / montre / aide / donne / viens / mets / explique / compte /
            peux / pourrais / veux / sais / est-ce / qu'est-ce / que / qui / où / quand / comment / pourquoi / quel /
            encore / je veux / je voudrais / je ne veux pas / on veut
            """
        ),
        "zh": listed("我要 / 我想 / 我想要 / 请 / 给我 / 帮我 / 再 / 不要"),
    }
)
"""Begins what asks for something, also where speech-to-text writes a full stop after it."""

DEPENDING: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed("if / when / while / whenever / although / unless / since / after / before / once / until"),
        "de": listed("wenn / als / falls / obwohl / während / bevor / nachdem / sobald / solange / weil"),
        "es": listed("si / cuando / mientras / aunque / como"),
        "fr": listed("si / quand / lorsque / pendant / comme / puisque"),
    }
)
"""Begins a clause that another one must follow, unless a comma says that it did."""

LEADING_UP: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            hello / hi / hey / hi there / hello there / good morning / good evening / good afternoon / thank you /
            thanks / sorry / guess what / you know what / do you know what
            """
        ),
        "de": listed("hallo / hi / guten morgen / guten tag / guten abend / danke / weißt du was"),
        "es": listed("hola / buenos días / buenas tardes / buenas noches / gracias / sabes qué"),
        "fr": listed("bonjour / salut / coucou / merci / tu sais quoi"),
        "zh": listed("你好 / 嗨 / 谢谢"),
        "ja": listed("こんにちは / おはよう / ありがとう / ねえねえ"),
    }
)
"""Whole in itself, and yet what one often says before something else."""

BEGINNINGS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            can / could / do / does / did / will / would / are / is / have / has / may / you / we / i / it / he / she /
            they / like / want / know / think / tell / have / see
            """
        ),
        "de": listed("kannst / könntest / willst / magst / hast / bist / weißt / du / ich / wir / mir / uns"),
        "es": listed("puedes / podrías / quieres / sabes / tienes / me / te / tú"),
        "fr": listed("peux / pourrais / veux / sais / est-ce / que / tu / peux-tu / veux-tu / sais-tu / me"),
    }
)
"""What a question begins with; two or three of these alone are none yet, whatever mark follows."""

FILLERS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed("um / umm / uhm / uh / uhh / er / erm / hm / hmm / mm / mmm / ah / eh / oh"),
        "de": listed("äh / ähm / öh / öhm / ehm / hm / hmm / mm / mmh / ah / oh"),
        "es": listed("eh / ehh / em / ehm / mm / mmm / hm / hmm / ah / oh"),
        "fr": listed("euh / heu / hum / hm / hmm / mm / mmm / ah / oh"),
        "zh": listed("嗯 / 呃 / 啊 / 哦 / 嗯嗯"),
        "ja": listed("えっと / ええと / えーと / うーん / んー / ん / あー / あの"),
    }
)
"""Sounds rather than words: what speech-to-text makes of a hum, too."""

ABBREVIATED: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed("mr / mrs / ms / dr / st / prof / vs / e.g / i.e / no"),
        "de": listed("dr / hr / fr / frau / prof / st / nr / z.b / bzw / d.h / ca"),
        "es": listed("sr / sra / srta / dr / dra / d / dña / p.ej"),
        "fr": listed("m / mm / mme / mlle / dr / st / p.ex"),
    }
)
"""Before a full stop that ends no sentence: a name or an example follows."""
