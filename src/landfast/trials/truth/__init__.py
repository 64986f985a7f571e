"""The truth table: doctor, as its own process, on networks whose truth is known; what it found beside what there is.

    declared.py     a network's declaration → which findings are true of it            (pure)
    drawn.py        networks drawn at random from the axes, the same for the same seed (pure)
    matrix.py       runs → the confusion matrix, the times, the verdict                (pure)
    examine.py      one run: a laboratory, a reflector, doctor on its robot
    series.py       many runs, some at once
    page.py         the matrix as one page

Doctor never sees the declaration, and the laboratory never sees doctor: they meet here, afterwards.
"""
