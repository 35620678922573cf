"""Who coughs, slams a door, talks to others or says "mm hmm" does not end a reply."""

from __future__ import annotations

import random

from barge_in.noises import babble, backchannel, cough, slam
from barge_in.stage import SOAK, TOYS, USERS, Outcome, Show, milliseconds, share

from companion.audio import Speech
from device.room import Room

KINDS = {"cough": cough, "slam": slam, "babble": babble, "backchannel": backchannel}

ROUNDS = 5 if SOAK else 1
"""Conversations."""

EACH = 3
"""Sounds of each kind in a conversation."""

RESUMES = 1.3
"""Seconds from the end of the sound; of babble, which goes on for long, from the pause."""


def test_sounds_that_ask_for_nothing_do_not_end_a_reply() -> None:
    shows = [listen(seed) for seed in range(ROUNDS)]
    ended: list[str] = []
    late: list[str] = []
    repeated: list[int] = []
    for kind in KINDS:
        outcomes = [(show, outcome) for show, made in shows for name, outcome in made if name == kind]
        heard = [(show, outcome) for show, outcome in outcomes if outcome.overlaps]
        ends = [outcome.what for _, outcome in heard if "interrupted" in outcome.events]
        ducked = sum("duck" in outcome.events for _, outcome in heard)
        paused = [(show, outcome) for show, outcome in heard if "pause" in outcome.events and outcome.what not in ends]
        waits = [wait(kind, outcome) for _, outcome in paused]
        print(f"\n{kind}: of {len(heard)} {ducked} duck, {len(paused) + len(ends)} pause, {len(ends)} end the reply;")
        print(f"  it goes on {milliseconds(waits)} after")
        for name in ends:
            print(f"  ended by {name}")
        assert len(heard) >= 0.8 * len(outcomes), "what ends a reply takes the next sounds their chance"
        ended += ends
        late += [outcome.what for (_, outcome), seconds in zip(paused, waits, strict=True) if seconds > RESUMES]
        repeated += [count for show, outcome in paused for count in words_again(show, outcome)]
    count = sum(len(made) for _, made in shows)
    print(f"\nother sounds: {share(len(ended), count)} end the reply, {len(late)} go on late, at most ", end="")
    print(f"{max(repeated, default=0)} words are said again")
    assert len(ended) <= 0.03 * count
    assert not late
    assert max(repeated, default=0) <= 1


def listen(seed: int) -> tuple[Show, list[tuple[str, Outcome]]]:
    chance = random.Random(seed)
    kinds = [kind for kind in KINDS for _ in range(EACH)]
    chance.shuffle(kinds)
    sounds, after = [], 3.0
    for number, kind in enumerate(kinds):
        sounds.append((after, KINDS[kind](EACH * len(KINDS) * seed + number)))
        after += sounds[-1][1].audio.seconds + chance.uniform(3.5, 4.5)
    show = Show(
        *sounds,
        room=Room(echo=chance.choice((0, 6)), delay=chance.uniform(30, 300), noise=-60),
        seed=seed,
        voice=list(TOYS)[seed % len(TOYS)],
        user=USERS[seed % len(USERS)],
        replies=1,
        sentences=round(after / 4.0) + 3,
    ).play()
    return show, list(zip(kinds, show.outcomes(), strict=True))


def wait(kind: str, outcome: Outcome) -> float:
    """Seconds until the toy went on."""
    since = outcome.events["pause"] if kind == "babble" else outcome.ends
    return outcome.events.get("resume", float("inf")) - since


def words_again(show: Show, outcome: Outcome) -> list[int]:
    """How many words were said again when the toy went on; nothing where the voice tells no words."""
    counts = []
    for at, position, again in show.resumed:
        if abs(at - outcome.events.get("resume", -1.0)) < 0.02:
            words = [
                begins + (word.begins + word.ends) / 2
                for begins, audio in show.played
                if isinstance(audio, Speech)
                for word in audio.words
            ]
            counts.append(sum(position - again - 0.02 <= middle <= position for middle in words))
    return counts
