"""What a medication row is: its class, its route, and how much of it."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from hypomag_rules.definitions import MEQ_PER_GRAM_SULFATE, MMOL_PER_GRAM_SULFATE

_INFUSION_ONLY: Final = ("B05XA05", "B05XA11", "V04CC02")
_EXCLUDED: Final = "excluded"
# Nine digits before the point are more than any dose: a longer figure is a scanned code.
_DOSE: Final = (
    r"^(?:[1-9][0-9]{0,2}(?:,[0-9]{3}){1,2}(?:\.[0-9]*)?|0*[0-9]{1,9}(?:\.[0-9]*)?|\.[0-9]+)$"
)
GRAMS_PER_UNIT: Final = {
    "g": 1.0,
    "gm": 1.0,
    "gram": 1.0,
    "grams": 1.0,
    "gram(s)": 1.0,
    "mg": 0.001,
    "meq": 1 / MEQ_PER_GRAM_SULFATE,
    "mmol": 1 / MMOL_PER_GRAM_SULFATE,
}


def classified(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `drug_class` and `class_from` (`code` or `name`); the code speaks first."""
    by_code = _classes_of_codes(rows.select("code_system", "code").unique())
    by_name = _classes_of_names(rows.select("name").unique())
    return (
        rows.join(by_code, on=["code_system", "code"], how="left", maintain_order="left")
        .join(by_name, on="name", how="left", maintain_order="left")
        .with_columns(
            drug_class=pl.coalesce("class_of_code", "class_of_name"),
            class_from=pl.when(pl.col("class_of_code").is_not_null())
            .then(pl.lit("code"))
            .when(pl.col("class_of_name").is_not_null())
            .then(pl.lit("name")),
        )
        .drop("class_of_code", "class_of_name")
    )


def with_content(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `elemental_mg_per_g`: magnesium in a gram of the product, null where nobody knows it."""
    content = {"elemental_mg_per_g": pl.col("elemental_mg_per_g").cast(pl.Float64)}
    by_code = _matched_codes(rows.select("code_system", "code").unique())
    by_name = _matched_names(rows.select("name").unique())
    known = [found.with_columns(**content) for found in (by_code, by_name)]
    return (
        rows.join(
            known[0].select("code_system", "code", of_code="elemental_mg_per_g"),
            on=["code_system", "code"],
            how="left",
            maintain_order="left",
        )
        .join(
            known[1].select("name", of_name="elemental_mg_per_g"),
            on="name",
            how="left",
            maintain_order="left",
        )
        .with_columns(elemental_mg_per_g=pl.coalesce("of_code", "of_name"))
        .drop("of_code", "of_name")
    )


def _classes_of_codes(sent: pl.DataFrame) -> pl.DataFrame:
    return _matched_codes(sent).select("code_system", "code", class_of_code="class")


def _matched_codes(sent: pl.DataFrame) -> pl.DataFrame:
    known = value_set("codes").select(
        "class",
        "elemental_mg_per_g",
        known_code="code",
        system=pl.col("code_system").str.to_uppercase(),
    )
    code = pl.col("code").str.strip_chars().str.to_uppercase()
    is_match = (
        pl.when(pl.col("system") == "ATC")
        .then(code.str.starts_with(pl.col("known_code")))
        .otherwise(code == pl.col("known_code"))
    )
    return (
        sent.with_columns(system=pl.col("code_system").str.strip_chars().str.to_uppercase())
        .join(known, on="system")
        .filter(is_match)
        .unique(["code_system", "code"], keep="first", maintain_order=True)
    )


def _classes_of_names(sent: pl.DataFrame) -> pl.DataFrame:
    drug_class = pl.col("class")
    return _matched_names(sent).select(
        "name", class_of_name=pl.when(drug_class != _EXCLUDED).then(drug_class)
    )


def _matched_names(sent: pl.DataFrame) -> pl.DataFrame:
    """The row of the value set that names each drug: whole words, exclusions first, then length."""
    words = value_set("medication_names")
    escaped = pl.col("words").str.replace_all(r"([.+*?()|\[\]{}^$\\-])", r"\$1")
    rank = (pl.col("class") != _EXCLUDED, -pl.col("words").str.len_chars().cast(pl.Int32))
    patterns = words.with_columns(pattern=r"(?:^|[^a-z0-9])" + escaped + r"(?:[^a-z0-9]|$)").sort(
        *rank, "words"
    )
    name = pl.col("name").str.to_lowercase()
    ladder = [
        pl.when(name.str.contains(pattern)).then(pl.lit(spelled))
        for spelled, pattern in patterns.select("words", "pattern").iter_rows()
    ]
    found = sent.select("name", words=pl.coalesce(*ladder))
    return found.join(words, on="words", how="left", maintain_order="left")


def folded_routes(rows: pl.DataFrame, own_words: dict[str, str]) -> pl.DataFrame:
    """Adds `route_folded`: iv, im, oral or other; blank is iv for what is only ever infused."""
    routes = value_set("routes").rename({"as_sent": "route_text", "route": "route_folded"})
    text = pl.col("route").str.strip_chars().replace("", None).replace(own_words)
    folded = text.str.to_lowercase().str.replace_all(r"\s+", " ")
    code = pl.col("code").str.strip_chars().str.to_uppercase()
    is_infused = pl.any_horizontal(*(code.str.starts_with(only) for only in _INFUSION_ONLY))
    blank = pl.when(is_infused).then(pl.lit("iv")).otherwise(pl.lit("other"))
    return (
        rows.with_columns(route_text=folded)
        .join(routes, on="route_text", how="left", maintain_order="left")
        .with_columns(
            route_folded=pl.when(pl.col("route_text").is_null())
            .then(blank)
            .otherwise(pl.col("route_folded").fill_null("other"))
        )
        .drop("route_text")
    )


def dose_expressions(rows: pl.DataFrame, *, decimal_comma: bool) -> pl.DataFrame:
    """Adds `grams` (null: no mass), `millilitres` and `is_dose_zero`.

    A milliequivalent or millimole is counted as magnesium sulfate, as the guideline does.
    """
    unit = folded_dose_unit()
    amount = dose_number(pl.col("dose"), decimal_comma=decimal_comma)
    factor = unit.replace_strict(GRAMS_PER_UNIT, default=None, return_dtype=pl.Float64)
    volume = dose_number(pl.col("volume_ml"), decimal_comma=decimal_comma)
    in_ml = pl.when(unit == "ml").then(amount)
    return rows.with_columns(
        grams=amount * factor,
        millilitres=pl.max_horizontal(volume, in_ml),
        is_dose_zero=(amount == 0).fill_null(value=False),
    )


def folded_dose_unit() -> pl.Expr:
    """The spelling of `dose_unit` without case and blanks."""
    return pl.col("dose_unit").str.to_lowercase().str.replace_all(r"\s", "")


def dose_number(text: pl.Expr, *, decimal_comma: bool) -> pl.Expr:
    """A dose as Float64: commas only between groups of three; ranges and `1,5` are no numbers.

    Where the source writes decimal commas, a comma is the decimal point: `0,500` is half a gram.
    """
    stripped = text.str.strip_chars()
    if decimal_comma:
        stripped = stripped.str.replace(",", ".", literal=True)
    plain = pl.when(stripped.str.contains(_DOSE)).then(
        stripped.str.replace_all(",", "", literal=True)
    )
    return plain.cast(pl.Float64, strict=False)
