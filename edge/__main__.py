"""`python -m edge` is `emotion-edge`."""

import sys

from edge.cli import main

sys.exit(main())
