"""What every test needs of the process that it runs in."""

from __future__ import annotations

import signal
import threading

# A shell makes what it starts in its background deaf to Ctrl-C, and the processes that tests start would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
