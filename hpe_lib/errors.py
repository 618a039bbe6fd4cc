"""How the commands end: a clear line instead of a traceback."""

import sys


def run_command(main):
    """Call a command's `main`; a wrong path, damaged file or full disk becomes one line, Ctrl-C a short one."""
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
