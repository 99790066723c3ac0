"""Forms as the site draws them: what a screen reader and a hurried person need is there and in order."""

import re
from datetime import date

from django import forms
from django.template.loader import render_to_string

from claims.forms.dates import DatePartsField


class LossForm(forms.Form):
    """One field of each sort that the portal uses."""

    place = forms.CharField(help_text="A town is enough.", error_messages={"required": "Enter where it happened."})
    cause = forms.ChoiceField(
        widget=forms.RadioSelect,
        choices=[("lost", "It was lost"), ("late", "It came late")],
        error_messages={"required": "Choose what happened."},
    )
    on = DatePartsField(what="date of the loss", label="When was it?")
    police = forms.CharField(label="Police reference", required=False)
    photo = forms.FileField(error_messages={"required": "Choose a photo."})
    truth = forms.BooleanField(label="This is true.", error_messages={"required": "Confirm that this is true."})
    key = forms.CharField(widget=forms.HiddenInput, required=False)


def test_the_error_stands_between_hint_and_input_and_is_read_out_with_it() -> None:
    html = str(LossForm({})["place"].as_field_group())
    parts = ["<label", 'id="id_place_helptext"', 'id="id_place_error"', "<input"]
    assert sorted(parts, key=html.index) == parts
    assert 'aria-describedby="id_place_helptext id_place_error"' in html
    assert 'aria-invalid="true"' in html


def test_only_what_may_be_left_empty_says_so() -> None:
    fields = LossForm().visible_fields()
    assert [field.name for field in fields if "(optional)" in field.as_field_group()] == ["police"]


def test_a_group_of_inputs_has_its_question_as_legend() -> None:
    fields = LossForm().visible_fields()
    assert [field.name for field in fields if "<legend" in field.as_field_group()] == ["cause", "on"]


def test_the_words_of_a_lone_checkbox_stand_behind_it() -> None:
    html = str(LossForm()["truth"].as_field_group())
    assert html.index("<input") < html.index("This is true.")


def test_a_date_keeps_what_was_typed_even_when_it_is_no_date() -> None:
    html = str(LossForm({"on_0": "31", "on_1": "2", "on_2": "2026"})["on"])
    assert re.findall(r'value="(\d+)"', html) == ["31", "2", "2026"]
    assert re.findall(r"<label[^>]*>(\w+)<", html) == ["Day", "Month", "Year"]


def test_a_date_given_before_is_shown_in_its_three_fields() -> None:
    html = str(LossForm(initial={"on": date(2026, 11, 21)})["on"])
    assert re.findall(r'value="(\d+)"', html) == ["21", "11", "2026"]


def test_every_line_of_the_error_summary_leads_to_something_on_the_page() -> None:
    form = LossForm({})
    form.add_error(None, "These details do not fit together.")
    targets = re.findall(r'href="#([^"]+)"', render_to_string("_error_summary.html", {"form": form}))
    assert targets == ["form-problem", "id_place", "id_cause_0", "id_on_0", "id_photo", "id_truth"]
    assert [target for target in targets if f'id="{target}"' not in str(form)] == []


def test_a_form_without_errors_has_no_error_summary() -> None:
    assert render_to_string("_error_summary.html", {"form": LossForm()}).strip() == ""


def test_what_people_typed_is_escaped() -> None:
    assert "<script>" not in str(LossForm({"place": "<script>", "on_0": "<script>"}))
