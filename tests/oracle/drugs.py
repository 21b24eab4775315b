"""What a medication row is: its class by code or name, and its route (codes and words by hand)."""

import re

MAGNESIUM_DRUG = "magnesium"
CARDIAC_GLYCOSIDE = "cardiac_glycoside"
CNS_DEPRESSANT = "cns_depressant"
POTASSIUM_SPARING = "potassium_sparing_diuretic"
_EXCLUDED = "excluded"

_ATC_PREFIXES = {
    CARDIAC_GLYCOSIDE: "C01AA",
    CNS_DEPRESSANT: "N05B N05C N02A N01A N03AA",
    POTASSIUM_SPARING: "C03D C03E",
    MAGNESIUM_DRUG: "A12CC B05XA05 B05XA11 A02AA A06AD19 V04CC02 A06AD04 A02AD01",
}
_RXNORM = {
    CARDIAC_GLYCOSIDE: "3407",
    CNS_DEPRESSANT: "7052 4337 7804 6813 10689 2670 6960 3322 8134",
    POTASSIUM_SPARING: "9997 298869 644 10763",
    MAGNESIUM_DRUG: "6585 6582 6581 29155",
}
_INFUSION_ONLY = {"B05XA05", "B05XA11", "V04CC02"}
_WORDS = {
    _EXCLUDED: (
        "magnesium trisalicylate|esomeprazole magnesium|omeprazole magnesium|magnesium stearate|"
        "magnesium salicylate|plasma-lyte|plasmalyte|normosol"
    ),
    MAGNESIUM_DRUG: (
        "magnesium|mgso4|milk of magnesia|magox|mag-ox|mag ox|slow-mag|slowmag|epsom|mag sulfate|"
        "mag sulf|mag sulphate|mag oxide|mag citrate|mag hydroxide|mylanta|maalox|picolax|"
        "clenpiq|suprep"
    ),
    CARDIAC_GLYCOSIDE: "digoxin|lanoxin|digitoxin",
    POTASSIUM_SPARING: (
        "spironolactone|aldactone|eplerenone|inspra|amiloride|triamterene|dyazide|maxzide"
    ),
    CNS_DEPRESSANT: (
        "morphine|ms contin|fentanyl|sufentanil|remifentanil|hydromorphone|dilaudid|oxycodone|"
        "percocet|oxycontin|oxymorphone|methadone|tramadol|ultram|codeine|hydrocodone|norco|"
        "vicodin|lortab|meperidine|demerol|buprenorphine|nalbuphine|butorphanol|tapentadol|"
        "midazolam|versed|lorazepam|ativan|diazepam|valium|alprazolam|xanax|clonazepam|klonopin|"
        "temazepam|restoril|oxazepam|chlordiazepoxide|zolpidem|ambien|zaleplon|eszopiclone|"
        "dexmedetomidine|precedex|propofol|diprivan|ketamine|etomidate|phenobarbital|"
        "pentobarbital|primidone"
    ),
}
_ROUTES = {
    "iv": (
        "iv|intravenous|ivpb|iv piggyback|iv push|ivp|iv bolus|iv drip|iv continuous|iv infusion|"
        "ivpca|intravenous push|intravenous infusion|injection iv|central iv"
    ),
    "im": "im|intramuscular|intramusc",
    "oral": (
        "po|oral|by mouth|po/ng|ng|og|peg|nj|g tube|g-tube|j tube|per g tube|per ng tube|"
        "nasogastric|nasogastric tube|feeding tube|dobhoff|enteral|po (oral)|via tube"
    ),
}


def class_of(code: str, code_system: str, name: str) -> str | None:
    """Return a medication's class from its code, else from its name."""
    return _class_of_code(code.strip().upper(), code_system.strip().lower()) or _class_of_name(
        " ".join(name.lower().split())
    )


def _class_of_code(code: str, code_system: str) -> str | None:
    if code_system == "atc":
        for drug_class, prefixes in _ATC_PREFIXES.items():
            if code.startswith(tuple(prefixes.split())):
                return drug_class
    if code_system == "rxnorm":
        for drug_class, codes in _RXNORM.items():
            if code in codes.split():
                return drug_class
    return None


def _class_of_name(name: str) -> str | None:
    found: list[tuple[int, str]] = []
    for drug_class, words in _WORDS.items():
        for word in words.split("|"):
            if re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", name):
                if drug_class == _EXCLUDED:
                    return None
                found.append((len(word), drug_class))
    return max(found)[1] if found else None


def route_of(route: str, code: str, code_system: str) -> str:
    """Fold a route to iv, im, oral or other; a blank one by the code."""
    word = " ".join(route.lower().split())
    if not word:
        is_infusion = code_system.strip().lower() == "atc" and code.strip().upper() in (
            _INFUSION_ONLY
        )
        return "iv" if is_infusion else "other"
    for folded, words in _ROUTES.items():
        if word in words.split("|"):
            return folded
    return "other"
