"""What the notebooks show and ask: `checks`, `widgets` and `diagrams`, X.py for the notebook NN_X.ipynb.

verdict (how an answer is judged), live and drag (panels), words (text in panels) and canvas (lines in diagrams) are
what they share. Nothing outside this folder imports it.
"""
