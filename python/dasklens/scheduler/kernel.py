"""Which Jupyter kernel this process is, if it is one."""

from __future__ import annotations

import os
import re
import sys
from typing import Any


def kernel_id() -> str | None:
    """The id of the kernel that this process is; None in any other.

    It survives renaming the notebook and restarting the kernel, unlike ``JPY_SESSION_NAME``.
    """
    # Nobody imports ipykernel for this: where it is not there yet, this is no kernel.
    app: Any = getattr(sys.modules.get("ipykernel.kernelapp"), "IPKernelApp", None)
    if app is None or not app.initialized():
        return None
    found = re.fullmatch(r"kernel-(.+)\.json", os.path.basename(app.instance().connection_file))
    return found[1] if found else None
