"""How others name the columns of our tables: folded to letters and digits, likeliest first."""

import re
from typing import Final

_ODD: Final = re.compile(r"[^0-9a-zäöüßéè]")
_PATIENT: Final = (
    "patientid patid pat ptno ptid ptnr patientno patno patientnr patnr patientnumber patnum pid "
    "subjectid personid mrn patientmrn hospitalno hospno unitno hn nhsno patient "
    "patientennr patientennummer"
)
_ENCOUNTER: Final = (
    "encounterid visitid visitno visitnumber csn admissionid hadmid fallnr episodeid"
)
_NAMES: Final[dict[str, dict[str, str]]] = {
    "observations": {
        "observation_id": "observationid resultid resultno resultnr resid obsid labeventid "
        "measurementid befundnr ergebnisid",
        "patient_id": _PATIENT,
        "encounter_id": _ENCOUNTER,
        "specimen_id": "specimenid specimenno sampleid sampleno samplenumber accession "
        "accessionno accessionnumber labno labnumber tubeid probennr auftrag auftragnr barcode",
        "facility": "facility site hospital hospitalcode standort labsite",
        "code": "code loinc loinccode testcode testid testcd analytecode assaycode componentid "
        "itemid paramcode test analyte assay analyse analyt kuerzel",
        "name": "name testname testdesc testdescription analytename component componentname "
        "testlabel label description longname bezeichnung analysenname",
        "value": "value result resultvalue resultval testresult numericresult resulttext "
        "resulttxt resvalue val valuetext ergebnis wert messwert",
        "unit": "unit units uom resultunit resultunits unitofmeasure unitsofmeasure resuom "
        "valueuom einheit masseinheit",
        "specimen": "specimen specimentype sampletype specimensource sourcetype matrix material "
        "fluid probenart",
        "status": "status resultstatus resstatus resstat resultstate state befundstatus",
        "collected_at": "collectedat collected collectiondatetime collectdatetime collectdttm "
        "collectiondttm colldttm colldatetime colldt coldt colldate collectiondate collectdate "
        "collectiontime colltime drawn drawnat drawdatetime drawdate drawdt specimendatetime "
        "specimendate sampledatetime sampledate samplingdate charttime takenat datetaken entnahme "
        "entnahmezeit entnahmedatum entnahmezeitpunkt",
        "reported_at": "reportedat reported reportdatetime reportdttm reportdate rptdttm rptdate "
        "rptdt resultdatetime resultdttm resultdate resultdt verifiedat verifieddate verified "
        "verdt validatedat releasedat released storetime authorisedat authdate freigabe "
        "freigabezeit befunddatum",
        "reference_low": "referencelow reflow refrangelow refrangelower rangelow reflower "
        "normallow lowernormal lownormal refmin lln refunten",
        "reference_high": "referencehigh refhigh refrangehigh refrangeupper rangehigh refupper "
        "normalhigh uppernormal highnormal refmax uln refoben",
        "is_haemolysed": "ishaemolysed haemolysed hemolysed hemolyzed haemolysis hemolysis "
        "haemolyse",
    },
    "patients": {
        "patient_id": _PATIENT,
        "birth_date": "birthdate dateofbirth dob patdob birthdt geburtsdatum gebdat born",
        "sex": "sex gender patsex patientsex patgender geschlecht",
        "mrn": "mrn patientmrn hospitalno hospno",
        "name": "patientname patname fullname surname lastname name patientenname",
        "died_at": "diedat died deathdate dateofdeath dod deceased deathdttm expired verstorben",
        "updated_at": "updatedat updated modified lastmodified lastupdate lastupdated changedat "
        "stand",
        "age": "age ageyears ageinyears patage patientage ageatcollection ageatresult alter",
    },
    "encounters": {
        "encounter_id": _ENCOUNTER,
        "patient_id": _PATIENT,
        "care_setting": "caresetting patientclass encounterclass patclass visittype class "
        "encountertype admissiontype setting fallart",
        "facility": "facility site hospital hospitalcode standort",
        "ward": "ward nursingunit unit location loc department station careunit",
        "care_team": "careteam team service specialty consultant attending fachabteilung",
        "started_at": "startedat started startdate startdt admittedat admitted admitdate "
        "admitdttm admitdt admissiondate admittime aufnahme aufnahmedatum",
        "ended_at": "endedat ended enddate enddt dischargedat discharged dischargedate "
        "dischargedttm dischargedt dischtime entlassung entlassdatum",
        "updated_at": "updatedat updated modified lastmodified lastupdate lastupdated stand",
    },
    "conditions": {
        "patient_id": _PATIENT,
        "code": "code icd icdcode icd10 icd10code icd9 icd9code dx dxcode diagnosiscode diagcode "
        "diagnose",
        "code_system": "codesystem codingsystem icdversion dxcodesystem dxsystem system katalog",
        "status": "status conditionstatus diagnosisstatus dxstatus zustand",
        "recorded_at": "recordedat recorded recordeddate diagnosisdate dxdate onsetdate diagdate "
        "noted erfasst",
        "resolved_at": "resolvedat resolved resolveddate resolutiondate enddate",
    },
    "medications": {
        "medication_id": "medicationid administrationid adminid doseid marid eventid lineno gabenr",
        "patient_id": _PATIENT,
        "encounter_id": _ENCOUNTER,
        "order_id": "orderid orderno prescriptionid rxno verordnungnr",
        "kind": "kind type recordtype eventtype art",
        "code": "code drugcode medicationcode rxnorm rxcui atc atccode",
        "code_system": "codesystem codingsystem drugcodesystem katalog",
        "name": "name drug drugname medication medicationname product productname mittel",
        "route": "route routeofadministration adminroute weg",
        "dose": "dose dosegiven amount quantity menge dosis",
        "dose_unit": "doseunit doseunits doseuom amountuom mengeneinheit",
        "volume_ml": "volumeml volumenml volume volumen",
        "rate": "rate infusionrate",
        "rate_unit": "rateunit rateuom",
        "started_at": "startedat started start starttime startdate startdttm givenat giventime "
        "administeredat admintime admindatetime admindttm beginn",
        "ended_at": "endedat ended end endtime enddate enddttm stop stoptime stopdate ende",
        "status": "status administrationstatus adminstatus action zustand",
        "updated_at": "updatedat updated modified lastmodified lastupdate lastupdated stand",
    },
    "patient_links": {
        "old_patient_id": "oldpatientid oldpatid oldpid oldmrn priorpatientid priormrn "
        "retiredpatientid mergedpatientid mergedmrn mergedfrom altepatnr",
        "new_patient_id": "newpatientid newpatid newpid newmrn survivingpatientid survivingmrn "
        "currentpatientid targetpatientid mergedinto neuepatnr",
        "linked_at": "linkedat linked linkdate mergedat merged mergedate mergetime mergedttm",
        "withdrawn_at": "withdrawnat withdrawn unlinkedat unmergedat unmergedate unmergedttm",
        "updated_at": "updatedat updated modified lastmodified lastupdate lastupdated stand",
    },
}
NAMES: Final = {
    table: {column: tuple(names.split()) for column, names in columns.items()}
    for table, columns in _NAMES.items()
}
# What sets a day apart from the clock time that belongs to it, in two columns.
_DAY_WORDS: Final = re.compile(r"(?:date|dat|dt|day|datum)$")
_CLOCK_WORDS: Final = re.compile(r"(?:time|tim|tm|uhrzeit|zeit|uhr|clock|hour|hhmm|hhmmss)$")


def folded(name: str) -> str:
    """A column's name in lower case without blanks and marks: `COLL_DATE` is `colldate`."""
    return _ODD.sub("", name.lower())


def day_stem(name: str) -> str:
    """What a day's column is the day of: `coll` of `COLL_DATE`."""
    return _DAY_WORDS.sub("", folded(name))


def clock_stem(name: str) -> str:
    """What a clock's column is the time of: `coll` of `COLL_TIME`."""
    return _CLOCK_WORDS.sub("", folded(name))


def is_clock_name(name: str) -> bool:
    """Whether a column is named like clock times: `COLL_TM`."""
    return bool(_CLOCK_WORDS.search(folded(name)))
