"""Lives through one patient's stay: levels drift, blood is drawn, the ward reacts or does not."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp

from sample_data import laboratory as lab
from sample_data.laboratory import Analyte, Laboratory
from sample_data.pharmacy import MAGNESIUM_OXIDE, Pharmacy

# Where a patient's magnesium settles when nobody treats it: weight, mean and spread in mg/dL.
SETTLING_LEVELS = ((73, 2.0, 0.1), (11, 1.75, 0.1), (4, 1.4, 0.1), (11, 1.1, 0.1), (1, 0.5, 0.1))
DAY = timedelta(days=1)
SEVERE_MG_DL = 1.2
TARGET_MG_DL = 1.5
RISE_MG_DL_PER_GRAM = 0.2
FALL_HOURS = 40.0
TABLETS_RISE_MG_DL_PER_DAY = 0.04
TABLETS_RISE_MOST_MG_DL = 0.3
MEASURING_NOISE_MG_DL = 0.05

# How often a patient who was given a dose is drawn the next morning, whatever their rhythm.
WATCHED_SHARE = 0.75

# What the ward does about a severe result, with weights; a low one is mostly given tablets.
SEVERE_ANSWERS = {"infusion": 48, "injection": 6, "too_little": 8, "order_only": 10, "nothing": 28}
LOW_ANSWERS = {"infusion": 12, "tablets": 38, "nothing": 50}

# Other blood tests: analyte, how often it is drawn with magnesium, mean and spread.
PANEL: tuple[tuple[Analyte, float, float, float], ...] = (
    (lab.SODIUM, 0.95, 139, 3),
    (lab.HAEMOGLOBIN, 0.6, 11.8, 1.6),
    (lab.ALBUMIN, 0.35, 3.5, 0.5),
    (lab.IONISED_CALCIUM, 0.08, 1.18, 0.05),
)


@dataclass
class Course:
    """One patient's magnesium from admission to discharge or the last night."""

    laboratory: Laboratory
    pharmacy: Pharmacy
    doses: list[tuple[datetime, float]] = field(default_factory=list)
    tablets_from: datetime | None = None

    def live(self) -> None:
        """Send everything that happens to the patient between admission and the end."""
        rng, person = self.laboratory.rng, self.laboratory.person
        weights = [weight for weight, _, _ in SETTLING_LEVELS]
        _, mean, spread = rng.choices(SETTLING_LEVELS, weights)[0]
        shift = person.department.magnesium_shift if mean > SEVERE_MG_DL else 0.0
        settling = max(0.3, rng.gauss(mean, spread) + shift)
        creatinine = rng.uniform(*person.department.creatinine_mg_dl)
        every_days = rng.choice((1, 1, 2, 2, 3))
        magnesium_share = rng.choice((0.3, 0.7, 0.95))
        self._arrive()
        at = person.started_at + timedelta(minutes=rng.randint(15, 90))
        while at < min(person.left_at, self.pharmacy.until):
            if at > self.pharmacy.opened_at:
                creatinine *= rng.uniform(0.93, 1.07)
                is_wanted = rng.random() < magnesium_share or bool(self.doses)
                self._draw(at, settling, creatinine, is_magnesium_wanted=is_wanted)
            is_watched = bool(self.doses) and rng.random() < WATCHED_SHARE
            days = timedelta(days=1 if is_watched else every_days)
            morning = (at + days).replace(hour=6, minute=rng.randint(0, 50))
            at = morning + timedelta(seconds=rng.randint(0, 59))

    def _arrive(self) -> None:
        """Weigh the patient and start the drugs of the department."""
        rng, person = self.laboratory.rng, self.laboratory.person
        weighed_at = person.started_at + timedelta(minutes=rng.randint(10, 120))
        self.laboratory.send(lab.WEIGHT, person.weight_kg, weighed_at, "")
        if rng.random() < 0.8:
            self.laboratory.send(lab.HEIGHT, person.height_cm, weighed_at, "")
        for drug, probability in person.department.possible_drugs:
            if rng.random() < probability:
                from_at = person.started_at + timedelta(minutes=rng.randint(60, 240))
                self.pharmacy.course(drug, from_at)
        from_at = person.started_at + timedelta(hours=2)
        if person.department.is_on_magnesium_infusion and from_at + DAY < person.left_at:
            self._inject("IV", 4.0, from_at, 20)
            self._inject("IV", 20.0, from_at + timedelta(minutes=30), 1_200)

    def _draw(
        self, at: datetime, settling: float, creatinine: float, *, is_magnesium_wanted: bool
    ) -> None:
        """Draw one tube, send its results, and let the ward react to the magnesium."""
        rng, send = self.laboratory.rng, self.laboratory.send
        specimen = f"S{self.laboratory.person.number:05d}{at:%d%H%M}"
        if self.laboratory.person.is_north:
            send(lab.CREATININE_MOLES, creatinine * lab.CREATININE_UMOL_L_PER_MG_DL, at, specimen)
        else:
            send(lab.CREATININE, creatinine, at, specimen)
        magnesium = max(0.3, self._level(at, settling) + rng.gauss(0, MEASURING_NOISE_MG_DL))
        depletion = max(0.0, TARGET_MG_DL - magnesium)
        send(lab.POTASSIUM, rng.gauss(4.2, 0.4) - 0.9 * depletion, at, specimen)
        if rng.random() < 0.75:
            send(lab.CALCIUM, rng.gauss(9.1, 0.4) - 1.2 * depletion, at, specimen)
        for analyte, probability, mean, spread in PANEL:
            if rng.random() < probability:
                send(analyte, rng.gauss(mean, spread), at, specimen)
        if is_magnesium_wanted:
            self._react(magnesium, self.laboratory.send_magnesium(magnesium, at, specimen))
            if depletion and rng.random() < 0.2:
                urine_at = at + timedelta(minutes=rng.randint(30, 300))
                send(lab.URINE_MAGNESIUM, rng.uniform(0.6, 7), urine_at, f"{specimen}U")
                send(lab.URINE_CREATININE, rng.uniform(30, 140), urine_at, f"{specimen}U")

    def _level(self, at: datetime, settling: float) -> float:
        """Return the magnesium in mg/dL: what it settles at, plus doses wearing off and tablets."""
        infused = sum(
            RISE_MG_DL_PER_GRAM * grams * exp(-(at - given_at) / timedelta(hours=FALL_HOURS))
            for given_at, grams in self.doses
            if given_at <= at
        )
        if self.tablets_from is None or at < self.tablets_from:
            return settling + infused
        days = (at - self.tablets_from) / DAY
        return settling + infused + min(TABLETS_RISE_MOST_MG_DL, TABLETS_RISE_MG_DL_PER_DAY * days)

    def _react(self, magnesium: float, reported_at: datetime) -> None:
        """Let the ward do something about a result, or not."""
        rng = self.laboratory.rng
        if round(magnesium, 1) > TARGET_MG_DL:
            return
        answers = SEVERE_ANSWERS if round(magnesium, 1) <= SEVERE_MG_DL else LOW_ANSWERS
        answer = rng.choices(list(answers), list(answers.values()))[0]
        from_at = reported_at + timedelta(minutes=rng.randint(40, 300))
        if from_at > self.laboratory.person.left_at:
            return
        match answer:
            case "infusion":
                grams = rng.choice((2.0, 2.0, 2.0, 4.0, 5.0))
                self._inject("IV", grams, from_at, 180 if grams > 4 else int(grams * 30))
            case "injection":
                self._inject("IM", 1.0, from_at, 5)
            case "too_little":
                self._inject("IV", 0.5, from_at, 15)
            case "order_only":
                self.pharmacy.order_magnesium("IV", 2.0, from_at)
        is_helped = answer in {"infusion", "injection"} and rng.random() < 0.6
        if self.tablets_from is None and (answer == "tablets" or is_helped):
            self.tablets_from = from_at + timedelta(hours=2)
            self.pharmacy.course(MAGNESIUM_OXIDE, self.tablets_from)

    def _inject(self, route: str, grams: float, started_at: datetime, minutes: int) -> None:
        """Give a dose and let the level rise by its end."""
        self.pharmacy.inject_magnesium(route, grams, started_at, minutes)
        self.doses.append((started_at + timedelta(minutes=minutes), grams))
