"""Episodes of low magnesium (section 9) and the level right after a dose (section 7)."""

from dataclasses import dataclass
from datetime import timedelta

from .medications import Dose
from .policy import Policy
from .severity import HIGH, LOW, SEVERE, TARGET_MET, severity_of
from .versions import Result


@dataclass(frozen=True)
class Episode:
    """Consecutive severe or low results, and the result that ended them."""

    results: list[Result]
    ended_by: Result | None

    @property
    def start(self) -> Result:
        """The first severe or low result."""
        return self.results[0]


def episodes_of(magnesium: list[Result], policy: Policy) -> list[Episode]:
    """Return the episodes in counted results, oldest first."""
    episodes: list[Episode] = []
    running: list[Result] = []
    for result in magnesium:
        severity = severity_of(result.interval, policy)
        if severity in {SEVERE, LOW}:
            running.append(result)
        elif severity in {TARGET_MET, HIGH} and running:
            episodes.append(Episode(running, result))
            running = []
    if running:
        episodes.append(Episode(running, None))
    return episodes


def open_episode(episodes: list[Episode]) -> Episode | None:
    """Return the episode that nothing has ended."""
    return episodes[-1] if episodes and episodes[-1].ended_by is None else None


def episode_to_confirm(
    index: Result, episodes: list[Episode], parenteral: list[Dose], policy: Policy
) -> Episode | None:
    """Return the severe episode that a target level ended during or soon after a dose."""
    if severity_of(index.interval, policy) != TARGET_MET or not episodes:
        return None
    ended = episodes[-1]
    if ended.ended_by is not index:
        return None
    had_severe = any(severity_of(one.interval, policy) == SEVERE for one in ended.results)
    after = timedelta(hours=policy.confirm_hours)
    drawn_near_dose = any(
        dose.started_at <= index.collected_at <= dose.ended_at + after for dose in parenteral
    )
    return ended if had_severe and drawn_near_dose else None
