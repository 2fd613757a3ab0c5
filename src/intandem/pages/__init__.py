"""How pages and pictures are drawn, whatever is on them: the document, its style, the axes and layouts of charts.

What stands on a page is written in the room its figures come from.
"""
