"""Taking a step at the desk: a page of its own, a form, one action; a refusal is said on the form and recorded."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from claims.actions.adjusting import CannotDecide
from claims.admin.desk import CaseAdmin, signed_in
from claims.forms.staff import StepForm
from claims.models import User
from claims.workflow import STEPS, Step, StepRefused, Thing, machine_of, refusal, steps_for

Run = Callable[[User, Any, dict[str, Any]], str]


@dataclass(frozen=True)
class DeskStep:
    """How a step of the workflow's table is taken here.

    ``lead`` says above the form what the step does; ``run`` calls the action with what the form gave and answers the
    sentence to show afterwards.
    """

    lead: str
    run: Run
    form: Callable[..., StepForm] = StepForm
    tone: str = ""


@dataclass(frozen=True)
class Offer:
    """A button: a step that the reader may take now."""

    name: str
    label: str
    url: str
    tone: str


class WorkAdmin(CaseAdmin):
    """Cases on which the readers act: ``desk_steps`` by the step's name in the workflow's table."""

    desk_steps: ClassVar[Mapping[str, DeskStep]]
    step_template = "admin/claims/step.html"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_step"
        view = self.admin_site.admin_view(self.step_view)
        return [path("<uuid:pk>/step/<slug:step>/", view, name=name), *super().get_urls()]

    def offers(self, request: HttpRequest, thing: Thing) -> list[Offer]:
        """The steps that the reader may take now, as the workflow's table has them."""
        return [
            Offer(step.name, step.label, self.address("step", thing.pk, step.name), self.desk_steps[step.name].tone)
            for step in steps_for(thing, by=signed_in(request))
            if step.name in self.desk_steps
        ]

    def step_form(self, request: HttpRequest, thing: Any, step: str) -> StepForm | None:
        """The form, bound when something was sent; None while a choice before it is not made."""
        data = request.POST if request.method == "POST" else None
        return self.desk_steps[step].form(data)

    def step_facts(self, request: HttpRequest, thing: Any, step: str, form: StepForm | None) -> dict[str, Any]:
        """What the step's page shows beside its form."""
        return {}

    def step_view(self, request: HttpRequest, pk: uuid.UUID, step: str) -> HttpResponseBase:
        """GET asks, POST acts. Called outside of any transaction: the action is one."""
        thing, by = self.case(request, str(pk)), signed_in(request)
        if step not in self.desk_steps:
            raise Http404("no such step here")
        form = self.step_form(request, thing, step)
        if request.method == "POST" and form is not None and form.is_valid():
            try:
                done = self.desk_steps[step].run(by, thing, form.cleaned_data)
            except (StepRefused, CannotDecide) as refused:
                form.add_error(None, str(refused))
            else:
                messages.success(request, done)
                return redirect(self.address("change", thing.pk))
        return TemplateResponse(request, self.step_template, self._step_page(request, thing, step, form))

    def _step_page(self, request: HttpRequest, thing: Thing, step: str, form: StepForm | None) -> dict[str, Any]:
        row = table_row(thing, step)
        offered = any(row == other for other in steps_for(thing, by=signed_in(request)))
        return self.frame(
            request, thing, step=row, form=form, lead=self.desk_steps[step].lead, tone=self.desk_steps[step].tone,
            refused="" if offered else refusal(thing, step, by=signed_in(request)),
            **self.step_facts(request, thing, step, form),
        ) | {"title": row.label}  # fmt: skip


def table_row(thing: Thing, name: str) -> Step:
    """The step in the workflow's table."""
    return next(step for step in STEPS if (step.machine, step.name) == (machine_of(thing), name))
