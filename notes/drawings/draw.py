"""Draws all drawings of the notes: python notes/drawings/draw.py"""
import pathlib

import cells
import streams
import style
import unrolled

DRAWINGS = [cells.rnn_step, cells.lstm_cell, cells.peephole_cell, cells.coupled_cell, cells.gru_cell,
            unrolled.unrolled_network, unrolled.truncated_bptt, unrolled.partial_cost, unrolled.bidirectional,
            unrolled.encoder_decoder, unrolled.deep_dropout, unrolled.layers_on_devices,
            streams.stateful_windows, streams.text_batches, streams.sliding_windows, streams.feeding_back,
            streams.state_shape, streams.image_rows]

if __name__ == "__main__":
    for draw in DRAWINGS:
        style.save(draw, pathlib.Path(__file__).resolve().parent.parent / "figures" / f"{draw.__name__}.svg")
