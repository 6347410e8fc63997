"""`python -m speechbrain_mmsed.cli`, where nothing is installed.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import sys

from speechbrain_mmsed.cli import main

if __name__ == "__main__":
    sys.exit(main())
