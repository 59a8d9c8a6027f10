"""The words by which a text says how to opt out, in the languages that most texts are in. Pure."""

import re

_WORDS = (
    r"stop\w*", "opt[ -]?out", "unsubscribe", "arr[eê]t", "abmelden", "afmelden", "baja", "parar", "sair",
    "iptal", "στοπ", "διαγραφή", "стоп", "отписаться", "hủy", "huỷ", "từ chối", "tu choi",
)  # fmt: skip
# In scripts that write words without spaces, or with endings.
_PARTS = (
    "退订", "退訂", "拒收", "停止", "解除", "拒否", "수신 ?거부", "무료 ?거부", "إلغاء", "الغاء", "توقف", "روک", "ختم",
    "הסר", "להסיר", "ביטול", "रोक", "बंद", "ยกเลิก",
)  # fmt: skip
_OPT_OUT = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b|{'|'.join(_PARTS)}", re.IGNORECASE)


def says_opt_out(text: str) -> bool:
    return _OPT_OUT.search(text) is not None
