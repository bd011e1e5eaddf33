"""Old TensorFlow 1.x scripts run again, as they are: `python -m legacy old_script.py`.

`import legacy` as the first line of a script or a notebook does the same.
"""

from .install import install

install()
