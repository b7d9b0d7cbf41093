"""One file a format of the quarterly report; each offers `NAME` and `render(report) -> bytes`.

A format gets everything it tells in a `greengate.esg.document.Quarterly`, and only lays it out. The same report is the
same bytes: nothing looks at the clock or at the machine.
"""
