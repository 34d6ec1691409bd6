#!/bin/bash
# The measurements, a tenth of each: they run, and nothing that was accepted is
# lost, doubled or damaged. Figures are printed, not judged.
exec "${top_srcdir:-.}/bench/bench.py" --quick smtp append mix idle
