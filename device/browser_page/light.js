// This file renders a look as every light of the product does: companion/looks.py says how, and which.

const SHORTEST = { breathe: () => 1 / 3, pulse: () => 1 / 3, "double blink": (all) => 2 * all.flash_every, "triple flash": (all) => 3 * all.flash_every };

// How bright `look` is, 0 to 1, `seconds` after it began, at this level of the sound; `all` is what is told of all looks.
export function brightness(all, look, seconds, level = 0) {
  const rhythm = rhythmOf(all, look, seconds);
  if (!look.follows_level) return rhythm;
  return rhythm * (all.quietest + (1 - all.quietest) * Math.min(1, Math.max(0, level)));
}

// The level to show `seconds` after `shown` was: it rises at once, and falls slowly.
export function follow(all, shown, level, seconds) {
  return Math.max(level, shown - all.fall * seconds);
}

// How bright a gesture makes the light `seconds` after it began: `points` are moments and brightnesses; null when it is over.
export function moved(points, seconds) {
  for (let number = 1; number < points.length; number++) {
    const [[begins, from], [ends, to]] = [points[number - 1], points[number]];
    if (seconds < ends) return from + ((to - from) * Math.max(0, seconds - begins)) / (ends - begins);
  }
  return null;
}

function rhythmOf(all, look, seconds) {
  if (look.rhythm === "off" || look.rhythm === "solid") return Number(look.rhythm === "solid");
  const period = Math.max(look.period, SHORTEST[look.rhythm](all));
  const within = seconds % period;
  switch (look.rhythm) {
    case "breathe":
      return all.dimmest + ((1 - all.dimmest) * (1 + Math.cos((2 * Math.PI * within) / period))) / 2;
    case "pulse":
      return 1 - ((1 - all.dimmest) * within) / period;
    case "double blink":
      return flashes(all, 2, within);
    default:
      return flashes(all, 3, within);
  }
}

function flashes(all, count, within) {
  return Number(within < count * all.flash_every && within % all.flash_every < all.flash_seconds);
}
