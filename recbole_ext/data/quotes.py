"""Quotes around the columns of atomic files."""


def unquoted(text: str) -> str:
    """What a column says.

    A column that begins and ends with a quote, and has each quote between them doubled, is a
    quoted one, as csv writers make them. In any other column a quote is a character.
    """
    if len(text) < 2 or not (text[0] == text[-1] == '"'):
        return text
    inside = text[1:-1].replace('""', "")
    return text if '"' in inside else text[1:-1].replace('""', '"')


def quoted(text: str) -> str:
    """How to write a column so that ``unquoted`` gives ``text``."""
    return text if unquoted(text) == text else '"' + text.replace('"', '""') + '"'
