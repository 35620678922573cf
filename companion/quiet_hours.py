"""This file knows the hours of the day in which a toy is to be dim: "20:00-07:00", over midnight or not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

HOURS = re.compile(r"\s*(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)\s*")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of the day until another."""

    begin: time
    end: time

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """What "20:00-07:00" means. Raises ValueError: one sentence."""
        found = HOURS.fullmatch(text)
        try:
            if not found:
                raise ValueError
            begin, end = (time(int(found[part]), int(found[part + 1])) for part in (1, 3))
        except ValueError:  # 25:00, too
            raise ValueError("should be two times of the day, such as 20:00-07:00") from None
        if begin == end:
            raise ValueError("should begin and end at different times")
        return cls(begin, end)

    def __contains__(self, now: time) -> bool:
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end
