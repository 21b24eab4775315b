"""Turns decisions about drugs into the order and administration rows a ward system sends."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from sample_data.departments import Drug
from sample_data.extract import Extract, Row, instant_text
from sample_data.people import Person

MAGNESIUM_OXIDE = Drug("6582", "Magnesium oxide 400 mg tablet", "PO", "400", "mg", (9, 21))
ADMINISTRATION_WORDS = {"given": 94, "refused": 3, "held": 3}
SLOW_INFUSION_GRAMS = 4.0


@dataclass
class Pharmacy:
    """Numbers orders and administrations of one patient, and sends rows to the extract."""

    rng: Random
    person: Person
    extract: Extract
    opened_at: datetime
    until: datetime
    orders: int = 0
    rows: int = 0

    def course(self, drug: Drug, from_at: datetime) -> None:
        """Order a drug from `from_at` to discharge, and give it at its hours while nights last."""
        if from_at >= self.person.left_at:
            return
        order_id = self._next_order()
        order = self._row(drug, order_id, "order") | {"started_at": instant_text(from_at)}
        ordered_at = from_at + timedelta(minutes=5)
        self._send(order | {"status": "active"}, ordered_at)
        stopped = {"ended_at": instant_text(self.person.left_at), "status": "stopped"}
        self._send(order | stopped, self.person.left_at + timedelta(minutes=3))
        day = from_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        ends_at = min(self.person.left_at, self.until)
        while day < ends_at:
            for hour in drug.hours:
                at = day + timedelta(hours=hour, minutes=self.rng.randint(-25, 45))
                word = self.rng.choices(*zip(*ADMINISTRATION_WORDS.items(), strict=True))[0]
                if max(from_at, self.opened_at) < at < ends_at:
                    self._give(drug, order_id, at, str(word))
            day += timedelta(days=1)

    def order_magnesium(self, route: str, grams: float, ordered_at: datetime) -> Row:
        """Order magnesium sulfate to be given once, and return the order as sent."""
        order = self._row(sulfate(route, grams), self._next_order(), "order")
        order |= {"started_at": instant_text(ordered_at), "status": "active"}
        self._send(order, ordered_at + timedelta(minutes=2))
        return order

    def inject_magnesium(
        self, route: str, grams: float, started_at: datetime, minutes: int
    ) -> None:
        """Order magnesium sulfate and give it once, by infusion or into a muscle."""
        ordered_at = started_at - timedelta(minutes=self.rng.randint(10, 40))
        order = self.order_magnesium(route, grams, ordered_at)
        ended_at = started_at + timedelta(minutes=minutes)
        charted_at = ended_at + timedelta(minutes=self.rng.randint(1, 15))
        row = self._row(sulfate(route, grams), order["order_id"], "administration") | {
            "started_at": instant_text(started_at),
            "ended_at": instant_text(ended_at),
            "status": "given",
        }
        if route == "IV":
            volume_ml = 1_000 if grams > SLOW_INFUSION_GRAMS else 100
            rate = f"{volume_ml * 60 / minutes:.0f}"
            row |= {"volume_ml": str(volume_ml), "rate": rate, "rate_unit": "mL/h"}
        self._send(row, charted_at)
        done = {"ended_at": instant_text(ended_at), "status": "completed"}
        self._send(order | done, charted_at)

    def _give(self, drug: Drug, order_id: str, at: datetime, word: str) -> None:
        """Send one administration of an ordered drug."""
        row = self._row(drug, order_id, "administration")
        row |= {"started_at": instant_text(at), "status": word}
        self._send(row, at + timedelta(minutes=self.rng.randint(1, 20)))

    def _next_order(self) -> str:
        """Return the next order number of the patient."""
        self.orders += 1
        return f"R{self.person.number:05d}-{self.orders:03d}"

    def _row(self, drug: Drug, order_id: str, kind: str) -> Row:
        """Return a row of a drug under the next row number."""
        self.rows += 1
        return {
            "medication_id": f"M{self.person.number:05d}-{self.rows:04d}",
            "patient_id": self.person.patient_id,
            "encounter_id": self.person.encounter_id,
            "order_id": order_id,
            "kind": kind,
            "code": drug.code,
            "code_system": "RxNorm",
            "name": drug.name,
            "route": drug.route,
            "dose": drug.dose,
            "dose_unit": drug.dose_unit,
        }

    def _send(self, row: Row, updated_at: datetime) -> None:
        """Send one version of a row."""
        self.extract.add("medications", updated_at, row | {"updated_at": instant_text(updated_at)})


def sulfate(route: str, grams: float) -> Drug:
    """Return magnesium sulfate as given by one route in one dose."""
    return Drug("6585", f"Magnesium sulfate {grams:g} g", route, f"{grams:g}", "g", ())
