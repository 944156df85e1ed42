"""The numbering plans of countries: what their people dial (ITU-T E.164, and the dialling procedures of its members).

Rules:

1. A country has its ISO 3166 code, its country code, and three things that its people dial: the trunk prefix before a
   number of the same country, the prefixes before a number of another, and the lengths of numbers that are complete
   without a trunk prefix, in plans that have no shorter ones.
2. Where the prefix before other countries' numbers contains the number of a carrier, there is none here: where it ends
   cannot be told. A number can be written with a + everywhere.
3. The table is ours and not a library's. A log must fold to the same calls for ever, and what a library knows of
   numbers changes each month. Only these facts are needed, and they change once in decades.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple


class NumberingPlan(NamedTuple):
    """The prefixes and numbers that the people of a country dial.

    ``code``: the country code. ``trunk``: the trunk prefix, "" if there is none. ``international``: the prefixes before
    a country code, the longest first. ``complete``: the lengths of numbers that need no prefix.
    """

    code: str
    trunk: str
    international: tuple[str, ...]
    complete: tuple[int, ...]


# Trunk prefix, international prefixes and lengths of complete numbers (- for none): countries and their codes.
_TABLE: Final = """
0 00 -: AE=971 AF=93 AL=355 AM=374 AR=54 AT=43 AX=358 AZ=994 BA=387 BD=880 BE=32 BG=359 BL=590 CD=243 CH=41 CN=86
  DE=49 DZ=213 EC=593 EG=20 EH=212 ER=291 ET=251 FI=358 FR=33 GB=44 GE=995 GF=594 GG=44 GH=233 GP=590 HR=385 IE=353
  IL=972 IM=44 IN=91 IQ=964 IR=98 JE=44 JO=962 KG=996 KI=686 LA=856 LB=961 LI=423 LK=94 LR=231 LT=370 LY=218 MA=212
  MC=377 MD=373 ME=382 MF=590 MG=261 MK=389 MM=95 MQ=596 MW=265 MY=60 NA=264 NL=31 NP=977 NZ=64 PE=51 PH=63 PK=92
  PM=508 PS=970 PY=595 RE=262 RO=40 RS=381 RW=250 SA=966 SD=249 SE=46 SI=386 SK=421 SL=232 SO=252 SS=211 SY=963 TR=90
  UA=380 UY=598 VE=58 VN=84 XK=383 YE=967 YT=262 ZA=27 ZM=260 ZW=263
- 00 8: BF=226 BH=973 BI=257 CF=236 CR=506 CY=357 DJ=253 DK=45 GI=350 GT=502 HN=504 HT=509 KW=965 LS=266 LV=371 ML=223
  MO=853 MR=222 MT=356 NE=227 NI=505 NO=47 OM=968 PF=689 QA=974 SJ=47 SV=503 SZ=268 TD=235 TG=228 TN=216
1 011 10: AG=1 AI=1 AS=1 BB=1 BM=1 BS=1 CA=1 DM=1 DO=1 GD=1 GU=1 JM=1 KN=1 KY=1 LC=1 MP=1 MS=1 PR=1 SX=1 TC=1 TT=1
  US=1 VC=1 VG=1 VI=1
- 00 7: AW=297 BN=673 BQ=599 BZ=501 FJ=679 FM=691 IO=246 KM=269 MV=960 NR=674 SC=248 SR=597 ST=239 TO=676 TV=688
  VU=678
- 00 -: AC=247 CK=682 FK=500 FO=298 GL=299 NC=687 NF=672 NU=683 SH=290 TA=290 TK=690 WF=681
- 00 9: AD=376 AO=244 CG=242 CL=56 CM=237 CZ=420 ES=34 GQ=240 GW=245 PT=351 SN=221 UZ=998
- 00 7,8: BT=975 BW=267 CW=599 EE=372 GA=241 PA=507 PG=675 TL=670
- 00 10: BJ=229 CI=225 GR=30 MX=52 SM=378
- 00 7,9: GM=220 IS=354 PL=48
- 00 8,9: GN=224 LU=352 MZ=258
0 - -: BO=591 BR=55 CO=57
0 0011 -: AU=61 CC=61 CX=61
8 810 -: KZ=7 RU=7 TM=993
- 00 9,10,11: IT=39 VA=39
- 0 7: CV=238
- 0 7,10: WS=685
- 00,01 7: SB=677
- 000,001,002,008 8: SG=65
- 001 7: GY=592
- 001,00 8: HK=852
- 011,012 7: PW=680
- 020,00 7,8: MU=230
- 810 9: TJ=992
0 00,99 -: KP=850
0 000 -: KE=254
0 000,005,006 -: TZ=255
0 000,005,007 -: UG=256
0 001 -: MN=976
0 001,002,005,006,008 -: KR=82
0 001,005,007,008,009 -: TH=66
0 001,007,008,00 -: KH=855
0 001,007,008,009 -: ID=62
0 002,005,006,007,009 -: TW=886
0 009 -: NG=234
0 010 -: JP=81
0 119 -: CU=53
06 00 -: HU=36
1 011 -: MH=692
80 810 -: BY=375
"""
_ALSO: Final = {"UK": "GB"}
"""Codes that people write for a country that has another one."""


def _plans() -> Iterator[tuple[str, NumberingPlan]]:
    for line in _TABLE.replace("\n ", "").split("\n"):
        dialled, _, countries = line.partition(": ")
        for each in countries.split():
            name, _, code = each.partition("=")
            yield name, _plan(code, *("" if part == "-" else part for part in dialled.split()))


def _plan(code: str, trunk: str, international: str, complete: str) -> NumberingPlan:
    prefixes = sorted(filter(None, international.split(",")), key=len, reverse=True)
    return NumberingPlan(code, trunk, tuple(prefixes), tuple(map(int, filter(None, complete.split(",")))))


PLANS: Final = dict(_plans())
"""By ISO 3166 code."""
TRUNKS: Final = {plan.code: plan.trunk for plan in PLANS.values()}
"""The trunk prefix by country code: countries that share a code share it."""


def country(text: str) -> str | None:
    """Return the ISO 3166 code of a country as people write it, None if there is no plan for it."""
    written = text.strip().upper()
    known = _ALSO.get(written, written)
    return known if known in PLANS else None
