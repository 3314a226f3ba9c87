"""``python -m image_enforcer``."""

import sys

from .cli.main import main

sys.exit(main())
