"""British English: the patterns are their own answer."""

DATE_FORMAT = "j F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j F Y, H:i"
#: Parts: sign, figure, symbol.
MONEY_FORMAT = "{sign}{symbol}{figure}"
