"""Which drug an order or a dose of FHIR R4 is: it may refer to a Medication in another file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from flows.errors import FileRefusedError
from flows.inbox import Dropped
from flows.sources.fhir_contained import contained
from flows.sources.fhir_elements import (
    CONCEPT,
    META,
    REFERENCE,
    TEXT,
    Resource,
    at,
    dtype_of,
    referred,
)
from flows.sources.fhir_ndjson import resources
from flows.sources.fhir_shapes import refuse

DRUG: Final[Resource] = {"medicationCodeableConcept": CONCEPT, "medicationReference": REFERENCE}
KIND: Final = "Medication"
_MEDICATION: Final[Resource] = {"resourceType": TEXT, "id": TEXT, "meta": META, "code": CONCEPT}


def medication_files(files: list[Dropped]) -> dict[str, Dropped]:
    """All files of Medications as lookups: an export of what changed refers to earlier ones too."""
    return {f"{KIND} file {number}": file for number, file in enumerate(files, 1)}


class Drugs:
    """The Medications of the files beside a delivery, read when a row first refers to one."""

    def __init__(self, lookups: Mapping[str, Path]) -> None:
        self._lookups = lookups
        self._read: pl.DataFrame | None = None

    def of(self, sent: pl.DataFrame) -> pl.DataFrame:
        """A row a line: `drug` (a concept), `drug_display` (of a reference), `is_drug_known`.

        Raises `FileRefusedError` when a line names no drug but by a reference, and no Medications
        lie beside it: read so, the dose would be none of magnesium for ever.
        """
        told = sent.select(
            "number",
            drug="medicationCodeableConcept",
            drug_id=referred("medicationReference", KIND),
            drug_display=at("medicationReference.display"),
        )
        within = contained(sent, "medicationReference.reference", KIND, _MEDICATION)
        if within is not None:
            told = told.with_columns(drug=_first_named(pl.col("drug"), within.get_column("code")))
        is_sought = ~_is_named(pl.col("drug")) & pl.col("drug_id").is_not_null()
        if told.select(is_sought.any()).item():
            if not self._lookups:
                _refuse_nameless(told.filter(is_sought))
            else:
                told = self._with_referred(told)
        is_known = _is_named(pl.col("drug")) | _is_text(pl.col("drug_display"))
        return told.select("drug", "drug_display", is_drug_known=is_known)

    def _with_referred(self, told: pl.DataFrame) -> pl.DataFrame:
        found = told.select("drug_id").join(
            self._medications(), on="drug_id", how="left", maintain_order="left"
        )
        return told.with_columns(drug=_first_named(pl.col("drug"), found.get_column("code")))

    def _medications(self) -> pl.DataFrame:
        """Each Medication once (`drug_id`, `code`): the newest, at a tie the greater text."""
        if self._read is None:
            columns = ("drug_id", "code", "updated_at", "line")
            text = dict.fromkeys(columns, pl.String)
            empty = pl.DataFrame(schema={**text, "code": dtype_of(CONCEPT)})
            found = [part for name, path in self._lookups.items() for part in _read(name, path)]
            versions = pl.concat([empty, *found]).filter(_is_named(pl.col("code")))
            newest = versions.sort("updated_at", "line", descending=True, nulls_last=True)
            self._read = newest.unique("drug_id", keep="first").select("drug_id", "code")
        return self._read


def _refuse_nameless(referring: pl.DataFrame) -> None:
    """Refuse the first of these lines whose reference has no display either."""
    nameless = referring.filter(~_is_text(pl.col("drug_display")))
    if nameless.height:
        fault = (
            "refers to a Medication that names its drug, and no file of Medications is there; "
            "put Medication.ndjson of the same export beside this file"
        )
        refuse(nameless.item(0, "number"), fault)


def _read(name: str, path: Path) -> list[pl.DataFrame]:
    updated_at = at("meta.lastUpdated").alias("updated_at")
    try:
        return [
            frame.select(pl.col("id").alias("drug_id"), "code", updated_at, "line")
            for frame in resources(path, KIND, _MEDICATION)
        ]
    except FileRefusedError as refusal:
        message = f"{name} of those beside it: {refusal}"
        raise FileRefusedError(message) from None


def _first_named(concept: pl.Expr, other: pl.Series) -> pl.Expr:
    return pl.when(_is_named(concept)).then(concept).otherwise(pl.lit(other))


def _is_named(concept: pl.Expr) -> pl.Expr:
    """Whether a concept says a drug: by its text, or by the code or display of a coding."""
    said = pl.any_horizontal(
        _is_text(pl.element().struct.field("code")), _is_text(pl.element().struct.field("display"))
    )
    coded = concept.struct.field("coding").list.eval(said).list.any().fill_null(value=False)
    return _is_text(concept.struct.field("text")) | coded


def _is_text(text: pl.Expr) -> pl.Expr:
    return text.str.contains(r"\S").fill_null(value=False)
