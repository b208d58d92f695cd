"""What a network does to a picture, by formula: sizes, what each output sees, parameters, multiply-adds.

`measure.py` walks through a network, `layer_rules.py` knows one layer; `tables.py` writes down what they found.
"""
