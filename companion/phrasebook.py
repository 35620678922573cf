"""This file holds what people say to tell the toy what to do, by language: as adults and children say it, and as
speech-to-text writes it.

Whether it is a command at all is decided in commands.py. What differs only in case, accents or punctuation stands here
once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from companion.words import listed

STOP: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            stop / stop it / stop that / stop talking / stop speaking / stop there / shush / shh / sh / hush /
            be quiet / quiet / silence / shut up / enough / that's enough / that is enough / cut it out / be still /
            hold on / wait / wait a minute / never mind / nevermind / cancel / stop now / no more / no more talking /
            i said stop / knock it off / zip it / pause / stop singing
            """
        ),
        "zh": listed(
            """
            停 / 停下 / 停下来 / 停止 / 停一下 / 别说了 / 别说话 / 别讲了 / 不要说了 / 不要说话 / 安静 / 安静点 /
            安静一点 / 闭嘴 / 住口 / 够了 / 等一下 / 等等 / 嘘 / 暂停 / 先别说 / 不要讲了 / 别吵 / 别唱了
            """
        ),
        "ja": listed(
            """
            止めて / とめて / やめて / やめろ / ストップ / 止まって / とまって / 静かに / 静かにして / しずかにして /
            しずかに / 黙って / だまって / うるさい / もういい / もういいよ / 待って / まって / ちょっと待って /
            しー / しーっ / おしまい / 話すのをやめて / もうやめて / 静かにしてよ / ちょっとまって
            """
        ),
        "de": listed(
            """
            stopp / stop / halt / halt an / hör auf / hör auf damit / hör auf zu reden / aufhören / sei still /
            sei ruhig / sei leise / ruhe / ruhig / still / psst / pst / schluss / schluss damit / genug / das reicht /
            es reicht / warte / warte mal / moment / moment mal / halt den mund / klappe / anhalten /
            nicht mehr reden / jetzt ist gut / abbrechen / vergiss es / pause / schweig
            """
        ),
        "es": listed(
            """
            para / para ya / párate / basta / basta ya / ya basta / stop / alto / detente / cállate / calla /
            silencio / chist / shh / deja de hablar / no hables más / no más / ya está / espera / un momento /
            ya no hables / ya vale / vale ya / estate quieto / olvídalo / cancela / pausa / cállate ya
            """
        ),
        "fr": listed(
            """
            stop / arrête / arrête toi / arrête ça / arrête de parler / arrêtez / tais toi / chut / silence /
            ça suffit / assez / attends / attends une minute / un moment / tu peux t'arrêter / ne parle plus /
            laisse tomber / annule / pause / la ferme / plus un mot / c'est bon arrête / doucement
            """
        ),
    }
)
"""Ends what is being said. "Wait" too: nobody who says it wants to be talked over."""

LOUDER: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            louder / be louder / speak louder / talk louder / speak up / a bit louder / a little louder /
            a little bit louder / much louder / more loud / volume up / turn it up / turn up the volume /
            turn the volume up / turn up / turn yourself up / i can't hear you / i cannot hear you / make it louder /
            say it louder / too quiet / you're too quiet / you are too quiet / that's too quiet / even louder
            """
        ),
        "zh": listed(
            """
            大声 / 大声点 / 大声一点 / 大声点儿 / 大声说 / 再大声一点 / 再大声点 / 声音大一点 / 声音大点 / 大点声 /
            大一点声 / 响一点 / 音量大一点 / 调大音量 / 音量调大 / 我听不见 / 我听不到 / 听不清 / 太小声了
            """
        ),
        "ja": listed(
            """
            もっと大きい声で / もっと大きな声で / 大きい声で / 大きな声で / 大きい声で言って / 大きな声で話して /
            もっと大きく / 大きくして / 音を大きくして / 音量を上げて / ボリューム上げて / ボリュームを上げて /
            聞こえない / 聞こえないよ / きこえない / もっと大きい声で話して / 声が小さい / もっとおおきいこえで
            """
        ),
        "de": listed(
            """
            lauter / mach lauter / mach mal lauter / sprich lauter / rede lauter / etwas lauter /
            ein bisschen lauter / bisschen lauter / noch lauter / viel lauter / sei lauter / ich hör dich nicht /
            ich höre dich nicht / ich kann dich nicht hören / kannst du lauter sprechen / kannst du lauter reden /
            zu leise / du bist zu leise
            """
        ),
        "es": listed(
            """
            más alto / más fuerte / habla más alto / habla más fuerte / un poco más alto / un poco más fuerte /
            sube el volumen / súbelo / sube la voz / súbele / no te oigo / no te escucho / no oigo / más volumen /
            mucho más alto / no puedo oírte / dilo más alto / dilo más fuerte / todavía más alto
            """
        ),
        "fr": listed(
            """
            plus fort / parle plus fort / un peu plus fort / encore plus fort / beaucoup plus fort / monte le son /
            monte le volume / augmente le volume / augmente le son / je t'entends pas / je ne t'entends pas /
            j'entends pas / je n'entends rien / j'entends rien / plus haut / dis le plus fort /
            tu parles pas assez fort
            """
        ),
    }
)

QUIETER: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            quieter / be quieter / speak quieter / talk quieter / a bit quieter / a little quieter / softer /
            a little bit quieter / speak softer / speak softly / speak more softly / talk softer / more quietly /
            speak more quietly / not so loud / don't be so loud / less loud / too loud / you're too loud /
            you are too loud / that's too loud / it's too loud / volume down / turn it down / turn down the volume /
            turn the volume down / turn down / turn yourself down / lower your voice / whisper / make it quieter
            """
        ),
        "zh": listed(
            """
            小声 / 小声点 / 小声一点 / 小声点儿 / 小点声 / 再小声一点 / 再小声点 / 声音小一点 / 声音小点 / 轻一点 /
            轻声点 / 轻点 / 音量小一点 / 调小音量 / 音量调小 / 太大声了 / 太吵了 / 声音太大了 / 小声说 / 别那么大声
            """
        ),
        "ja": listed(
            """
            もっと小さい声で / もっと小さな声で / 小さい声で / 小さな声で / 小さい声で言って / 小さな声で話して /
            もっと小さく / 小さくして / 音を小さくして / 音量を下げて / ボリューム下げて / ボリュームを下げて /
            声が大きい / 声が大きすぎる / もっと静かに / もう少し静かに / もっと静かに話して / うるさすぎる
            """
        ),
        "de": listed(
            """
            leiser / mach leiser / mach mal leiser / sprich leiser / rede leiser / etwas leiser / noch leiser /
            ein bisschen leiser / bisschen leiser / viel leiser / sei leiser / nicht so laut / zu laut /
            du bist zu laut / das ist zu laut / kannst du leiser sprechen / kannst du leiser reden / flüster
            """
        ),
        "es": listed(
            """
            más bajo / más bajito / habla más bajo / habla más bajito / un poco más bajo / baja el volumen / bájalo /
            baja la voz / bájale / no tan alto / no tan fuerte / demasiado alto / más suave / más flojo /
            más despacito / muy alto / está muy alto / menos volumen / mucho más bajo / no grites / habla bajito
            """
        ),
        "fr": listed(
            """
            moins fort / parle moins fort / un peu moins fort / encore moins fort / beaucoup moins fort / plus bas /
            baisse le son / baisse le volume / diminue le volume / parle plus doucement / plus doucement / trop fort /
            c'est trop fort / tu parles trop fort / pas si fort / parle doucement / chuchote / ne crie pas
            """
        ),
    }
)

AGAIN: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            say that again / say it again / repeat / repeat that / repeat it / one more time / once more /
            say that one more time / say it one more time / say that once more / tell me again / come again /
            what did you say / what was that / what did you just say / what'd you say / pardon / pardon me /
            i didn't hear you / i didn't hear that / i did not hear you / i didn't get that / i didn't catch that /
            sorry what / say again / do it again / do that again / again
            """
        ),
        "zh": listed(
            """
            再说一遍 / 再说一次 / 再讲一遍 / 再讲一次 / 重复一遍 / 重复一下 / 你说什么 / 你刚才说什么 / 你说啥 /
            你刚刚说什么 / 再来一遍 / 再来一次 / 没听清 / 我没听清 / 我没听见 / 没听见 / 再说一下 / 请重复
            """
        ),
        "ja": listed(
            """
            もう一回 / もう一度 / もういっかい / もういちど / もう一回言って / もう一度言って / もういっかいいって /
            何て言ったの / なんて言ったの / 今なんて言ったの / なんていったの / 今何て言った / なんて言った / なんて /
            聞こえなかった / 聞き取れなかった / 繰り返して / くりかえして / もう一度お願い / もう一回お願い
            """
        ),
        "de": listed(
            """
            nochmal / noch mal / noch einmal / noch ein mal / sag das nochmal / sag das noch mal / sag nochmal /
            sag das noch einmal / sag es nochmal / sag es noch einmal / wiederhol das / wiederhole das / wiederholen /
            wiederhole / was hast du gesagt / wie bitte / das hab ich nicht verstanden / was hast du gerade gesagt /
            das habe ich nicht verstanden / ich hab dich nicht verstanden / ich habe dich nicht verstanden
            """
        ),
        "es": listed(
            """
            otra vez / una vez más / dilo otra vez / dilo de nuevo / repite / repítelo / repite eso / de nuevo /
            puedes repetir / puedes repetirlo / me lo repites / qué has dicho / qué dijiste / cómo has dicho /
            no te he oído / no te oí / no te he entendido / no te entendí / no entendí / cómo dices / repítemelo
            """
        ),
        "fr": listed(
            """
            encore / encore une fois / répète / répète ça / répète le / redis le / redis ça / tu peux répéter /
            peux tu répéter / dis le encore une fois / dis le encore / qu'est ce que tu as dit / qu'as tu dit /
            tu as dit quoi / t'as dit quoi / j'ai pas entendu / je n'ai pas entendu / j'ai pas compris /
            je n'ai pas compris / pardon / comment / une autre fois
            """
        ),
    }
)

AGAIN_DIFFERENTLY: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            say that again differently / say it differently / say that differently / try that again / try again /
            say it another way / say that another way / say it in a different way / say that in other words /
            say it again but differently
            """
        ),
        "zh": listed("换个说法 / 换一种说法 / 再说一遍换个说法 / 重新说一遍 / 换句话说 / 用别的话说"),
        "ja": listed(
            """
            別の言い方で / 言い直して / もう一度違う言い方で言って / 違う言い方で / 違う言い方で言って /
            別の言い方で言って
            """
        ),
        "de": listed(
            """
            sag das nochmal anders / sag es anders / sag das anders / sag das noch mal anders /
            sag es nochmal anders / versuch es nochmal / mit anderen worten / sag das mit anderen worten
            """
        ),
        "es": listed("dilo de otra manera / dilo de otra forma / dilo con otras palabras / inténtalo otra vez"),
        "fr": listed(
            """
            dis le autrement / dis ça autrement / dis le d'une autre façon / dis le avec d'autres mots /
            essaie encore
            """
        ),
    }
)
"""Asks for another answer to the same words."""

GOODBYE: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            goodbye / good bye / bye / bye bye / bye for now / see you / see you later / see you tomorrow / see ya /
            good night / goodnight / night night / nighty night / sleep well / sleep tight / go to sleep /
            time to sleep / go to bed / sleep now / i'm done / we're done / that's all / that is all
            """
        ),
        "zh": listed(
            """
            再见 / 再见了 / 拜拜 / 晚安 / 去睡觉 / 睡觉吧 / 去睡觉吧 / 明天见 / 回头见 / 下次见 / 睡吧 / 该睡觉了 /
            不聊了 / 我要走了 / 再会 / 就这样吧
            """
        ),
        "ja": listed(
            """
            さようなら / さよなら / バイバイ / ばいばい / またね / じゃあね / おやすみ / おやすみなさい / またあした /
            また明日 / もう寝て / 寝て / ねんね / じゃあまたね / また今度 / バイバイまたね / もう寝なさい
            """
        ),
        "de": listed(
            """
            tschüss / tschüs / tschau / ciao / auf wiedersehen / bis bald / bis morgen / bis später / bis dann /
            gute nacht / schlaf gut / schlaf jetzt / schlaf schön / geh schlafen / geh ins bett / mach's gut /
            wir sind fertig / das war's / gut nacht
            """
        ),
        "es": listed(
            """
            adiós / chao / chau / hasta luego / hasta mañana / hasta pronto / nos vemos / buenas noches / bye /
            vete a dormir / duérmete / a dormir / que duermas bien / hasta la próxima / bye bye / eso es todo
            """
        ),
        "fr": listed(
            """
            au revoir / salut à demain / à demain / à bientôt / à plus / à plus tard / bonne nuit / bye / bye bye /
            va dormir / va te coucher / dors / dors bien / fais dodo / dodo / adieu / ciao / c'est tout
            """
        ),
    }
)
"""Ends the conversation. The character may still answer: it is what "good night" deserves."""

BEFORE: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            please / can you please / can you / could you please / could you / will you / would you / ok / okay / oh /
            no / now / and / hey / just / sorry / well
            """
        ),
        "zh": listed(
            """
            请 / 请你 / 你 / 能不能 / 可以 / 你能 / 你能不能 / 你可以 / 那 / 好了 / 好 / 喂 / 麻烦你
            """
        ),
        "ja": listed("ねえ / お願い / ちょっと / じゃあ / もう / あの / ごめん"),
        "de": listed("bitte / jetzt / nein / okay / ok / oh / hey / also / und / kannst du bitte / na"),
        "es": listed("por favor / puedes / oye / vale / bueno / no / ahora / ay / eh / pues"),
        "fr": listed(
            """
            s'il te plaît / s'il vous plaît / ok / oh / hé / non / bon / allez / est ce que tu peux / et / eh
            """
        ),
    }
)
"""What may come first and does not change what is asked."""

AFTER: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed(
            """
            please / now / right now / okay / ok / thanks / thank you / for me / will you / already / then
            """
        ),
        "zh": listed("吧 / 好吗 / 好不好 / 可以吗 / 行吗 / 谢谢 / 啊 / 呀 / 啦 / 嘛 / 呗 / 一下"),
        "ja": listed(
            """
            ください / 下さい / お願い / お願いします / おねがい / くれる / よ / ね / ってば / くれない / 言って /
            話して
            """
        ),
        "de": listed("bitte / jetzt / mal / mal bitte / endlich / danke / sofort / okay / doch"),
        "es": listed("por favor / porfa / ahora / ya / gracias / vale / sí"),
        "fr": listed(
            """
            s'il te plaît / s'il vous plaît / maintenant / merci / tout de suite / d'accord / steuplaît / ok
            """
        ),
    }
)
"""What may come last and does not change what is asked."""

DONE: Mapping[str, str] = MappingProxyType(
    {"en": "Okay.", "zh": "好的。", "ja": "はい。", "de": "Okay.", "es": "Vale.", "fr": "D'accord."}
)
"""What the toy says when it has done what it was told."""

DEAF: Mapping[str, str] = MappingProxyType(
    {
        "en": "I cannot hear anything. Please look at my microphone.",
        "zh": "我听不见了。请看看我的麦克风。",
        "ja": "何も聞こえないよ。マイクを見てください。",
        "de": "Ich höre nichts mehr. Bitte schau nach meinem Mikrofon.",
        "es": "No oigo nada. Mira mi micrófono, por favor.",
        "fr": "Je n'entends plus rien. Regarde mon micro, s'il te plaît.",
    }
)
"""What a character says when its microphone is lost, unless its file has words of its own ..."""

MUTED: Mapping[str, str] = MappingProxyType(
    {
        "en": "My ears are closed. Hold my button to open them.",
        "zh": "我的耳朵关上了。按住我的按钮就能打开。",
        "ja": "今は耳を閉じているよ。ボタンを長く押してね。",
        "de": "Meine Ohren sind zu. Halte meinen Knopf gedrückt, dann gehen sie auf.",
        "es": "Tengo los oídos cerrados. Mantén pulsado mi botón para abrirlos.",
        "fr": "Mes oreilles sont fermées. Garde mon bouton appuyé pour les ouvrir.",
    }
)
"""... and when somebody calls it by its button while it is muted."""

FILLERS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": listed("Hmm, let me think. / Just a moment more."),
        "zh": listed("让我想想。 / 再等一下。"),
        "ja": listed("えっとね。 / もうちょっと。"),
        "de": listed("Hm, lass mich nachdenken. / Einen Moment noch."),
        "es": listed("Déjame pensar. / Un momentito más."),
        "fr": listed("Hum, laisse-moi réfléchir. / Encore un instant."),
    }
)
"""What a character says while one waits for its answer, unless its file has words of its own."""
