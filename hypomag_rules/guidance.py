"""What the guideline offers beside a listed patient, in sentences; figures only where they hold."""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from hypomag_rules.policy import Policy
from hypomag_rules.spoken import as_sentence, filled_texts, number_text

_RENAL: Final = ("RENAL_IMPAIRED", "RENAL_REDUCED", "RENAL_UNKNOWN", "RENAL_UNSTABLE")
_NEEDS_ORAL: Final = ("ORAL_MAINTENANCE_NOT_STARTED", "SUPPLEMENT_NOT_STARTED")
_SHARED: Final = {
    "iv_replacement": ("iv_options", "iv_watch", "iv_confirm", "iv_not_for_impaired"),
    "recheck": ("recheck_continue", "oral_figures", "oral_not_for_renal"),
    "review": ("review_guidance",),
    "work_up": ("work_up_guidance",),
    "high_watch": ("high_watch_guidance",),
}


def guidance(policy: Policy) -> pl.Expr:
    """All that a row says when it stands alone, as in the CSV."""
    texts = filled_texts(policy)
    is_impaired = _has("RENAL_IMPAIRED")
    options = pl.when(~is_impaired).then(_said(texts["iv_options"]))
    oral = pl.when(_wants_oral() & ~_is_renal()).then(_said(texts["oral_figures"]))
    return _by_list(
        {
            "iv_replacement": [
                *_iv_cautions(policy),
                options,
                _im_limit(policy),
                *_iv_always(policy),
            ],
            "recheck": [*_recheck_cautions(policy), _said(texts["recheck_continue"]), oral],
            "review": [_could_be_severe(policy), _said(texts["review_guidance"])],
            "work_up": [_said(texts["work_up_guidance"])],
            "high_watch": [*_high_cautions(policy), _said(texts["high_watch_guidance"])],
        }
    )


def own_guidance(policy: Policy) -> pl.Expr:
    """What is a row's own, where the list prints `shared_guidance` once above it."""
    texts = filled_texts(policy)
    confirm = _said(texts["iv_confirm"])
    oral = pl.when(_wants_oral() & ~_is_renal()).then(_said(texts["oral_see_above"]))
    figureless = pl.when(_has("RENAL_IMPAIRED")).then(_said(texts["iv_figureless"]))
    return _by_list(
        {
            "iv_replacement": [*_iv_cautions(policy), figureless, _im_limit(policy), confirm],
            "recheck": [*_recheck_cautions(policy), oral],
            "review": [_could_be_severe(policy)],
            "high_watch": _high_cautions(policy),
        }
    )


def shared_guidance(policy: Policy, worklist: str) -> tuple[str, ...]:
    """What a printed list says once, above its rows."""
    texts = filled_texts(policy)
    return tuple(as_sentence(texts[key]) for key in _SHARED[worklist])


def _by_list(sentences: Mapping[str, Sequence[pl.Expr]]) -> pl.Expr:
    """The sentences of each list joined; null where there is none."""
    worklist = pl.col("worklist").cast(pl.String)
    joined = [
        pl.when(worklist == name).then(pl.concat_str(said, separator=" ", ignore_nulls=True))
        for name, said in sentences.items()
    ]
    return pl.coalesce(joined).replace("", None)


def _said(text: str) -> pl.Expr:
    return pl.lit(as_sentence(text))


def _has(code: str) -> pl.Expr:
    return pl.col("reasons").list.contains(code)


def _is_renal() -> pl.Expr:
    return pl.any_horizontal(_has(code) for code in _RENAL)


def _wants_oral() -> pl.Expr:
    """Oral maintenance follows IV: it is no answer to a severe result that nobody treated."""
    needs = pl.any_horizontal(_has(code) for code in _NEEDS_ORAL)
    return needs & ~_has("SEVERE_UNTREATED")


def _iv_cautions(policy: Policy) -> list[pl.Expr]:
    """What must be read before any dose: the sample, the kidneys, the heart (S17, S21)."""
    texts = filled_texts(policy)
    reduced = (_has("RENAL_REDUCED") | _has("RENAL_UNSTABLE")) & ~_has("RENAL_IMPAIRED")
    return [
        pl.when(_has("SUSPECT_SAMPLE")).then(_said(texts["SUSPECT_SAMPLE"])),
        pl.when(_has("RENAL_IMPAIRED")).then(_said(texts["iv_renal_impaired"])),
        pl.when(_has("RENAL_UNKNOWN")).then(_said(texts["iv_renal_unknown"])),
        pl.when(reduced).then(_said(texts["iv_renal_reduced"])),
        pl.when(_has("IV_CAUTION")).then(_said(texts["IV_CAUTION"])),
    ]


def _im_limit(policy: Policy) -> pl.Expr:
    """S4 in grams for this weight; null where kidneys or weight do not allow a figure."""
    before, _, after = as_sentence(filled_texts(policy)["im_limit"]).partition("{grams}")
    # Cut, never rounded up: what is printed is a limit.
    grams = number_text((pl.col("im_upper_limit_grams").round(6) * 10).floor() / 10)
    return pl.when(~_has("RENAL_IMPAIRED")).then(pl.lit(before) + grams + pl.lit(after))


def _iv_always(policy: Policy) -> list[pl.Expr]:
    texts = filled_texts(policy)
    return [_said(texts["iv_watch"]), _said(texts["iv_confirm"])]


def _recheck_cautions(policy: Policy) -> list[pl.Expr]:
    """The sample, the untreated, the kidneys; no oral figures where they may not clear it (S17)."""
    texts = filled_texts(policy)
    return [
        pl.when(_has("SUSPECT_SAMPLE")).then(_said(texts["SUSPECT_SAMPLE"])),
        pl.when(_has("SEVERE_UNTREATED")).then(_said(texts["recheck_untreated"])),
        pl.when(_has("RENAL_IMPAIRED")).then(_said(texts["iv_renal_impaired"])),
        pl.when(_wants_oral() & _is_renal()).then(_said(texts["oral_prescriber"])),
    ]


def _high_cautions(policy: Policy) -> list[pl.Expr]:
    """What makes too much magnesium more dangerous: the sample first, the kidneys, sedation."""
    texts = filled_texts(policy)
    return [
        pl.when(_has("SUSPECT_SAMPLE")).then(_said(texts["SUSPECT_SAMPLE"])),
        pl.when(_has("RENAL_IMPAIRED")).then(_said(texts["high_watch_impaired"])),
        pl.when(pl.col("is_on_cns_depressant")).then(_said(texts["high_watch_depressant"])),
    ]


def _could_be_severe(policy: Policy) -> pl.Expr:
    text = filled_texts(policy)["review_could_be_severe"]
    return pl.when(pl.col("could_be_severe")).then(_said(text))
