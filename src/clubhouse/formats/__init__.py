"""Dates, times and money as each language writes them.

A template names the English pattern, ``{{ day|date:"j F Y" }}``, and a language's module answers with its own, as a
catalogue answers an English text. A test asks for an answer to every pattern that is used.
"""
