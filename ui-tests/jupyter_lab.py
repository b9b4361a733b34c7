"""JupyterLab for the browser tests: no login, no news, no dialog that a test would have to close."""

import json
import os
import sys
from pathlib import Path

from jupyterlab.labapp import LabApp

home = Path(os.environ["HOME"])
notebooks = home / "notebooks"
notebooks.mkdir(exist_ok=True)

# The notification that asks about news would cover what a test clicks on.
settings = home / "settings" / "@jupyterlab" / "apputils-extension"
settings.mkdir(parents=True, exist_ok=True)
(settings / "notification.jupyterlab-settings").write_text(
    json.dumps({"fetchNews": "false", "checkForUpdates": False})
)

sys.exit(
    LabApp.launch_instance(
        [
            f"--ServerApp.port={os.environ['DASKLENS_UI_PORT']}",
            "--ServerApp.port_retries=0",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.open_browser=False",
            "--ServerApp.allow_root=True",
            f"--ServerApp.root_dir={notebooks}",
            "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True",
            "--LabApp.expose_app_in_browser=True",
            f"--LabApp.user_settings_dir={home / 'settings'}",
            f"--LabApp.workspaces_dir={home / 'workspaces'}",
        ]
    )
)
