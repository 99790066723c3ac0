from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.mrz import FindingCode, MrzError, check_digit, compare, make_td3, parse_mrz, transliterate

TODAY = date(2011, 6, 1)
PASSPORT = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
CARD_TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
CARD_TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
ANNA = {"name": "Anna Maria Eriksson", "birth_date": date(1974, 8, 12), "expires_on": date(2012, 4, 15)}
names = st.text("abcdefghijklmnopqrstuvwxyzäöüßéçñøłåæþ '-", min_size=1, max_size=14).filter(
    lambda text: text.strip(" '-")
)


def codes(findings):
    return [finding.code for finding in findings]


def refusal(text):
    with pytest.raises(MrzError) as caught:
        parse_mrz(text, today=TODAY)
    return str(caught.value)


def passport_of(surname, given_names, **changes):
    facts = {"issuer": "UTO", "number": "X1234567", "nationality": "UTO", "birth_date": date(1980, 2, 29), "sex": "M"}
    return make_td3(surname=surname, given_names=given_names, **(facts | {"expires_on": date(2020, 1, 1)} | changes))


def findings_for(surname, given_names, typed):
    zone = parse_mrz(passport_of(surname, given_names), today=TODAY)
    return codes(
        compare(zone, name=typed, birth_date=date(1980, 2, 29), number="X1234567", expires_on=date(2020, 1, 1))
    )


@pytest.mark.parametrize(
    ("text", "layout", "number"),
    [(PASSPORT, "TD3", "L898902C3"), (CARD_TD1, "TD1", "D23145890"), (CARD_TD2, "TD2", "D23145890")],
)
def test_the_standards_own_documents_are_read_whole(text, layout, number):
    zone = parse_mrz(text, today=TODAY)
    assert (zone.layout, zone.number, zone.issuer, zone.nationality, zone.sex) == (layout, number, "UTO", "UTO", "F")
    assert (zone.surname, zone.given_names, zone.name_may_be_cut) == ("ERIKSSON", "ANNA MARIA", False)
    assert (zone.birth_date, zone.expires_on) == (date(1974, 8, 12), date(2012, 4, 15))
    assert (zone.findings, str(zone)) == ((), text)
    assert compare(zone, number=number, **ANNA) == ()


def test_optional_data_and_the_kind_of_document_are_read():
    zone = parse_mrz(PASSPORT, today=TODAY)
    assert (zone.optional, zone.document_code) == ("ZE184226B", "P")


@pytest.mark.parametrize(
    "text",
    [
        "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<",
        "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8",
    ],
)
def test_a_cards_long_number_goes_on_in_the_optional_data(text):
    zone = parse_mrz(text, today=date(1994, 1, 1))
    assert (zone.number, zone.optional) == ("D23145890734", "")
    assert (zone.birth_date, codes(zone.findings)) == (date(1934, 7, 12), [])


def test_zones_may_be_typed_in_small_letters_with_spaces_or_in_one_line():
    lines = PASSPORT.split("\n")
    assert parse_mrz(PASSPORT.lower(), today=TODAY).lines == tuple(lines)
    assert parse_mrz("\n\n  " + lines[0] + " \r\n " + " ".join(lines[1]) + "\n", today=TODAY).lines == tuple(lines)
    for text in (PASSPORT, CARD_TD1, CARD_TD2):
        assert str(parse_mrz(text.replace("\n", ""), today=TODAY)) == text


def test_a_wrong_last_check_digit_is_a_finding_and_no_refusal():
    line = "C987654320GBR7505205F2905202CC0000000<<<<<05"
    zone = parse_mrz("P<GBRBAKER<<ALICE<<<<<<<<<<<<<<<<<<<<<<<<<<<\n" + line, today=TODAY)
    assert codes(zone.findings) == [FindingCode.CHECK_COMPOSITE]
    assert parse_mrz(str(zone)[:-1] + "4", today=TODAY).findings == ()


@pytest.mark.parametrize(
    ("text", "line", "place", "code"),
    [
        (PASSPORT, 1, 0, FindingCode.CHECK_NUMBER),
        (PASSPORT, 1, 9, FindingCode.CHECK_NUMBER),
        (PASSPORT, 1, 18, FindingCode.CHECK_BIRTH_DATE),
        (PASSPORT, 1, 19, FindingCode.CHECK_BIRTH_DATE),
        (PASSPORT, 1, 26, FindingCode.CHECK_EXPIRY_DATE),
        (PASSPORT, 1, 27, FindingCode.CHECK_EXPIRY_DATE),
        (PASSPORT, 1, 30, FindingCode.CHECK_OPTIONAL),
        (PASSPORT, 1, 42, FindingCode.CHECK_OPTIONAL),
        (CARD_TD2, 1, 3, FindingCode.CHECK_NUMBER),
        (CARD_TD2, 1, 19, FindingCode.CHECK_BIRTH_DATE),
        (CARD_TD2, 1, 27, FindingCode.CHECK_EXPIRY_DATE),
        (CARD_TD1, 0, 7, FindingCode.CHECK_NUMBER),
        (CARD_TD1, 1, 6, FindingCode.CHECK_BIRTH_DATE),
        (CARD_TD1, 1, 14, FindingCode.CHECK_EXPIRY_DATE),
    ],
)
def test_one_misread_figure_is_found_by_its_fields_digit_and_by_the_last(text, line, place, code):
    lines = text.split("\n")
    figure = lines[line][place]
    lines[line] = lines[line][:place] + ("5" if figure != "5" else "6") + lines[line][place + 1 :]
    assert codes(parse_mrz("\n".join(lines), today=TODAY).findings) == [code, FindingCode.CHECK_COMPOSITE]


@pytest.mark.parametrize("text", [CARD_TD1, CARD_TD2])
def test_a_cards_last_check_digit_covers_its_optional_data(text):
    first, rest = text.split("\n", 1)
    place = text.index("\n") + (19 if text is CARD_TD1 else 29)
    changed = text[:place] + "1" + text[place + 1 :]
    assert first and rest and codes(parse_mrz(changed, today=TODAY).findings) == [FindingCode.CHECK_COMPOSITE]


def test_an_empty_optional_field_may_have_a_filler_or_a_nought_for_its_digit():
    nought = passport_of("Baker", "Alice")
    assert (nought[-2], parse_mrz(nought, today=TODAY).findings) == ("0", ())
    assert parse_mrz(nought[:-2] + "<" + nought[-1], today=TODAY).findings == ()


def test_check_digits_are_those_of_the_standards_examples():
    assert [check_digit(field) for field in ("520727", "AB2134<<<", "L898902C3", "ZE184226B<<<<<")] == [
        "3",
        "5",
        "6",
        "1",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Copy the two or three lines with “<” signs from your passport's foot or your card's back."),
        (" \n ", "Copy the two or three lines with “<” signs from your passport's foot or your card's back."),
        (PASSPORT.replace("<<<\n", "<<\n"), "The lines have 43 and 44 characters. A passport has 2 lines of 44, "
         "a card 3 lines of 30 or 2 lines of 36. Copy every “<” too."),
        (PASSPORT.split("\n")[1], "The lines have 44 characters. A passport has 2 lines of 44, "
         "a card 3 lines of 30 or 2 lines of 36. Copy every “<” too."),
        (PASSPORT + "\nA", "The lines have 44 and 44 and 1 characters. A passport has 2 lines of 44, "
         "a card 3 lines of 30 or 2 lines of 36. Copy every “<” too."),
        (PASSPORT.replace("MARIA", "MARÍA"),
         "Line 1 has “Í”. The lines have only the letters A to Z, figures and “<”."),
        (PASSPORT.replace("L898", "«898"),
         "Line 2 has “«”. The lines have only the letters A to Z, figures and “<”."),
        ("V" + PASSPORT[1:], "This is a visa. Use the lines of your passport, identity card or residence permit."),
        ("X" + PASSPORT[1:],
         "The first line begins with “X”; on this kind of document it begins with P. Copy it again."),
        ("X" + CARD_TD1[1:],
         "The first line begins with “X”; on this kind of document it begins with A or C or I. Copy it again."),
        ("<" * 201, "This is too long. Copy only the two or three lines with “<” signs at the foot of the document."),
    ],
)  # fmt: skip
def test_lines_of_the_wrong_shape_are_refused_with_what_to_copy(text, sentence):
    assert refusal(text) == sentence


@given(st.text("AZ09<P\n ", max_size=100))
def test_any_text_is_a_zone_or_one_refusal(text):
    try:
        zone = parse_mrz(text, today=TODAY)
    except MrzError as refused:
        assert str(refused).endswith(".")
    else:
        assert parse_mrz(str(zone), today=TODAY) == zone


def test_a_birth_date_that_would_lie_ahead_was_in_the_last_century():
    born = {"birth_date": date(2011, 6, 1)}
    assert parse_mrz(passport_of("Baker", "Kim", **born), today=date(2011, 6, 1)).birth_date == date(2011, 6, 1)
    assert parse_mrz(passport_of("Baker", "Kim", **born), today=date(2011, 5, 31)).birth_date == date(1911, 6, 1)


def test_a_leap_day_is_read_in_the_century_that_has_it():
    assert parse_mrz(passport_of("Baker", "Kim"), today=TODAY).birth_date == date(1980, 2, 29)


def test_somebody_over_a_hundred_is_not_told_that_her_birth_date_differs():
    zone = parse_mrz(passport_of("Baker", "Ada", birth_date=date(1910, 5, 4)), today=TODAY)
    typed = {"name": "Ada Baker", "number": "X1234567", "expires_on": date(2020, 1, 1)}
    assert compare(zone, birth_date=date(1910, 5, 4), **typed) == ()


def test_a_document_is_good_on_its_last_day_and_expired_on_the_next():
    zone = passport_of("Baker", "Alice", expires_on=TODAY)
    assert parse_mrz(zone, today=TODAY).findings == ()
    assert codes(parse_mrz(zone, today=TODAY + timedelta(days=1)).findings) == [FindingCode.EXPIRED]


def test_dates_that_do_not_exist_are_findings():
    body = "X1234567<" + check_digit("X1234567<") + "UTO"
    born, expires = "80<<<<", "201301"
    line = body + born + check_digit(born) + "M" + expires + check_digit(expires) + "<" * 14 + "0"
    line += check_digit(line[:10] + line[13:20] + line[21:43])
    zone = parse_mrz(f"P<UTOBAKER<<ALICE{'<' * 27}\n{line}", today=TODAY)
    assert (zone.birth_date, zone.expires_on) == (None, None)
    assert codes(zone.findings) == [FindingCode.BIRTH_DATE_UNREADABLE, FindingCode.EXPIRY_DATE_UNREADABLE]
    typed = {"name": "Alice Baker", "number": "X1234567"}
    assert compare(zone, birth_date=date(1980, 1, 1), expires_on=date(2020, 1, 1), **typed) == zone.findings


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "Anna Eriksson"}, FindingCode.NAME_DIFFERS),
        ({"name": "Anna Maria Erikson"}, FindingCode.NAME_DIFFERS),
        ({"name": "Naan Maria Eriksson"}, FindingCode.NAME_DIFFERS),
        ({"name": ""}, FindingCode.NAME_DIFFERS),
        ({"name": "Анна Мария Эрикссон"}, FindingCode.NAME_NOT_COMPARABLE),
        ({"name": "Anna Maria Eriksson 2"}, FindingCode.NAME_NOT_COMPARABLE),
        ({"birth_date": date(1974, 8, 13)}, FindingCode.BIRTH_DATE_DIFFERS),
        ({"number": "L898902C4"}, FindingCode.NUMBER_DIFFERS),
        ({"number": ""}, FindingCode.NUMBER_DIFFERS),
        ({"expires_on": date(2012, 4, 16)}, FindingCode.EXPIRY_DATE_DIFFERS),
    ],
)
def test_each_thing_typed_differently_is_one_finding(change, code):
    zone = parse_mrz(PASSPORT, today=TODAY)
    assert codes(compare(zone, **(ANNA | {"number": "L898902C3"} | change))) == [code]


def test_a_number_typed_in_small_letters_with_spaces_is_the_same_number():
    assert compare(parse_mrz(PASSPORT, today=TODAY), number="l 898-902 c3", **ANNA) == ()


def test_findings_are_sentences_that_quote_no_personal_data():
    zone = parse_mrz(PASSPORT, today=TODAY)
    (finding,) = compare(zone, **(ANNA | {"number": "Z1"}))
    assert finding.sentence == "The typed document number and the one in the zone differ."


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        ("Jürgen O'Connor-Weiß", "JUERGEN<OCONNOR<WEISS"),
        ("Åse Sørensen", "AASE<SOERENSEN"),
        ("Þóra Łukasz Đặng", "THORA<LUKASZ<DANG"),
        ("Jose\u0301 Ibáñez", "JOSE<IBANEZ"),
        ("İpek Çağlar Işık", "IPEK<CAGLAR<ISIK"),
        ("Œuvre Ælfric", "OEUVRE<AELFRIC"),
        ("  Anna   Maria ", "ANNA<MARIA"),
        ("Martin Luther King, Jr.", "MARTIN<LUTHER<KING<JR"),
    ],
)
def test_names_are_spelt_as_the_standards_table_does(name, spelt):
    assert transliterate(name) == spelt


@pytest.mark.parametrize("name", ["Анна", "安娜", "Anna2", "A_B"])
def test_a_name_the_zone_cannot_print_is_refused(name):
    with pytest.raises(MrzError, match="is not a Latin letter"):
        transliterate(name)


@pytest.mark.parametrize(
    ("surname", "given_names", "typed"),
    [
        ("Mueller", "Juergen", "Jürgen Müller"),
        ("Muller", "Jurgen", "Jürgen Müller"),
        ("Muxxller", "Bjoxxrn", "Björn Müller"),
        ("Ibanxxez", "Jose", "José Ibáñez"),
        ("Vanderberg", "Anna", "Anna van der Berg"),
        ("van der Berg", "Anna", "ANNA VANDERBERG"),
        ("Eriksson", "Anna Maria", "Eriksson, Anna Maria"),
        ("Smith-Jones", "Susie", "Susie Smith Jones"),
        ("Arkfreith", "", "Arkfreith"),
    ],
)
def test_spellings_that_states_print_agree_with_what_people_type(surname, given_names, typed):
    assert findings_for(surname, given_names, typed) == []


def test_a_name_that_fills_its_field_may_have_been_cut():
    long = ("Nilavadhanananda", "Chayapa Dejthamrong Krasuang")
    assert findings_for(*long, "Chayapa Dejthamrong Krasuang Nilavadhanananda") == []
    assert findings_for(*long, "Chayapa Dejthamrong Krasuang Wilavadhanananda") == [FindingCode.NAME_DIFFERS]
    assert parse_mrz(passport_of(*long), today=TODAY).given_names == "CHAYAPA DEJTHAMRONG K"


def test_letters_in_another_order_are_another_name():
    assert findings_for("Lisa", "Amy", "May Sail") == [FindingCode.NAME_DIFFERS]


@given(names, names, st.dates(date(1920, 1, 1), TODAY), st.dates(TODAY, date(2040, 1, 1)))
def test_every_made_passport_reads_back_without_a_finding(surname, given_names, born, expires):
    text = passport_of(surname, given_names, birth_date=born, expires_on=expires)
    zone = parse_mrz(text, today=TODAY)
    typed = {"name": f"{given_names} {surname}", "number": "x1234567", "birth_date": born, "expires_on": expires}
    assert [len(line) for line in text.split("\n")] == [44, 44]
    assert compare(zone, **typed) == ()


def test_a_passport_number_too_long_for_the_zone_is_a_mistake_of_ours():
    with pytest.raises(AssertionError):
        passport_of("Baker", "Alice", number="X123456789")


def test_a_kept_code_gives_its_sentence_back():
    assert FindingCode("expired").sentence == "The document has expired."
    assert all(code.sentence.endswith(".") for code in FindingCode)
