"""The keys above all tables: separator, zone, spelling of times and numbers, status."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from flows.drafting.dates import Spelling, day_part, spelling_of
from flows.drafting.seen import Seen, cells_of, holding
from flows.drafting.text import amount, comment, counted, decide, quoted, section

_LONG: Final = r"\.[0-9]{7}"
_GROUPS: Final = r"^[<>=\s]*[1-9][0-9]{0,2}(?:,[0-9]{3})+\s*$"
# Behind a clock time: the year of 20-11-2026 is none.
_OFFSET: Final = r"[Tt ][0-9]{2}:?[0-9]{2}.*(?:Z|z|[+-][0-9]{2}:?[0-9]{2})\s*$"


def head(extracts: list[Seen]) -> list[str]:
    """The lines above all tables."""
    columns = _time_columns(extracts)
    return [
        *section(['layout = "canonical"'], _separator(extracts)),
        *section(_zone(columns["times"])),
        *section(_times(**columns)),
        *section(_numbers(extracts)),
        *section(
            comment(
                "With two or more feeds each profile states this: what sets the patient numbers of "
                'this feed apart, or "" where the feeds share the hospitals\' numbers.'
            ),
            ['# patient_prefix = ""'],
        ),
    ]


def _separator(extracts: list[Seen]) -> list[str]:
    marks = sorted({str(e.sample.separator) for e in extracts if e.sample.separator is not None})
    lines = [f"separator = {_key(mark)}" for mark in marks if mark != ","]
    if len(marks) < 2:
        return lines[:1]
    said = ", ".join(_key(mark) for mark in marks)
    several = decide(
        f"the files have several separators ({said}) and a profile knows one: a profile for each."
    )
    return [*several, *(f"# {line}" for line in lines)]


def _key(mark: str) -> str:
    return '"\\t"' if mark == "\t" else quoted(mark)


def _time_columns(extracts: list[Seen]) -> dict[str, list[pl.Series]]:
    """The cells of each column, or columns joined, that hold `times` and `births`."""
    columns: dict[str, dict[tuple[str, ...], pl.Series]] = {"times": {}, "births": {}}
    for extract in extracts:
        for guess in extract.guesses:
            for key, found in (guess.columns | guess.doubts).items():
                if key.endswith("_at") or key == "birth_date":
                    kind = "births" if key == "birth_date" else "times"
                    cells = cells_of(extract, found.own)
                    columns[kind][extract.sample.name, *found.own] = cells
    return {kind: list(cells.values()) for kind, cells in columns.items()}


def _zone(times: list[pl.Series]) -> list[str]:
    cells = pl.concat([pl.Series(dtype=pl.String), *times]).str.strip_chars()
    sent = cells.replace("", None).drop_nulls()
    if sent.len() and sent.str.contains(_OFFSET).all():
        return comment("All times have an offset: no zone needed.")
    told = "wrote these times" if sent.len() else "writes the times (none was recognised)"
    said = decide(
        f"the zone of the clock that {told}. Without this line times without an offset are read "
        "in the hospital's zone."
    )
    return [*said, '# timezone = "Europe/London"']


def _times(times: list[pl.Series], births: list[pl.Series]) -> list[str]:
    """`time_format` for times with a clock, `date_format` for days that are written otherwise."""
    spelled = [(cells, spelling) for cells in times if (spelling := spelling_of(cells))]
    own = [(cells, spelling) for cells, spelling in spelled if not spelling.is_iso]
    clock = _pooled([cells for cells, spelling in own if not spelling.is_of_days])
    born = [cells for cells in births if (birth := spelling_of(cells)) and not birth.is_iso]
    # A birth proves no order of times: it may come from another system.
    day = _pooled([cells for cells, spelling in own if spelling.is_of_days] or born)
    lines = [] if clock is None else _line("time_format", "Times", clock)
    if spelled and not own:
        lines = comment("Times: ISO 8601, no line needed.")
    return lines if day is None else lines + _days(day, clock)


def _days(day: Spelling, clock: Spelling | None) -> list[str]:
    """A line for days that are not read as the part of `time_format` before the hours."""
    what = "Days without a clock, of birth too"
    read = {day_part(one) for one in clock.formats} if clock and clock.is_decided else set()
    if not read.intersection(day.formats):
        return _line("date_format", what, day)
    return [] if day.is_decided else decide(f"{what}: {day.proof}. They are read as the times are.")


def _pooled(columns: list[pl.Series]) -> Spelling | None:
    return spelling_of(pl.concat(columns)) if columns else None


def _line(key: str, what: str, spelling: Spelling) -> list[str]:
    others = (
        [f"{amount(spelling.others, 'cell')} in another spelling would be unreadable."]
        if spelling.others
        else []
    )
    if not spelling.formats:
        return [*decide(f"{what}: {spelling.proof}. How are they written?"), f'# {key} = "?"']
    if spelling.is_decided:
        told = comment(f"{what}: {spelling.proof}.", *others)
        return [*told, f"{key} = {quoted(spelling.formats[0])}"]
    told = decide(
        f"{what}: {spelling.proof}. Until one of these lines stands, they are unreadable and "
        "results go to review.",
        *others,
    )
    return [*told, *(f"# {key} = {quoted(one)}" for one in spelling.formats)]


def _numbers(extracts: list[Seen]) -> Iterator[str]:
    commas = points = groups = long = 0
    for extract, guess in holding(extracts, "observations"):
        values = guess.columns["value"].own if "value" in guess.columns else ()
        for own in (*values, *guess.wide):
            looks = extract.looks[own]
            commas += round(looks.kinds["comma"] * looks.filled)
            points += round(looks.kinds["point"] * looks.filled)
            groups += int(extract.sample.rows.get_column(own).str.contains(_GROUPS).sum())
            long += int(extract.sample.rows.get_column(own).str.contains(_LONG).sum())
    seen = counted([("with a decimal point", points), ("with a decimal comma", commas)])
    if commas and not points and not groups:
        yield from comment(f"Values {seen}.")
        yield "decimal_comma = true"
    elif commas:
        odd = (
            f", {groups} of them with three digits behind: groups of a thousand?" if groups else "."
        )
        yield from decide(f"values {seen}{odd} Without this line those are no numbers.")
        yield "# decimal_comma = true"
    if long:
        yield from decide(f"{long} values have more than six decimals and would be no numbers.")
        yield "# round_long_decimals = true"
