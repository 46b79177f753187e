"""Each instruction: a text that follows it, texts that do not, and the edges between them."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eudoxus.decoding.instructions import INSTRUCTIONS, Given, check_loosely, instruction, language
from eudoxus.decoding.instructions.base import LONGEST_TEXT
from eudoxus.runtime.errors import CapabilityMissing, InvalidRequest

LESS, LEAST = {"relation": "less than"}, {"relation": "at least"}
PARAGRAPHS = {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"}
CASES: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    ("keywords:existence", {"keywords": ["rain", "c++"]}, ["Rain and C++.", "trains, c++x"], ["rain and c", "sun"]),
    ("keywords:frequency", {"keyword": "is ", "frequency": 2, **LEAST}, ["It is as it IS", "this is"], ["it was"]),
    ("keywords:frequency", {"keyword": "is", "frequency": 1, **LESS}, ["it was"], ["this"]),
    ("keywords:frequency", {"keyword": "aa", "frequency": 2, **LEAST}, ["aaaa"], ["aaa"]),
    ("keywords:forbidden_words", {"forbidden_words": ["cat", "New York"]}, ["Concatenate in York, new one"], ["A Cat.", "in new york!"]),
    ("keywords:letter_frequency", {"letter": "Q", "let_frequency": 2, "let_relation": "at least"}, ["quick Quiz"], ["quick"]),
    ("keywords:letter_frequency", {"letter": "!", "let_frequency": 1, "let_relation": "less than"}, ["no"], ["no!"]),
    ("length_constraints:number_words", {"num_words": 3, **LESS}, ["two words", "one-two"], ["it's two words", "one two three"]),
    ("length_constraints:number_words", {"num_words": 3, **LEAST}, ["one, two: three"], ["... one two --"]),
    ("length_constraints:number_sentences", {"num_sentences": 3, **LEAST},
     ["Dr. Who came. He left! Why?", "One… Two. Three."],
     ["He paid 3.50 to Mr. J. Smith, e.g. today. Well.", "1. First\n2. Second\n3. Third"]),
    ("length_constraints:number_sentences", {"num_sentences": 2, **LESS}, ["At 5 p.m. we eat", "no end"], ["We eat at 5 p.m. Then we go."]),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, ["a\n***\nb", "*** a *** b"],
     ["a\n\nb", "a *** *** b", "a *** b *** c"]),
    ("length_constraints:nth_paragraph_first_word", PARAGRAPHS, ["First.\n\n\"Then, all.", "a\n\nthen"],
     ["a\n\nb\n\nThen", "a\n\nThence", "Then\n\na", "a\n\n\n\nThen"]),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, ["[name] lives in [place]"], ["[name", "[na\nme] [x]"]),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, ["Bye.\nP.S. More", "p. s. more"], ["PS: more"]),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, ["P.P.S. x", "p. p. s x"], ["P.S. x"]),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, ["* a\n  - b", "- a\ntext\n- b"], ["* a", "** a\n* b", "* a\n* b\n* c"]),
    ("detectable_format:constrained_response", {}, ["Well. My answer is no."], ["No."]),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, ["*a* and **b**", "*a* *b*"], ["*a* ** **", "*a\nb*"]),
    ("detectable_format:multiple_sections", {"section_spliter": "Part.", "num_sections": 2}, ["Part. 1 a Part.2 b"],
     ["Part 1 Part 2", "Part. I"]),
    ("detectable_format:json_format", {}, ['```json\n{"a": [1]}\n```', "[1]"], ["{a: 1}", 'Here: {"a": 1}', "[" * 100_000]),
    ("detectable_format:title", {}, ["<<Rain>>\nIt rains."], ["<Rain>", "<< >>", "<<Ra\nin>>"]),
    ("combination:two_responses", {}, ["a ****** b", "******a******b******"], ["a", "a ****** a", "a ****** ****** b", "a******b******c"]),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say hi. "}, [" say HI. Hi!"], ["Hi! Say hi.", "Say"]),
    ("startend:end_checker", {"end_phrase": "The end."}, ["So. the END.", 'It is "the end."'], ["The end. Really."]),
    ("startend:quotation", {}, [' "a" '], ['"a', "a", '"']),
    ("punctuation:no_comma", {}, ["a; b"], ["a, b"]),
    ("language:response_language", {"language": "de"}, ["Das Wetter ist heute schön, und wir gehen spazieren."],
     ["The weather is fine today."]),
    ("language:response_language", {"language": "hi"}, ["आज मौसम बहुत अच्छा है और हम घूमने जा रहे हैं।"],
     ["Es regnet heute den ganzen Tag."]),
    ("language:response_language", {"language": "en"}, ["12 + 3 = 15"], ["C'est la vie, mon ami, et il faut la vivre."]),
    ("change_case:english_capital", {}, ["THE WEATHER IS FINE TODAY."],
     ["THE WEATHER IS FINE TODAy.", "12", "DAS WETTER IST HEUTE SEHR SCHÖN GEWORDEN"]),
    ("change_case:english_lowercase", {}, ["the weather is fine today."],
     ["The weather is fine.", "das wetter ist heute sehr schön geworden"]),
    ("change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": "at least"}, ["NASA and I", "U.S.-MADE, MP3"],
     ["NASA"]),
    ("change_case:capital_word_frequency", {"capital_frequency": 1, "capital_relation": "less than"}, ["Nasa 12"], ["the NASA"]),
    ("count:word_count_range", {"min_words": 2, "max_words": 3}, ["a b", "a b c"], ["a", "a b c d"]),
    ("count:unique_word_count", {"N": 2}, ["one two", "One, two one"], ["one One one."]),
    ("count:numbers", {"N": 2}, ["1,000 and 3.5", "a1 b2"], ["1 2 3", "one"]),
    ("count:conjunctions", {"small_n": 2}, ["This, and that (but not those)"], ["and and", "sand orbit"]),
    ("words:repeats", {"small_n": 2}, ["the cat the dog"], ["The cat, the dog, the end", "it's its its'"]),
    ("words:no_consecutive", {}, ["one two"], ["two Three"]),
    ("words:alphabet", {}, ["Yes, zebras always bite.", "q"], ["a c", "1 a", "..."]),
    ("words:palindrome", {}, ["Level radar civic kayak rotor madam refer tenet stats, solos!"], ["level " * 9, "noon " * 10]),
    ("words:prime_lengths", {}, ["we see three"], ["a cat", "four"]),
    ("sentence:keyword", {"word": "rain", "N": 2}, ["Sun. The Rain."], ["Rain. Sun.", "Rain.", "Sun. Trains."]),
    ("format:newline", {}, ["one\ntwo\n\nthree"], ["one two\nthree"]),
    ("format:options", {"options": "yes/no/maybe"}, ["Maybe.", "NO"], ["Yes, it is"]),
    ("format:options", {"options": "I know or I don't know"}, ["i know"], ["know"]),
    ("format:options", {"options": "a), b), c), d)"}, ["b)"], ["b", "B)"]),
    ("format:parentheses", {}, ["([{(())}])", "((((( deep )"], ["(((())))", "((((]"]),
]


@pytest.mark.parametrize(("key", "kwargs", "follow", "break_it"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_it_tells_texts_that_follow_from_texts_that_do_not(key: str, kwargs: dict[str, Any], follow: list[str], break_it: list[str]):
    needs_languages(key)
    one = instruction(key, kwargs)
    for text in follow:
        assert one.check(text).ok, (text, one.check(text).reason)
        assert one.check(text).score == 1
        assert not any(one.broken(text[:at]) for at in range(len(text) + 1)), "a beginning of a good text is never given up"
    for text in break_it:
        found = one.check(text)
        assert not found.ok, text
        assert found.reason
        assert 0 <= found.score < 1


def needs_languages(key: str) -> None:
    if key.startswith(("language:", "change_case:english")):
        pytest.importorskip("py3langid", reason="the extra instructions is not installed")


def test_without_the_library_of_languages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    language._identifier.cache_clear()
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(CapabilityMissing, match=r"eudoxus\[instructions\]"):
        instruction("change_case:english_lowercase", {}).check("what is this")
    assert not instruction("change_case:english_lowercase", {}).check("What").ok, "where no language has to be told, none is"


def test_every_instruction_is_tried():
    assert {key for key, *_ in CASES} == set(INSTRUCTIONS)
    assert len(INSTRUCTIONS) == 38


@pytest.mark.parametrize("key", INSTRUCTIONS)
def test_nothing_follows_from_a_blank_or_an_endless_text_and_hostile_texts_take_no_time(key: str):
    needs_languages(key)
    one = instruction(key, next(kwargs for name, kwargs, *_ in CASES if name == key))
    assert one.describe()
    assert not one.check(" \n").ok
    assert not one.check("a" * (LONGEST_TEXT + 1)).ok
    begun = time.perf_counter()
    for hostile in ("[", "*", "<", "* \n", "((", "a", "Q", ". ", "'", '"', "***", " ", "Part.", "😀", "\ud800"):
        text = (hostile * LONGEST_TEXT)[:LONGEST_TEXT]
        one.check(text)
        one.broken(text)
    assert time.perf_counter() - begun < 30


@pytest.mark.parametrize(("key", "kwargs", "said"), [
    ("keywords:existense", {}, "did you mean keywords:existence"),
    ("nothing", {}, "known: keywords:existence"),
    ("keywords:existence", {}, "kwargs.keywords"),
    ("keywords:existence", {"keywords": []}, "kwargs.keywords"),
    ("keywords:existence", {"keyword": ["a"]}, r"kwargs\.keyword: there is no such argument; did you mean keywords\?"),
    ("punctuation:no_comma", {"n": 1}, "kwargs.n"),
    ("length_constraints:number_words", {"num_words": -1, "relation": "at least"}, "kwargs.num_words"),
    ("length_constraints:number_words", {"num_words": 1, "relation": "at most"}, "kwargs.relation"),
    ("length_constraints:nth_paragraph_first_word", {**PARAGRAPHS, "nth_paragraph": 3}, "only 2 paragraphs"),
    ("keywords:letter_frequency", {"letter": "ab", "let_frequency": 1, "let_relation": "at least"}, "kwargs.letter"),
    ("language:response_language", {"language": "xx"}, "ISO 639-1"),
    ("count:word_count_range", {"min_words": 3, "max_words": 2}, "more than max_words"),
])
def test_a_key_or_an_argument_that_does_not_exist_is_named(key: str, kwargs: dict[str, Any], said: str):
    with pytest.raises(InvalidRequest, match=said):
        instruction(key, kwargs)
    with pytest.raises(ValueError, match=said):
        Given(id=key, kwargs=kwargs)


def test_arguments_that_are_null_count_as_not_given():
    kwargs = {"num_words": 2.0, "relation": "less than", "keywords": None, "num_bullets": None}
    assert instruction("length_constraints:number_words", kwargs).check("one").ok


@pytest.mark.parametrize(("key", "kwargs", "text"), [
    ("punctuation:no_comma", {}, "Sure, here it is:\nno comma"),
    ("punctuation:no_comma", {}, "no comma\nBye, bye"),
    ("startend:quotation", {}, '**"all of it"**'),
    ("detectable_format:json_format", {}, "Sure:\n[1]\nEnjoy!"),
])
def test_a_loose_reading_overlooks_first_and_last_lines_and_asterisks(key: str, kwargs: dict[str, Any], text: str):
    one = instruction(key, kwargs)
    assert not one.check(text).ok
    assert check_loosely(one, text).ok


def test_a_loose_reading_does_not_turn_nothing_into_something():
    one = instruction("punctuation:no_comma", {})
    assert not check_loosely(one, "Yes, it is").ok
    assert "comma" in check_loosely(one, "Yes, it is").reason


TEXTS = st.text(alphabet="ab ,.\n*\"AZ1[]<>-'é", max_size=40)
ANY = st.sampled_from([instruction(key, kwargs) for key, kwargs, *_ in CASES if not key.startswith(("language", "change_case:english"))])


@given(ANY, TEXTS, TEXTS)
@example(instruction("keywords:forbidden_words", {"forbidden_words": ["a"]}), "a", "b")
def test_what_is_broken_stays_broken_however_it_goes_on(one: Any, begun: str, more: str):
    if one.broken(begun):
        assert one.broken(begun + more)
        assert not one.check(begun + more).ok


@given(ANY, TEXTS)
def test_findings_agree_with_themselves(one: Any, text: str):
    found = one.check(text)
    assert found.ok == (found.score == 1) == (found.reason == "")
    assert not found.ok or check_loosely(one, text).ok
