"""Where the lines of a text begin and end, and where their quotes are: counted in numpy."""

from typing import Final, NamedTuple, Self

import numpy as np

Offsets = np.ndarray[tuple[int], np.dtype[np.int64]]
Marks = np.ndarray[tuple[int], np.dtype[np.bool_]]
MARK: Final = '"'
_ESCAPE: Final = b"\\"
_FIRST_PRINTED: Final = 0x20


class Cut(NamedTuple):
    """Where the lines of a text begin and end, and where its quotes are."""

    text: bytes
    starts: Offsets
    ends: Offsets
    quotes: Offsets
    first_quote: Offsets
    quotes_held: Offsets
    is_plain: Marks

    @classmethod
    def of(cls, text: bytes, height: int) -> Self:
        """A text of that many lines; plain is one without escapes and control characters."""
        codes = np.frombuffer(text, np.uint8)
        newlines = np.flatnonzero(codes == ord("\n"))
        bounds = np.concatenate([[-1], newlines, [codes.size]])[: height + 1]
        quotes = np.flatnonzero(codes == ord(MARK))
        met = np.searchsorted(quotes, bounds)
        is_plain = np.ones(height, np.bool_)
        if _ESCAPE in text or np.count_nonzero(codes < _FIRST_PRINTED) > newlines.size:
            is_odd = (codes == ord(_ESCAPE)) | (codes < _FIRST_PRINTED)
            odd = np.flatnonzero(is_odd & (codes != ord("\n")))
            is_plain[np.searchsorted(bounds, odd) - 1] = False
        return cls(text, bounds[:-1] + 1, bounds[1:], quotes, met[:-1], np.diff(met), is_plain)
