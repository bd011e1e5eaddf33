"""The drawings of the notes are what their code draws."""
import sys

import matplotlib
import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "notes" / "drawings"))
import draw
import style


@pytest.mark.parametrize("drawing", draw.DRAWINGS, ids=lambda drawing: drawing.__name__)
def test_a_stored_drawing_is_what_its_code_draws(drawing, tmp_path):
    stored = (ROOT / "notes" / "figures" / f"{drawing.__name__}.svg").read_text(encoding="utf-8")
    if f"Matplotlib v{matplotlib.__version__}," not in stored:
        pytest.skip("another Matplotlib drew it, and writes it differently")
    style.save(drawing, tmp_path / "drawing.svg")
    assert (tmp_path / "drawing.svg").read_text(encoding="utf-8") == stored
