"""Serve: the prediction server. HTTP in, answers of `loop/answerer` out; nothing here decides what is answered."""
