"""How often data came lately, and so how long a silence may last before it is suspicious. Pure."""

from __future__ import annotations

from landfast.session.ice.pairs import NEVER

_GAPS = 32  # remembered: 0.6 s of a video, 3 s of a slow control
_ENOUGH = 8  # gaps, before a silence can be told from a rhythm
_PAUSE = 1.0  # seconds: a longer gap is no rhythm
_UNKNOWN = 0.02  # seconds: the gap of audio and of 50 Hz control, until another is known
_LEAST, _MOST = 0.005, 0.2  # seconds: below is bursts, above a check in time costs nothing
_MISSED = 3  # usual gaps: two lost packets in a row are usual
_LONGEST = 1.5  # times the longest gap: frames of a video come in bursts, and a radio stalls more than once


class Rhythm:
    """Of the data that the peer sends. `last` is when some came."""

    def __init__(self, suspicion: float) -> None:
        self.last = NEVER
        self._suspicion = suspicion
        self._gaps: list[float] = []
        self._usual: float | None = None
        self._patience: float | None = None

    def beat(self, now: float) -> None:
        """Data came."""
        gap = now - self.last
        if 0 <= gap < _PAUSE:
            self._gaps.append(gap)
            if len(self._gaps) > _GAPS:
                del self._gaps[0]
            self._usual = self._patience = None
        self.last = now

    def clear(self) -> None:
        """The path is well and nothing comes: the peer has nothing to say."""
        self._gaps.clear()
        self._usual = self._patience = None

    @property
    def usual(self) -> float:
        """The gap that nine of ten stay below, within reason; seconds."""
        if self._usual is None:
            known = len(self._gaps) >= _ENOUGH
            gap = sorted(self._gaps)[len(self._gaps) * 9 // 10] if known else _UNKNOWN
            self._usual = min(_MOST, max(_LEAST, gap))
        return self._usual

    @property
    def least(self) -> float:
        """A silence that is too short to be suspicious: `patience` is never shorter, and takes longer to be known."""
        newest = min(_MOST, self._gaps[-1]) if self._gaps else 0.0
        return max(_LONGEST * newest, self._suspicion)

    @property
    def patience(self) -> float | None:
        """The silence that is suspicious, seconds; None without a rhythm."""
        if self._patience is None and len(self._gaps) >= _ENOUGH:
            longest = min(_MOST, max(self._gaps))
            self._patience = max(_MISSED * self.usual, _LONGEST * longest, self._suspicion)
        return self._patience
