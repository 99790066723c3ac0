"""How forms look: Django's own form rendering, with the templates of templates/forms/."""

from typing import Any

from django.forms.renderers import TemplatesSetting

OURS = {
    "django/forms/errors/list/default.html": "forms/errors/list.html",
    "django/forms/widgets/radio.html": "forms/widgets/choices.html",
    "django/forms/widgets/checkbox_select.html": "forms/widgets/choices.html",
    "django/forms/widgets/clearable_file_input.html": "forms/widgets/file.html",
}


class Renderer(TemplatesSetting):
    """For FORM_RENDERER. The staff admin shares it but keeps its own widget templates, which OURS does not name."""

    form_template_name = "forms/div.html"
    formset_template_name = "forms/formset.html"
    field_template_name = "forms/field.html"

    def get_template(self, template_name: str) -> Any:
        return super().get_template(OURS.get(template_name, template_name))
