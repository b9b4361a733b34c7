"""Print the widget state of a `Memory`, as JSON: its figures, and the names of what its part sets."""

from __future__ import annotations

import json
import sys

from distributed import Client
from ipywidgets.embed import dependency_state

from dasklens import Memory

with Client(processes=False, n_workers=0, dashboard_address=":0") as client:
    memory = Memory(client)
    figures = list(memory.figures.values())
    models = {name: f"IPY_MODEL_{widget.model_id}" for name, widget in memory._models.items()}
    json.dump({"state": dependency_state(figures, drop_defaults=False), "models": models}, sys.stdout)
    memory.close()
