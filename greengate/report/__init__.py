"""One file a report format; each offers `NAME` and `render(account) -> str`.

A format gets everything it tells in an `Account`; it measures, judges and looks up nothing. What others wrote (names,
messages, reasons, paths) goes through `greengate.report.escaping`, so that it is shown and never obeyed.
"""
