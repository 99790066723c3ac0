"""Public addresses of the log."""

urlpatterns: list[object] = []
