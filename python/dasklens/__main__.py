"""`python -m dasklens` is the command line `dasklens`."""

from dasklens.cli.main import main

raise SystemExit(main())
