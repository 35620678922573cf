"""The states a toy can be in: the one word that the light, the journal and the service tell."""

from enum import StrEnum


class State(StrEnum):
    """What the toy is doing, as everybody around it may know."""

    BOOTING = "booting"
    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    MUTED = "muted"
    OFFLINE = "offline"
    ATTENTION = "attention"
