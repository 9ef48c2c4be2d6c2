"""ISO 4217 currencies and how many decimals each is written with."""

from .errors import MoneyError

# ISO 4217 List One, January 2026. Left out are metals, units of account and test codes, which
# have no minor unit.
_CODES_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
        CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP
        GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK
        LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO
        NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS
        SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST
        XAD XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

DECIMALS = {
    code: decimals for decimals, codes in _CODES_BY_DECIMALS.items() for code in codes.split()
}
"""Decimals of each currency code: 2 for EUR, 0 for JPY, 3 for KWD."""


def unknown_currency(code: object) -> MoneyError:
    """The error for a code that is no currency, naming the one with most letters in place."""
    letters = str(code).upper()
    nearest = max(
        sorted(DECIMALS),
        key=lambda known: sum(a == b for a, b in zip(known, letters, strict=False)),
    )
    return MoneyError(
        f"expected an ISO 4217 currency code, seen {code!r}: did you mean {nearest!r}?"
    )
