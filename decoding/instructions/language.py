"""The language of a text, and instructions on it and on capitals, with the keys of IFEval (Zhou et al. 2023, arXiv 2311.07911, table 1).

Languages are told apart by py3langid (BSD-3-Clause, the extra ``instructions``), which needs no network and gives the same answer always.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from pydantic import field_validator

from eudoxus.decoding.instructions.base import FOLLOWED, Count, Finding, Instruction, Relation, counted
from eudoxus.decoding.instructions.reading import tokens
from eudoxus.runtime.errors import CapabilityMissing

_LOOKED_AT = 10_000
"""Characters from the beginning that tell the language."""
LANGUAGES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian", "bg": "Bulgarian", "bn": "Bengali",
    "bs": "Bosnian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "eo": "Esperanto", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish",
    "gl": "Galician", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "ht": "Haitian", "hu": "Hungarian",
    "hy": "Armenian", "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ka": "Georgian", "kk": "Kazakh",
    "km": "Khmer", "kn": "Kannada", "ko": "Korean", "ky": "Kirghiz", "la": "Latin", "lo": "Lao", "lt": "Lithuanian", "lv": "Latvian",
    "mg": "Malagasy", "mk": "Macedonian", "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi", "ms": "Malay", "mt": "Maltese",
    "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "or": "Odia", "pa": "Punjabi", "pl": "Polish", "ps": "Pashto", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian",
    "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "ug": "Uyghur",
    "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese", "zu": "Zulu",
}
"""The languages told apart, by ISO 639-1 code. Small neighbours of large ones are left out, for which short texts would be taken."""


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the language of ``text``; None where no letters tell it. Raises :class:`CapabilityMissing`."""
    looked_at = text[:_LOOKED_AT]
    if not any(character.isalpha() for character in looked_at):
        return None
    return str(_identifier().classify(looked_at)[0])


@functools.cache
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise CapabilityMissing("telling languages apart needs py3langid: pip install 'eudoxus[instructions]'") from None
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def _in(language: str, text: str) -> Finding:
    """Whether ``text`` is in ``language``; where nothing tells, it is."""
    found = language_of(text)
    if found in (None, language):
        return FOLLOWED
    return Finding(False, f"the text seems to be in {LANGUAGES.get(str(found), found)}; expected {LANGUAGES[language]}")


class ResponseLanguage(Instruction):
    """The language of the whole text."""

    key: ClassVar[str] = "language:response_language"
    language: str
    """An ISO 639-1 code: ``de``."""

    @field_validator("language")
    @classmethod
    def _is_known(cls, language: str) -> str:
        if language not in LANGUAGES:
            raise ValueError(f"expected an ISO 639-1 code among {', '.join(LANGUAGES)}")
        return language

    def describe(self) -> str:
        return f"The entire response should be in {LANGUAGES[self.language]}; no other language is allowed."

    def judge(self, text: str) -> Finding:
        return _in(self.language, text)


class EnglishCapital(Instruction):
    """English in capitals."""

    key: ClassVar[str] = "change_case:english_capital"

    def describe(self) -> str:
        return "The entire response should be in English, and in capital letters only."

    def judge(self, text: str) -> Finding:
        if not text.isupper():
            return Finding(False, "there are small letters, or no letters at all", _share(text, small=False))
        return _in("en", text.lower())

    def broken(self, begun: str) -> bool:
        return any(character.islower() for character in begun)


class EnglishLowercase(Instruction):
    """English without capitals."""

    key: ClassVar[str] = "change_case:english_lowercase"

    def describe(self) -> str:
        return "The entire response should be in English, and in lowercase letters only. No capital letters are allowed."

    def judge(self, text: str) -> Finding:
        if not text.islower():
            return Finding(False, "there are capital letters, or no letters at all", _share(text, small=True))
        return _in("en", text)

    def broken(self, begun: str) -> bool:
        return any(character.isupper() for character in begun)


class CapitalWordFrequency(Instruction):
    """So many words in capitals."""

    key: ClassVar[str] = "change_case:capital_word_frequency"
    capital_frequency: Count
    capital_relation: Relation
    """``less than`` or ``at least`` so many."""

    def describe(self) -> str:
        return f"In the response, words in capital letters only should appear {self.capital_relation} {self.capital_frequency} times."

    def judge(self, text: str) -> Finding:
        return counted(sum(map(str.isupper, tokens(text))), self.capital_frequency, "words in capital letters", self.capital_relation)


def _share(text: str, *, small: bool) -> float:
    """The part of the letters that are as wanted, short of all."""
    letters = [character.islower() for character in text if character.islower() or character.isupper()]
    return min(0.99, letters.count(small) / len(letters)) if letters else 0.0


LANGUAGE: tuple[type[Instruction], ...] = (ResponseLanguage, CapitalWordFrequency, EnglishCapital, EnglishLowercase)
