"""tf.app.flags as before 1.5, when it was TensorFlow's own: `FLAGS._parse_flags()` and `FLAGS.__flags`."""

import sys

from absl import flags


def install():
    # absl defines flags of its own, such as log_dir; a script may define them again
    for flag in flags.FLAGS._flags().values():
        flag.allow_override = True
    flags.FlagValues._parse_flags = parse
    setattr(flags.FlagValues, "__flags", property(values))


def parse(self, args=None):
    self(sys.argv if args is None else sys.argv[:1] + list(args), known_only=True)


def values(self):
    """The script's own flags, by name."""
    if not self.is_parsed():
        parse(self)
    return {name: flag.value for name, flag in self._flags().items() if not flag.allow_override}
